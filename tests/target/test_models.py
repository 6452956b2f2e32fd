"""Targets of models that are no network: every kind of transform, potentials, data, and what cannot be fitted."""

import jax
import numpy as np
import pymc as pm
import pytensor.tensor as pt
import pytest
import xarray as xr
from pymc.distributions.transforms import ordered
from pytensor.compile.mode import Mode
from scipy import stats

from pbnn.errors import ModelError
from pbnn.graph.nn import nn
from pbnn.spec.layers import Dense
from pbnn.spec.network import Network
from pbnn.target import Target


def interval():
    pm.Uniform("u", -1, 3, shape=2)
    pm.Beta("b", 2, 3)
    pm.TruncatedNormal("t", 0, 1, lower=-1)
    pm.Exponential("e", 2.0)


def interval_of_a_variable():
    a = pm.Uniform("a", 0, 1)
    pm.Uniform("b", a, a + 2)


def order():
    pm.Normal("o", 0, 1, shape=4, transform=ordered, initval=[0.0, 1.0, 2.0, 3.0])


def lkj():
    pm.LKJCholeskyCov("L", n=3, eta=2, sd_dist=pm.Exponential.dist(1.0, shape=3))


def mixture():
    w = pm.Dirichlet("w", np.ones(3))
    mu = pm.Normal("mu", shape=3)
    pm.Mixture("y", w=w, comp_dists=pm.Normal.dist(mu, 1), observed=[0.0, 1.0])


def hierarchy():
    group = pm.Normal("group", pm.Normal("centre"), pm.HalfNormal("sd"), shape=3)
    f = nn("f", np.linspace(-1, 1, 6)[:, None], [Dense(2)])
    pm.Censored(
        "y",
        pm.Normal.dist(group[[0, 1, 2, 0, 1, 2]] + f, 1),
        lower=-1,
        upper=1,
        observed=[-1, 0, 1, 0.5, 0, 0],
    )


def nothing_but_a_number():
    pm.Normal("none", shape=0)
    pm.Normal("one")


MODELS = {
    "interval": (interval, {"u": (2,), "b": (), "t": (), "e": ()}),
    "interval of a variable": (interval_of_a_variable, {"a": (), "b": ()}),
    "order": (order, {"o": (4,)}),
    # A simplex of three has two unconstrained values, zero-sum variables one less along each axis.
    "simplex": (lambda: pm.Dirichlet("p", np.ones((2, 3))), {"p": (2, 3)}),
    "zero sum": (lambda: pm.ZeroSumNormal("z", shape=(4, 3), n_zerosum_axes=2), {"z": (4, 3)}),
    "correlation": (lambda: pm.LKJCorr("C", n=3, eta=2), {"C": (3, 3)}),
    "covariance": (lkj, {"L": (6,)}),
    "mixture": (mixture, {"w": (3,), "mu": (3,)}),
    "hierarchy": (hierarchy, None),
    "random walk": (lambda: pm.GaussianRandomWalk("g", shape=5, init_dist=pm.Normal.dist()), {"g": (5,)}),
    "flat": (lambda: (pm.Flat("f"), pm.HalfFlat("h")), {"f": (), "h": ()}),
    "empty variable": (nothing_but_a_number, {"none": (0,), "one": ()}),
}
QUICK = ("interval of a variable", "simplex")


# PyTensor folds a constant matrix product of LKJ's in C, and finds no BLAS.
@pytest.mark.filterwarnings("ignore:PyTensor could not link to a BLAS")
@pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in MODELS]
)
def test_density_and_way_back(name):
    make, shapes = MODELS[name]
    with pm.Model() as model:
        make()
    target = Target.of(model)
    z = target.starts(2, 0)[None] + 0.3 * np.random.default_rng(0).normal(size=(1, 2, target.dim))
    with target.scope():
        values = jax.tree.map(np.asarray, jax.jit(jax.vmap(jax.vmap(target.constrain)))(z))
        density = np.asarray(jax.jit(target.log_density)(z[0, 0]))
    if shapes is not None:
        assert {v.name: values[v.name].shape[2:] for v in target.variables} == shapes
    posterior = xr.Dataset(
        {
            v.name: (
                ("chain", "draw", *(f"{v.name}_{i}" for i in range(values[v.name].ndim - 2))),
                values[v.name],
            )
            for v in target.variables
        }
    )
    np.testing.assert_allclose(target.draws(posterior), z, atol=1e-12)
    point = {k: np.asarray(v) for k, v in target.unravel(z[0, 0]).items()}
    expected = model.compile_logp(mode=Mode("py", "fast_compile"))(point)
    # PyTensor keeps some constants of LKJ in float32.
    np.testing.assert_allclose(density, expected, rtol=1e-6 if name in ("covariance",) else 1e-12)


