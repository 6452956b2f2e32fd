"""What layers compute, beyond what `test_density` covers: activations over their range, and shapes that do not fit."""

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt
import pytest

from pbnn.errors import DataError, ShapeError, SpecError
from pbnn.graph.build import build
from pbnn.graph.layers import ACTIVATIONS, Place, Wire, apply_layer
from pbnn.graph.likelihoods import observe, output_labels
from pbnn.graph.priors import Site, draw_prior
from pbnn.spec.layers import ACTIVATIONS as NAMES
from pbnn.spec.layers import Dense, Embedding, LayerNorm, Residual
from pbnn.spec.likelihoods import Gaussian
from pbnn.spec.network import Network
from pbnn.spec.priors import DEFAULT_BIASES, DEFAULT_WEIGHTS, FanIn, HalfNormal, Normal, ResponseSD
from tests.graph.reference import ACTIVATIONS as REFERENCE

rng = np.random.default_rng(0)
X, Y = rng.normal(size=(10, 2)), rng.normal(size=10)


def test_activations_are_those_of_the_books():
    x = np.concatenate([np.linspace(-30, 30, 601), [-700.0, 700.0, 0.0]])
    symbol = pt.vector("x", dtype="float64")
    outputs = [ACTIVATIONS[name](symbol) for name in NAMES]
    values = pytensor.function([symbol], outputs, mode="FAST_COMPILE")(x)
    for name, value in zip(NAMES, values, strict=True):
        np.testing.assert_allclose(value, REFERENCE[name](x), rtol=1e-13, atol=1e-15, err_msg=name)


@pytest.mark.parametrize(
    "generic", [lambda x: apply_layer(x, wire(), place()), lambda x: draw_prior(x, Site("w"))]
)
def test_unknown_spec_lists_the_known_ones(generic):
    with pytest.raises(SpecError, match=r"unknown (layer|prior) 'int'; known: (AveragePool|ARD), "):
        generic(3)


@pytest.mark.parametrize("generic", [lambda x: observe(x, None, None), lambda x: output_labels(x, (), ())])
def test_unknown_likelihood_lists_the_known_ones(generic):
    with pytest.raises(SpecError, match=r"unknown likelihood 'int'; known: AsymmetricLaplace, Bernoulli"):
        generic(3)


def wire():
    return Wire(pt.matrix("x"), "feature", ("a", "b"))


def place():
    return Place("h0", DEFAULT_WEIGHTS, DEFAULT_BIASES)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (
            [Residual([Dense(5)])],
            r"h0: Residual takes 2 units and its last layer gives 5.*Let its last layer have 2",
        ),
        (
            [Dense(4), Residual([Residual([Dense(3)])])],
            r"h1_0: Residual takes 4 units and its last layer gives 3",
        ),
    ],
)
def test_residual_must_keep_the_width(layers, message):
    with pytest.raises(ShapeError, match=message):
        build(Network(layers, Gaussian()), X, Y)


@pytest.mark.parametrize(
    ("net", "message"),
    [
        (
            Network([], Gaussian(HalfNormal(FanIn()))),
            r"noise: FanIn needs a layer with inputs; give noise a number",
        ),
        (Network([], Gaussian(), weights=Normal(scale=ResponseSD())), r"out_weight: ResponseSD is for noise"),
        (
            Network([LayerNorm(gain=HalfNormal(ResponseSD()))], Gaussian()),
            r"h0_gain: ResponseSD is for noise",
        ),
    ],
)
def test_relative_scales_need_what_they_refer_to(net, message):
    with pytest.raises(SpecError, match=message):
        build(net, X, Y)


def test_a_column_can_be_embedded_once():
    with pytest.raises(SpecError, match=r"h1: unknown column of Embedding 'x0'; known: x0\[0\], x0\[1\], x1"):
        build(
            Network([Embedding(0), Embedding(0), Dense(2)], Gaussian()),
            [[i % 3, i] for i in range(9)],
            range(9),
        )


def test_embedding_takes_a_position_from_the_end():
    bnn = build(
        Network([Embedding(-1), Dense(2)], Gaussian()), [[i, "uvw"[i % 3]] for i in range(9)], range(9)
    )
    assert bnn.columns.categories == (None, ("u", "v", "w"))
    with pytest.raises(DataError, match=r"unknown column of Embedding 2; known: x0, x1"):
        build(Network([Embedding(2), Dense(2)], Gaussian()), X, Y)


def test_weights_are_the_models_variables():
    """Non-centred coordinates are a transform: the posterior, and PyMC's own verbs, see the weights themselves."""
    bnn = build(Network([Dense(3, weight=Normal(2.0, 0.5))], Gaussian()), X, Y)
    draws = pm.draw(bnn.model["h0_weight"], 2000, random_seed=1, mode="FAST_COMPILE")
    error = 0.5 / np.sqrt(draws.size)
    assert abs(draws.mean() - 2.0) < 5 * error
    assert abs(draws.std() - 0.5) < 5 * error
    assert [v.name for v in bnn.model.value_vars[:2]] == ["h0_weight_noncentered__", "h0_bias_noncentered__"]
