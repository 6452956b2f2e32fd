"""SGHMC and cyclical SGLD: exact with all rows, a little heat with minibatches, restarts that are told."""

import jax
import numpy as np
import pymc as pm
import pytest
from arviz_stats.base import array_stats

import pbnn
from pbnn.errors import MethodError
from pbnn.infer.minibatch import log_density_estimate, measure
from pbnn.infer.programs import InMemory, run_programs
from pbnn.infer.sgmcmc import SgChains
from pbnn.target import Target
from tests.exact import LinearGaussian

pytestmark = pytest.mark.slow

QUICK = {"draws": 40, "chains": 2, "thin": 5, "tune": 50}


@pytest.fixture(scope="module")
def linear():
    return LinearGaussian.simulate(n=200)


@pytest.fixture(scope="module", params=["sghmc", "csgld"])
def kernel(request):
    return request.param


@pytest.fixture(scope="module")
def full(linear):
    return pbnn.fit(linear.bnn, pbnn.SGMCMC(step_size=0.05), seed=1, progress=False)


@pytest.fixture(scope="module")
def batched(linear, kernel):
    return pbnn.fit(linear.bnn, pbnn.SGMCMC(kernel, batch_size=50), seed=1, progress=False)


def weights_of(tree):
    posterior = tree["posterior"]
    return np.concatenate([posterior["out_weight"].values[..., 0], posterior["out_bias"].values], axis=-1)


def errors_of(linear, tree, bias, widening):
    """Return errors of means and sds `(weight,)` in posterior sds, and their Monte Carlo standard errors."""
    z, sd = np.moveaxis(weights_of(tree), -1, 0), np.sqrt(np.diag(linear.covariance))
    means = (z.mean(axis=(1, 2)) + bias * sd - linear.mean) / sd, array_stats.mcse(z) / sd
    sds = widening * z.std(axis=(1, 2)) / sd - 1, array_stats.mcse(z, method="sd") / sd
    return means, sds


@pytest.mark.parametrize(("bias", "widening", "ok"), [(0, 1, True), (0.2, 1, False), (0, 1.15, False)])
def test_small_steps_on_all_rows_are_exact(linear, full, bias, widening, ok):
    (shift, shift_error), (ratio, ratio_error) = errors_of(linear, full, bias, widening)
    assert bool((abs(shift) < 4 * shift_error).all() and (abs(ratio) < 4 * ratio_error).all()) is ok


@pytest.mark.parametrize(("bias", "widening", "ok"), [(0, 1, True), (0.7, 1, False), (0, 1.6, False)])
def test_minibatches_at_the_default_step_size_add_little(linear, batched, bias, widening, ok):
    # The variance is larger by a tenth at most, the sd by a twentieth; the step size itself adds about as much.
    (shift, shift_error), (ratio, ratio_error) = errors_of(linear, batched, bias, widening)
    assert bool((abs(shift) < 4 * shift_error).all() and (abs(ratio) < 0.1 + 4 * ratio_error).all()) is ok


def test_layout(batched, kernel):
    stats = batched["sample_stats"]
    assert (batched["posterior"].sizes["chain"], batched["posterior"].sizes["draw"]) == (4, 1000)
    assert (batched.attrs["method"], batched.attrs["sampling"]) == ("sgmcmc", "mcmc")
    assert set(stats.data_vars) == {"lp", "step_size", "restarts"} | (
        {"temperature"} if kernel == "sghmc" else set()
    )
    assert int(stats["restarts"].sum()) == 0
    if kernel == "sghmc":
        assert abs(float(stats["temperature"].mean()) - 1) < 0.15
    else:  # falls in the second half of each of ten cycles
        cycles = stats["step_size"].values.reshape(4, 10, 100)
        assert (np.diff(cycles, axis=-1) < 0).all()
        np.testing.assert_allclose(cycles, cycles[:, :1].repeat(10, axis=1))


def test_results_can_be_used(linear, full):
    assert pbnn.diagnose(linear.bnn, full).attrs["trust"] == "yes"
    assert pbnn.predict(linear.bnn, full, linear.X[:5], seed=1)["predictions"].sizes["draw"] == 1000
    assert np.isfinite(pbnn.score(linear.bnn, full, *linear.new_data(50), seed=1)["lpd"])


@pytest.mark.parametrize("biased", [False, True])
def test_the_gradient_of_minibatches_is_unbiased(linear, biased):
    target = Target.of(linear.bnn, "float64")
    z, n = linear.mean + 0.1, 20_000
    with target.scope():
        slope = jax.jit(jax.vmap(jax.grad(log_density_estimate(target, 7)), (None, 0, None)))
        got = np.asarray(slope(z, jax.random.split(jax.random.PRNGKey(0), n), target.data))
        exact = np.asarray(jax.grad(target.log_density)(z, target.data))
    error = got.std(axis=0) / np.sqrt(n)
    planted = 10 * error if biased else 0
    assert bool((abs(got.mean(axis=0) + planted - exact) < 5 * error).all()) is not biased