def test_potential_and_deterministic():
    with pm.Model() as model:
        mu = pm.Normal("mu", shape=2)
        pm.Potential("pot", -(mu**4))
        pm.Deterministic("total", mu.sum())
    target = Target.of(model)
    z = np.array([0.3, -1.2])
    with target.scope():
        expected = stats.norm.logpdf(z).sum() - (z**4).sum()
        np.testing.assert_allclose(target.log_density(z), expected)
        np.testing.assert_allclose(target.constrain(z)["total"], z.sum())


def test_data_are_those_of_now():
    with pm.Model() as model:
        x = pm.Data("x", [1.0, 2.0])
        pm.Normal("y", pm.Normal("slope") * x, 1.0, observed=pm.Data("y_data", [0.0, 0.0]))
    z = np.ones(1)
    before = Target.of(model)
    for x_new in ([1.0, 2.0], [3.0, 4.0, 5.0]):
        with model:
            pm.set_data({"x": x_new, "y_data": np.zeros(len(x_new))})
        expected = stats.norm.logpdf(1) + stats.norm.logpdf(x_new).sum()
        np.testing.assert_allclose(Target.of(model).log_density(z), expected, rtol=1e-6)
    # A target made before keeps what it was made with, though it is evaluated for the first time now.
    np.testing.assert_allclose(before.log_density(z), stats.norm.logpdf([1, 1, 2]).sum(), rtol=1e-6)


def test_dims_and_names():
    with pm.Model(coords={"group": ["a", "b"]}) as model:
        pm.Normal("mu", dims="group")
        pm.HalfNormal("sd")
    mu, sd = Target.of(model).variables
    assert (mu.name, mu.value_name, mu.shape, mu.dims, mu.size) == ("mu", "mu", (2,), ("group",), 2)
    assert (sd.name, sd.value_name, sd.shape, sd.dims, sd.size) == ("sd", "sd_log__", (), (), 1)


def test_first_use_within_a_trace_leaves_nothing_behind():
    """The graph is optimised at the first call; its constants must outlive the trace that made it."""
    with pm.Model() as model:
        pm.Normal("y", pm.Normal("mu", shape=3), 1.0, observed=[1.0, 2.0, 3.0])
    target, z = Target.of(model), np.ones(3)
    with target.scope():
        inside = jax.jit(jax.vmap(jax.grad(target.log_density)))(np.stack([z, z]))[0]
        np.testing.assert_allclose(jax.jit(jax.grad(target.log_density))(z), inside)
        np.testing.assert_allclose(target.log_density(z), stats.norm.logpdf([1, 1, 1, 0, 1, 2]).sum())


# ------------------------------------------------------------------------------------------- what cannot be fitted


def discrete():
    pm.Poisson("k", 3)
    pm.Bernoulli("j", 0.5)
    pm.Normal("mu")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (discrete, r"free variable\(s\) k, j are discrete, and these methods need gradients\. .* pm\.sample"),
        (lambda: None, r"the model has no free variables; there is nothing to infer"),
        (lambda: pm.Normal("y", observed=1.0), r"no free variables"),
    ],
)
def test_model_without_gradients_is_refused(make, message):
    with pm.Model() as model:
        make()
    with pytest.raises(ModelError, match=message):
        Target.of(model)


@pytest.mark.parametrize("model", [None, "model", Network, 3])
def test_no_model_at_all(model):
    with pytest.raises(ModelError, match=r"expected a BNN \(pbnn\.build\) or a pm\.Model; got"):
        Target.of(model)


def test_unknown_precision():
    with pm.Model() as model:
        pm.Normal("mu")
    with pytest.raises(ModelError, match=r"precision must be 'float32' or 'float64'; got 'float16'"):
        Target.of(model, "float16")


def outside_support():
    pm.Normal("fine", observed=1.0)
    pm.Gamma("y", 1, pm.HalfNormal("s"), observed=[1.0, -2.0])


def undefined():
    pm.Normal("y", 0, pt.sqrt(pm.Normal("s") - 100), observed=[1.0, 2.0])


def potential():
    pm.Potential("pot", pt.log(pm.Normal("s", shape=2).sum() - 1e4))


def no_gradient():
    pm.Potential("pot", -pt.sqrt(pt.maximum(pm.Normal("s"), 1e3) - 1e3))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            outside_support,
            r"the log density is not finite at the start, because of y \(-inf\)\. Check that its obs",
        ),
        pytest.param(undefined, r"because of y \(nan\)", marks=pytest.mark.slow),
        pytest.param(potential, r"because of pot \(nan\)", marks=pytest.mark.slow),
        (
            no_gradient,
            r"the gradient of the log density is not finite at the start, though the log density is",
        ),
    ],
)
def test_no_finite_start_names_the_variable(make, message):
    with pm.Model() as model:
        make()
    with pytest.raises(ModelError, match=message):
        Target.of(model).starts(2, 0)


def test_initval_is_heeded():
    with pm.Model() as model:
        pm.Potential("far", pt.log(pm.Normal("s", initval=200.0) - 100))
    assert abs(Target.of(model).starts(1, 0)[0, 0] - 200) <= 1
