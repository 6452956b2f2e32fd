"""The options of methods: defaults that work, and mistakes named before any sampling."""

import dataclasses

import numpy as np
import pymc as pm
import pytest

from pbnn.errors import MethodError, MissingExtraError, ModelError
from pbnn.infer import ADVI, MAP, MCLMC, METHODS, NUTS, PymcADVI, as_method, fit
from pbnn.infer.methods import method_name
from pbnn.infer.run import run
from pbnn.spec.likelihoods import Gaussian
from pbnn.spec.network import Network


@pytest.mark.parametrize("name", METHODS)
def test_names_and_classes_stand_for_options(name):
    cls = METHODS[name]
    assert as_method(name) == as_method(name.upper()) == as_method(cls) == as_method(cls()) == cls()
    assert method_name(cls()) == name


KNOWN = "advi, ensemble, gauss-newton-vi, laplace, map, mclmc, nuts, pymc-advi, sgmcmc, swag"


def test_mclmc_is_the_default():
    assert as_method(None) == MCLMC()


@pytest.mark.parametrize("method", ["nutz", "", 3, [1], Network([], Gaussian()), Network, print])
def test_unknown_method_lists_the_known_ones(method):
    with pytest.raises(
        MethodError,
        match=rf"fit: unknown method .*; known: {KNOWN}",
    ):
        as_method(method)


def test_run_refuses_what_is_no_method():
    with pytest.raises(
        MethodError,
        match=rf"unknown method 'int'; known: {KNOWN}",
    ):
        run(3, None, None)


COUNTS = [
    *((NUTS, name) for name in ("draws", "chains", "max_treedepth")),
    *((ADVI, name) for name in ("draws", "steps", "samples", "rank", "batch_size")),
    *((MAP, name) for name in ("starts", "steps")),
    *((PymcADVI, name) for name in ("draws", "steps")),
]


@pytest.mark.parametrize(("cls", "name"), COUNTS)
@pytest.mark.parametrize("value", [0, -1, 1.0, "10", True, np.nan])
def test_counts_are_whole_and_positive(cls, name, value):
    with pytest.raises(MethodError, match=rf"{cls.__name__}: {name} must be a whole number >= 1; got "):
        cls(**{name: value})


@pytest.mark.parametrize(("cls", "name"), [*COUNTS, (NUTS, "tune")])
def test_counts_of_numpy_become_plain(cls, name):
    method = cls(**{name: np.int64(5)})
    assert method == cls(**{name: 5})
    assert type(getattr(method, name)) is int


MISTAKES = [
    (lambda: NUTS(tune=-1), r"NUTS: tune must be a whole number >= 0; got -1"),
    (lambda: NUTS(target_accept=1.0), r"NUTS: target_accept must be between 0 and 1; got 1\.0"),
    (lambda: NUTS(target_accept="0.9"), r"NUTS: target_accept must be between 0 and 1; got '0\.9'"),
    (lambda: NUTS(sampler="stan"), r"unknown sampler 'stan'; known: blackjax, numpyro, nutpie, pymc"),
    (lambda: ADVI("diagonal"), r"unknown structure 'diagonal'; known: fullrank, lowrank, meanfield"),
    (lambda: ADVI(learning_rate=0), r"ADVI: learning_rate must be a positive number; got 0"),
    (lambda: ADVI(learning_rate=None), r"ADVI: learning_rate must be a positive number; got None"),
    (lambda: PymcADVI("lowrank"), r"unknown structure 'lowrank'; known: fullrank, meanfield"),
]


@pytest.mark.parametrize("cls", [NUTS, ADVI, MAP])
def test_unknown_precision(cls):
    with pytest.raises(MethodError, match=r"precision must be 'float32' or 'float64'; got 'f8'"):
        cls(precision="f8")


@pytest.mark.parametrize(("make", "message"), MISTAKES)
def test_mistake_is_named(make, message):
    with pytest.raises(MethodError, match=message):
        make()


@pytest.mark.parametrize("method", [cls() for cls in METHODS.values()], ids=repr)
def test_options_are_frozen(method):
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(method, dataclasses.fields(method)[0].name, 3)
    assert hash(method) == hash(dataclasses.replace(method))


@pytest.mark.parametrize("seed", [-1, 2**31, 1.5, "1", True, np.random.default_rng(0), [1]])
def test_bad_seed_is_named(seed, gaussian):
    with pytest.raises(MethodError, match=r"fit: seed must be a whole number from 0 to 2³¹ - 1; got "):
        fit(gaussian, MAP(), seed=seed)


@pytest.mark.parametrize("method", [NUTS(), ADVI(), MAP(), PymcADVI(), NUTS(sampler="pymc")], ids=repr)
def test_discrete_models_are_refused(method):
    with pm.Model() as model:
        pm.Poisson("k", 3)
        pm.Normal("mu")
    with pytest.raises(ModelError, match=r"free variable\(s\) k are discrete"):
        fit(model, method, seed=1)


@pytest.mark.parametrize(
    "method", [MAP(), *(pytest.param(m, marks=pytest.mark.slow) for m in (ADVI(), NUTS()))]
)
def test_no_finite_start_is_an_error_before_sampling(method):
    with pm.Model() as model:
        pm.HalfNormal("y", pm.HalfNormal("s"), observed=-1.0)
    with pytest.raises(ModelError, match=r"not finite at the start, because of y \(-inf\)"):
        fit(model, method, seed=1, progress=False)


@pytest.mark.parametrize("model", [None, Network([], Gaussian()), "model"])
def test_no_model(model):
    with pytest.raises(ModelError, match=r"expected a BNN \(pbnn\.build\) or a pm\.Model"):
        fit(model, seed=1)


@pytest.mark.parametrize("sampler", ["nutpie", "numpyro"])
def test_missing_sampler_names_the_extra(sampler, gaussian, monkeypatch):
    monkeypatch.setattr("pbnn.infer.pymc_samplers.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=rf'pip install "pbnn\[{sampler}\]"'):
        fit(gaussian, NUTS(sampler=sampler), seed=1)


@pytest.mark.parametrize("sampler", ["pymc", "nutpie", "numpyro"])
def test_float32_is_for_our_own_sampler(sampler):
    with pytest.raises(MethodError, match=rf"NUTS: sampler='{sampler}' runs in float64 only"):
        NUTS(sampler=sampler, precision="float32")
