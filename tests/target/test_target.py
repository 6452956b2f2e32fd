"""The target is the model's log density, whichever the precision, the thread and the caller's flags."""

import json
import os
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor

import jax
import jax.numpy as jnp
import numpy as np
import pymc as pm
import pytest
import xarray as xr

from pbnn.errors import DataError, ModelError, ShapeError
from pbnn.graph.build import build
from pbnn.spec.layers import Dense
from pbnn.spec.likelihoods import Bernoulli, Categorical, Gaussian, Poisson, StudentT
from pbnn.spec.network import Network
from pbnn.spec.priors import HalfNormal
from pbnn.target import Target
from tests.graph.cases import NETS, X, at_point, bnn, evaluated, point, target
from tests.tiers import tiers

slow = pytest.mark.slow


def some(*names):
    """Return all cases: `names` run always, a few networks of other kinds in CI."""
    return tiers(NETS, names, {"categorical", "blocks", "sequence"} - {*names})


def compiled(at, method):
    """Return a method of a target, compiled and called in its precision."""
    function = jax.jit(getattr(at, method))

    def call(*args):
        with at.scope():
            return jax.tree.map(np.asarray, function(*args))

    return call


# ------------------------------------------------------------------------------------------------------ gradient


@pytest.mark.parametrize(("tampered", "ok"), [(1.0, True), (1.001, False)])
@pytest.mark.parametrize("name", some("noise learned"))
def test_gradient_is_that_of_finite_differences(name, tampered, ok):
    at, z = target(name), point(name)
    with at.scope():
        gradient = np.asarray(jax.jit(jax.grad(at.log_density))(z)) * tampered
    step = 1e-6
    for direction in np.random.default_rng(0).normal(size=(5, at.dim)):
        up, down = (at_point(name, z + sign * step * direction)["log_density"] for sign in (1, -1))
        slope = (up - down) / (2 * step)
        scale = np.linalg.norm(gradient) * np.linalg.norm(direction)
        assert (abs(gradient @ direction - slope) < 1e-7 * scale) == ok or abs(
            gradient @ direction
        ) < 1e-4 * scale


# ----------------------------------------------------------------------------------------------------- precision


@pytest.mark.parametrize("name", some("noise learned", "categorical"))
def test_float32_agrees_with_float64(name):
    single, double = evaluated(name, "float32"), evaluated(name)
    for got, expected in zip(jax.tree.leaves(single), jax.tree.leaves(double), strict=True):
        assert got.dtype == np.float32
        assert expected.dtype == np.float64
        np.testing.assert_allclose(got, expected, rtol=2e-4, atol=1e-3 * np.abs(expected).max())


@pytest.mark.parametrize("offset", [1e6, pytest.param(-1e9, marks=slow)])
def test_a_large_offset_costs_no_digits(offset):
    """Responses near 1e6 that differ in the third digit after the point: float32 alone would see a constant."""
    rng = np.random.default_rng(0)
    X, signal = rng.normal(size=(50, 2)), 0.01 * rng.normal(size=50)
    net = Network([Dense(3)], Gaussian(0.005))
    z = rng.normal(size=Target.of(build(net, X, signal)).dim)
    shifted = build(net, X + offset, signal + offset)
    # What of the signal float64 itself loses beside the offset.
    expected = compiled(Target.of(build(net, X, (signal + offset) - offset)), "log_likelihood")(z)
    got = compiled(Target.of(shifted, "float32"), "log_likelihood")(z.astype(np.float32))
    np.testing.assert_allclose(got, expected, rtol=1e-3, atol=1e-3 * np.abs(expected).max())


