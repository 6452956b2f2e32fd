"""What was compiled for a fit serves the next one, and new data do not meet the old ones in it."""

from functools import cache
from types import SimpleNamespace

import jax.monitoring
import numpy as np
import pymc as pm
import pytest

import pbnn
from pbnn import likelihoods
from pbnn.infer.programs import _Batch
from pbnn.target import Target
from tests.tiers import tiers

METHODS = {
    "nuts": pbnn.NUTS(draws=20, tune=20, chains=1),
    "mclmc": pbnn.MCLMC(draws=20, chains=1, tune=200),
    "sgmcmc": pbnn.SGMCMC(draws=10, chains=1, tune=20, thin=2, cycles=1, step_size=1e-4),
    "advi": pbnn.ADVI(draws=10, steps=200),
    "gauss-newton-vi": pbnn.GaussNewtonVI(draws=10, steps=100),
    "swag": pbnn.SWAG(members=1, draws=10, iterates=20, thin=2, rank=5),
    "ensemble": pbnn.Ensemble(members=2),
    "map": pbnn.MAP(starts=1, steps=50),
}
rng = np.random.default_rng(1)
X = rng.normal(size=(60, 2))
FIRST, SECOND = rng.normal(size=60), 2 * X[:, 0] + rng.normal(size=60)
NETWORK = pbnn.Network([pbnn.Dense(3)], likelihoods.Gaussian())


@cache
def old_data():
    return pbnn.build(NETWORK, X, FIRST)


@cache
def never_fitted_to_old_data():
    """The same model, with the standardisation of the old data."""
    return new_data(pbnn.build(NETWORK, X, FIRST))


def new_data(bnn, inputs=2 * X, y=SECOND):
    with bnn.model:
        pm.set_data({"X": inputs, "y_data": y})
    return bnn


@pytest.fixture
def compiled():
    """Return the names of what XLA has compiled during the test, as it grows."""
    names = []

    def listen(event, _, fun_name="", **__):
        if event.endswith("backend_compile_duration"):
            names.append(fun_name)

    jax.monitoring.register_event_duration_secs_listener(listen)
    yield names
    jax.monitoring.unregister_event_duration_listener(listen)


def fit(bnn, method, seed):
    tree = pbnn.fit(bnn, METHODS[method], seed=seed, progress=False)
    return pbnn.predict(bnn, tree, seed=1)["predictions"]["mu"].to_numpy()


@pytest.mark.slow
@pytest.mark.parametrize("method", tiers(METHODS, ("mclmc", "map")))
def test_another_seed_and_other_data_take_no_compilation(method, compiled):
    bnn = old_data()
    fit(bnn, method, 1)
    assert compiled
    compiled.clear()
    after = fit(new_data(bnn), method, 3)
    new_data(bnn, X, FIRST)
    assert set(compiled) <= {"jit(stage)"}  # BlackJAX makes its schedule so

    np.testing.assert_allclose(after, fit(never_fitted_to_old_data(), method, 3), rtol=1e-4, atol=1e-4)


@pytest.mark.slow
def test_a_model_that_is_added_to_is_compiled_anew():
    bnn = pbnn.build(NETWORK, X, FIRST)
    fit(bnn, "map", 1)
    with bnn.model:
        pm.Potential("tight", -1e4 * (bnn.model["out_bias"] - 5).sum() ** 2)
    after = pbnn.fit(bnn, METHODS["map"], seed=1, progress=False)["posterior"]["out_bias"]
    assert float(after.squeeze()) == pytest.approx(5, abs=0.05)


@pytest.mark.slow
@pytest.mark.parametrize("of", tiers(["prior", "observed"], ["prior"]))
def test_data_that_a_variable_of_the_users_reads_are_read_anew(of):
    bnn = pbnn.build(NETWORK, X, FIRST)
    with bnn.model:
        known = pm.Data("known", np.zeros(1))
        pm.Normal("added", known, shape=1) if of == "prior" else pm.Normal("added", 0.0, observed=known)
    before = Target.of(bnn)
    with bnn.model:
        pm.set_data({"known": np.full(1, 2.0)})
    z = np.zeros(before.dim)
    assert float(Target.of(bnn).log_prior(z) - before.log_prior(z)) == pytest.approx(-2)


def test_a_target_from_before_a_change_keeps_its_functions_to_itself():
    bnn = pbnn.build(NETWORK, X, FIRST)
    before = Target.of(bnn)
    with bnn.model:
        pm.Potential("tight", -(bnn.model["out_bias"].sum() ** 2))
    after = Target.of(bnn)
    assert before.once("key", object) is not after.once("key", object)
    assert after.once("key", object) is Target.of(bnn).once("key", object)


def test_chains_in_a_batch_share_too():
    target = Target.of(old_data())
    program = SimpleNamespace(kernels={"move": lambda inputs, data: inputs})
    assert _Batch(program, target, 2)._kernels == _Batch(program, target, 2)._kernels