def test_curvature_is_the_largest_eigenvalue(linear):
    target = Target.of(linear.bnn, "float64")
    inputs = {"key": np.array([1, 2], np.uint32), "z": linear.mean}
    with target.scope():
        found = measure(target, None)(inputs, target.data)
    largest = np.linalg.eigvalsh(np.linalg.inv(linear.covariance))[-1]
    assert float(found["curvature"]) == pytest.approx(largest, rel=0.05)
    assert float(found["noise"]) == 0


def test_the_same_seed_gives_the_same_draws(linear, kernel):
    method = pbnn.SGMCMC(kernel, batch_size=50, **QUICK)
    first, again, other = (
        weights_of(pbnn.fit(linear.bnn, method, seed=s, progress=False)) for s in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_chain_goes_on_from_any_piece(linear, kernel):
    target = Target.of(linear.bnn, "float32")
    program = SgChains(pbnn.SGMCMC(kernel, batch_size=50, **QUICK), target, 1)
    whole, broken = InMemory(), InMemory()
    run_programs(program, target, [0], whole, lambda n: None)

    def stop(n):
        stop.pieces += 1
        if stop.pieces % 3 == 0:
            raise KeyError

    stop.pieces = 0
    while (broken.state(0) or {}).get("stage") != "done":
        try:
            run_programs(program, target, [0], broken, stop)
        except KeyError:
            continue
    for name, draws in whole.draws(0, "draws").items():
        np.testing.assert_array_equal(broken.draws(0, "draws")[name], draws)
    plain = (np.ndarray, np.generic, int, float, str)
    assert all(isinstance(value, plain) for value in whole.state(0).values())


def test_a_step_too_large_restarts_the_chain_and_says_so(linear, kernel):
    step = {"sghmc": 4.0, "csgld": 8.0}[kernel]
    tree = pbnn.fit(linear.bnn, pbnn.SGMCMC(kernel, step_size=step, **QUICK), seed=1, progress=False)
    stats = tree["sample_stats"]
    assert (stats["restarts"] > 0).any()
    assert "it became unstable at the step size" in tree.attrs["message"]
    assert np.isfinite(stats["lp"]).all()


def test_a_step_that_cannot_be_saved_is_an_error(linear, kernel):
    method = pbnn.SGMCMC(kernel, step_size=1e9, restarts=1, **QUICK)
    with pytest.raises(MethodError, match=r"no chain could be run.*it became unstable at the step size"):
        pbnn.fit(linear.bnn, method, seed=1, progress=False)


@pytest.mark.parametrize(("bias", "ok"), [(0.0, True), (0.3, False)])
def test_any_model(kernel, bias, ok):
    with pm.Model() as model:
        pm.Normal("x", 1.0, [0.5, 2.0], shape=2)
    tree = pbnn.fit(model, pbnn.SGMCMC(kernel, thin=20, tune=1000), seed=1, progress=False)
    x = np.moveaxis(tree["posterior"]["x"].values, -1, 0)
    assert bool((abs(x.mean(axis=(1, 2)) + bias - 1) < 4 * array_stats.mcse(x)).all()) is ok


@pytest.mark.nightly
@pytest.mark.parametrize("n", [500, 5000])
def test_the_default_step_size_is_stable_on_a_network(n, kernel):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 5))
    y = np.sin(2 * X[:, 0]) + X[:, 1] * X[:, 2] + 0.1 * rng.normal(size=n)
    bnn = pbnn.build(pbnn.Network([pbnn.Dense(20)], pbnn.likelihoods.Gaussian()), X, y)
    tree = pbnn.fit(bnn, pbnn.SGMCMC(kernel, draws=100, chains=2), seed=1, progress=False)
    assert int(tree["sample_stats"]["restarts"].sum()) == 0
    assert float(tree["posterior"]["noise"].max()) < 0.5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kernel": "sgld"}, r"unknown kernel 'sgld'; known: csgld, sghmc"),
        *(
            ({name: 0}, rf"SGMCMC: {name} must be a whole number >= 1; got 0")
            for name in ("draws", "chains", "thin", "batch_size", "cycles")
        ),
        ({"tune": -1}, r"SGMCMC: tune must be a whole number >= 0; got -1"),
        ({"step_size": 0}, r"SGMCMC: step_size must be a positive number; got 0"),
        ({"friction": 1.0}, r"SGMCMC: friction must be between 0 and 1; got 1\.0"),
        ({"precision": "half"}, r"SGMCMC: precision must be"),
    ],
)
def test_mistake_is_named(options, message):
    with pytest.raises(MethodError, match=message):
        pbnn.SGMCMC(**options)