@pytest.mark.slow
def test_threads_keep_their_precisions_apart():
    z = {p: point("noise learned").astype(p) for p in ("float32", "float64")}
    expected = {p: evaluated("noise learned", p)["log_density"] for p in z}

    def work(i):
        precision = ("float32", "float64")[i % 2]
        at = Target.of(bnn("noise learned"), precision)
        with at.scope():
            values = [jax.jit(at.log_density)(z[precision]) for _ in range(3)]
        assert {leaf.dtype for leaf in jax.tree.leaves(values)} == {jnp.dtype(precision)}
        return np.array(values), precision

    with ThreadPoolExecutor(4) as pool:
        for values, precision in pool.map(work, range(4)):
            np.testing.assert_allclose(values, expected[precision], rtol=1e-6)
    assert jax.config.jax_enable_x64 is False


FLAGS = """
import json, os, sys, warnings
import jax
if {x64}: jax.config.update("jax_enable_x64", True)
import numpy as np, pbnn
from pbnn import likelihoods
X = np.linspace(-1, 1, 20)[:, None]
bnn = pbnn.build(pbnn.Network([], likelihoods.Gaussian()), X, X[:, 0] ** 2)
for precision in ("float32", "float64"):
    pbnn.fit(bnn, pbnn.MAP(1, steps=2, precision=precision), seed=1, progress=False)
print(json.dumps([jax.config.jax_enable_x64, os.environ.get("XLA_FLAGS"), str(jax.numpy.ones(1).dtype)]))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("x64", "flags"),
    [(False, None), pytest.param(True, "--xla_cpu_multi_thread_eigen=true", marks=pytest.mark.nightly)],
)
def test_global_flags_are_left_as_found(x64, flags):
    env = {k: v for k, v in os.environ.items() if k != "XLA_FLAGS"} | ({"XLA_FLAGS": flags} if flags else {})
    done = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "-c", FLAGS.format(x64=x64)],
        env=env, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert json.loads(done.stdout) == [x64, flags, "float64" if x64 else "float32"]


# -------------------------------------------------------------------------------------------- units of the response


@pytest.mark.parametrize(
    "likelihood",
    [Gaussian(), pytest.param(Gaussian("heteroscedastic"), marks=slow), pytest.param(StudentT(), marks=slow)],
)
def test_units_of_the_response_shift_the_log_likelihood(likelihood):
    """In other units the unconstrained posterior is the same, and log densities shift by the logarithm of the unit."""
    factor, offset = 250.0, -40.0
    y = NETS["noise learned"][3]
    net = Network([Dense(3)], likelihood)
    here, there = Target.of(build(net, X, y)), Target.of(build(net, X, factor * y + offset))
    z = 0.5 * np.random.default_rng(1).normal(size=here.dim)
    shift = np.log(factor)
    parts = {name: np.asarray(part) for name, part in here.unravel(z).items()}
    moved = there.ravel({n: part + shift if n == "noise_log__" else part for n, part in parts.items()})
    np.testing.assert_allclose(
        compiled(there, "log_likelihood")(moved) + shift, compiled(here, "log_likelihood")(z), rtol=1e-12
    )
    np.testing.assert_allclose(
        compiled(there, "log_prior")(moved), compiled(here, "log_prior")(z), rtol=1e-12
    )


@slow
def test_units_of_the_inputs_do_not_matter():
    z = point("noise learned")
    other = Target.of(
        build(bnn("noise learned").network, X * [1e-5, 1e4] + [3, -1e3], NETS["noise learned"][3])
    )
    np.testing.assert_allclose(
        compiled(other, "log_density")(z), evaluated("noise learned")["log_density"], rtol=1e-9
    )


# ---------------------------------------------------------------------------------------- other data, other inputs


@slow
def test_forward_takes_inputs_as_build_does():
    at, z = target("embeddings"), point("embeddings")
    X = NETS["embeddings"][2]
    expected = evaluated("embeddings")["parameters"]["mu"]
    np.testing.assert_allclose(at.forward(z, X[::-1])["mu"], expected[::-1])
    with pytest.raises(DataError, match=r"forward: X column 'kind': unknown category 'x' in row 0"):
        at.forward(z, X.assign(kind="x"))


@pytest.mark.parametrize("name", some("categorical"))
def test_log_likelihood_of_other_rows(name):
    X, y = NETS[name][2:]
    log_likelihood = compiled(target(name), "log_likelihood")
    for rows in ([3], list(range(12)) * 2):
        data = target(name).bind(X.iloc[rows], np.asarray(y)[rows])
        got = log_likelihood(point(name), data)
        np.testing.assert_allclose(got, evaluated(name)["log_likelihood"][rows], rtol=1e-10)


def test_bind_checks_labels():
    with pytest.raises(
        DataError, match=r"score: y: unknown label 'other' in row 0; known from training: 'low', 'mid', 'top'"
    ):
        target("categorical").bind(X, ["other"] * 12)


def test_set_data_is_seen():
    rng = np.random.default_rng(0)
    own = build(Network([Dense(3)], Gaussian()), X, NETS["noise learned"][3])
    X_new, y_new = rng.normal(size=(30, 2)), rng.normal(size=30)
    Target.of(own)  # whose graphs are kept for the next
    with own.model:
        pm.set_data({"X": X_new, "y_data": y_new})
    at, z = Target.of(own), point("noise learned")
    assert at.n_obs == 30
    with target("noise learned").scope():
        expected = target("noise learned").log_likelihood(z, target("noise learned").bind(X_new, y_new))
    np.testing.assert_allclose(compiled(at, "log_likelihood")(z), expected)


@pytest.mark.slow
def test_set_data_is_seen_by_what_a_user_added():
    own = build(Network([], Gaussian()), X, NETS["noise learned"][3])
    with own.model:
        shift = pm.Data("shift", 1.0)
        pm.Potential("penalty", -shift * own.model["out_bias"].sum() ** 2)
    z = np.ones(Target.of(own).dim)
    before = float(Target.of(own).log_density(z))
    with own.model:
        pm.set_data({"shift": 2.0})
    assert float(Target.of(own).log_density(z)) == pytest.approx(before - 1.0)


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        (
            {"X": np.zeros((5, 2))},
            ShapeError,
            r"X of the model has 5 rows and y_data has 12; set both, pm\.set_data",
        ),
        ({"X": np.full((12, 2), np.nan)}, DataError, r"X of the model holds missing or infinite values"),
    ],
)
def test_bad_set_data_is_named_before_sampling(data, error, message):
    own = build(Network([], Gaussian()), X, NETS["noise learned"][3])
    with own.model, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyMC's own word on lengths that differ
        pm.set_data(data)
    with pytest.raises(error, match=message):
        Target.of(own).starts(1, 0)


# --------------------------------------------------------------------------------------------- draws of a response


@pytest.mark.parametrize(
    ("likelihood", "y"),
    [
        pytest.param(Gaussian(), np.arange(12.0), marks=slow),
        pytest.param(Gaussian("heteroscedastic"), np.arange(12.0), marks=slow),
        pytest.param(StudentT(10.0), np.arange(12.0), marks=slow),
        pytest.param(Gaussian(), np.arange(24.0).reshape(12, 2), marks=slow),
        pytest.param(Poisson(), np.arange(12), marks=slow),
        pytest.param(Bernoulli(), [0, 1] * 6, marks=slow),
        (Categorical(), [0, 1, 2] * 4),
    ],
    ids=repr,
)
def test_drawn_responses_have_the_mean_and_variance_promised(likelihood, y):
    at = Target.of(build(Network([], likelihood), X, y))
    z, n = 0.3 * np.random.default_rng(2).normal(size=at.dim), 4000
    with at.scope():
        draw = jax.jit(jax.vmap(lambda key: at.draw_response(z, at.data["x"], key)))
        draws = np.asarray(draw(jax.random.split(jax.random.PRNGKey(3), n)))
        parameters = {k: np.asarray(v) for k, v in at.parameters(z, at.data["x"]).items()}
    if "p" in parameters:
        draws = draws[..., None] == np.arange(parameters["p"].shape[-1])
        mean, variance = parameters["p"], parameters["p"] * (1 - parameters["p"])
    else:
        mean, variance = parameters["mu"], parameters["variance"]
    # 12 to 36 means at once: 5 standard errors.
    errors = (draws.mean(axis=0) - mean) / np.sqrt(variance / n)
    assert np.abs(errors).max() < 5
    assert np.abs(errors + 0.2 * np.sqrt(n)).max() > 5
    np.testing.assert_allclose(draws.var(axis=0), variance, rtol=0.25, atol=1e-12)


# --------------------------------------------------------------------------------------------- there and back again


@pytest.mark.parametrize("name", some("priors"))
def test_draws_invert_constrain(name):
    at = target(name)
    z = np.random.default_rng(0).normal(size=(2, 3, at.dim))
    with at.scope():
        values = jax.tree.map(np.asarray, jax.jit(jax.vmap(jax.vmap(at.constrain)))(z))
    posterior = dataset(at, values)
    np.testing.assert_allclose(at.draws(posterior), z, rtol=1e-9, atol=1e-9)
    # Whatever the order of dims and of variables.
    shuffled = posterior.transpose("draw", "chain", ...)[list(posterior)[::-1]]
    np.testing.assert_allclose(at.draws(shuffled), z, rtol=1e-9, atol=1e-9)


def dataset(at, values):
    names = [v.name for v in at.variables]
    return xr.Dataset(
        {n: (("chain", "draw", *(f"{n}_{i}" for i in range(values[n].ndim - 2))), values[n]) for n in names}
    )


def test_draws_of_another_model_are_refused():
    values = {v.name: np.ones((1, 2, *v.shape)) for v in target("noise learned").variables}
    posterior = dataset(target("noise learned"), values)
    with pytest.raises(
        ModelError, match=r"posterior: variable 'h0_bias' is missing; is this the fit of another model"
    ):
        target("noise learned").draws(posterior.drop_vars("h0_bias"))
    with pytest.raises(ModelError, match=r"'out_weight' has shape \(3, 1\) and the model has \(3, 2\)"):
        target("two outputs").draws(posterior)


def test_ravel_inverts_unravel():
    at, z = target("priors"), point("priors")
    parts = at.unravel(z)
    assert [v.value_name for v in at.variables] == list(parts)
    np.testing.assert_array_equal(at.ravel(parts), z)
    assert at.dim == z.size == sum(np.size(part) for part in parts.values())


# --------------------------------------------------------------------------------------------------------- starts


def test_starts_depend_on_the_seed_only():
    at = target("noise learned")
    first = at.starts(3, 5)
    np.testing.assert_array_equal(first, at.starts(3, 5))
    assert (first != at.starts(3, 6)).any()
    assert len({z.tobytes() for z in first}) == 3
    assert first.dtype == np.float64


def test_starts_are_draws_from_the_prior_with_scales_at_their_centres():
    at = Target.of(build(Network([Dense(400, bias=False)], Gaussian(HalfNormal(2.0))), X, NETS["linear"][3]))
    parts = jax.tree.map(np.asarray, at.unravel(at.starts(1, 0)[0]))
    assert abs(np.std(parts["h0_weight_noncentered__"]) - 1) < 5 / np.sqrt(2 * 800)
    # PyMC's centre of LogNormal(median, 1) is its mean.
    assert float(parts["h0_weight_scale_log__"]) == pytest.approx(np.log(2**-0.5) + 0.5)
    assert float(parts["noise_log__"]) == pytest.approx(np.log(2.0))


def test_general_model_has_no_forward():
    with pm.Model() as model:
        pm.Normal("mu")
    at = Target.of(model)
    for call in (
        lambda: at.forward(np.zeros(1), X),
        lambda: at.inputs(X),
        lambda: at.bind(X, X),
        lambda: at.log_likelihood(np.zeros(1)),
        lambda: at.draw_response(np.zeros(1), X, jax.random.PRNGKey(0)),
    ):
        with pytest.raises(
            ModelError, match=r"Target\.\w+: only for a model made by pbnn\.build; this is a general"
        ):
            call()
