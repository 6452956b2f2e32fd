"""Scores on single parts: the surrogate against the whole Gaussian over points and parts, and what is tried again."""

from dataclasses import replace

import jax
import numpy as np
import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import create_trial
from scipy.stats import norm

from pbnn.errors import DataError, MethodError, ShapeError, SpecError
from pbnn.search import GPSampler, Inputs, Observations, fit_surrogate, part_of, recommend, report_part
from pbnn.search.bayes import gp_model
from pbnn.search.gp import condition, pad, posterior
from pbnn.search.hyperparameters import unpack
from pbnn.search.inputs import Layout, Points
from pbnn.search.kernel import covariance, covariance_on_a_part, embed, kernels
from pbnn.search.mode import log_likelihood
from pbnn.search.revisit import again_or_new, gain_of_certainty, gains
from pbnn.search.soften import soften
from pbnn.search.told import observations_of, read
from pbnn.search.trials import Cells

K = 3
SPACE = {"x": IntDistribution(0, 9)}
INPUTS = Inputs.of(SPACE)
LAYOUT = Layout(INPUTS.layout.choices, INPUTS.layout.levels, INPUTS.layout.gates, parts=K)
# Length scale, no warping, amplitude, nugget, mean, what is common to a part, and what is its own.
THETA = np.array([np.log(0.4), 0.0, 0.0, 0.2, -2.0, 0.3, np.log(0.5), np.log(0.4)])
at, likelihood = jax.jit(posterior), jax.jit(log_likelihood)


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64(True):
        yield


@pytest.fixture(scope="module")
def whole():
    """Mean of the parts at all ten points, and covariance of it and of all scores: `(10 + 10 K, 10 + 10 K)`."""
    with jax.enable_x64(True):
        points = INPUTS.points([{"x": i} for i in range(10)])
        z = embed(THETA, points.x, points.active, LAYOUT)
        smooth, same = kernels(THETA, z, z, LAYOUT)
    nugget = np.exp(-2.0)
    function = np.asarray(smooth) + nugget / K * np.eye(10)
    own = 0.5 + 0.4 * np.asarray(smooth) + nugget * np.eye(10)
    np.testing.assert_array_equal(same, np.eye(10, dtype=bool))
    # Every part has a function of its own, drawn alike, less the mean of all.
    centring = np.kron(np.eye(K) - 1 / K, np.eye(10))
    to_mean, to_parts = np.eye(10), np.tile(np.eye(10), (K, 1))
    of_function = np.vstack([to_mean, to_parts])
    cov = of_function @ function @ of_function.T
    cov[10:, 10:] += centring @ np.kron(np.eye(K), own) @ centring.T
    return cov


def observed(cells):
    """Return rows of a design that averages the scores of each trial: `(n, 10 + 10 K)`."""
    rows = np.zeros((len(cells), 10 + 10 * K))
    for row, (x, parts) in zip(rows, cells, strict=True):
        row[[10 + 10 * s + x for s in parts]] = 1 / len(parts)
    return rows


CELLS = [(0, [0]), (3, [1]), (3, [2]), (5, [0]), (5, [1, 2]), (9, [0, 1, 2]), (7, [2])]


def surrogate_of(cells, y):
    parts = np.array([[s in of for s in range(K)] for _, of in cells])
    told = Observations(INPUTS.points([{"x": x} for x, _ in cells]), y, parts=parts)
    return fit_surrogate(INPUTS, told), told


def test_posterior_is_that_of_the_whole_gaussian(whole):
    rng = np.random.default_rng(1)
    design, y = observed(CELLS), rng.normal(size=len(CELLS))
    _, told = surrogate_of(CELLS, y)
    rows = pad(told.points, y, np.zeros((len(y), len(y))), told.share, LAYOUT)
    points = INPUTS.points([{"x": i} for i in range(10)])
    mean, cov = at(condition(THETA[None], rows), points.x, points.active)
    k = design @ whole @ design.T + 1e-8 * np.eye(len(y))
    cross = design @ whole[:, :10]
    np.testing.assert_allclose(mean[0], 0.3 + np.linalg.solve(k, cross).T @ (y - 0.3), rtol=1e-7, atol=1e-9)
    expected = whole[:10, :10] - cross.T @ np.linalg.solve(k, cross)
    np.testing.assert_allclose(cov[0], expected, atol=1e-8)
    # What was scored on all parts is known: the function is their mean.
    assert cov[0][9, 9] < 1e-7
    assert abs(mean[0][9] - y[5]) < 1e-6
    log_density = -0.5 * ((y - 0.3) @ np.linalg.solve(k, y - 0.3) + np.linalg.slogdet(2 * np.pi * k)[1])
    np.testing.assert_allclose(likelihood(THETA, rows), log_density, rtol=1e-9)


def test_covariances_are_those_of_equal_points_too():
    one, other = (INPUTS.points([{"x": i} for i in some]) for some in ((2, 4), (4, 5)))
    a, b = (embed(THETA, p.x, p.active, LAYOUT) for p in (one, other))
    nugget = np.exp(-2.0)
    smooth = np.asarray(kernels(THETA, a, b, LAYOUT)[0])
    np.testing.assert_allclose(
        covariance(THETA, a, b, LAYOUT) - smooth, [[0, 0], [nugget / K, 0]], atol=1e-15
    )
    np.testing.assert_allclose(
        covariance_on_a_part(THETA, a, b, LAYOUT) - 0.5 - 0.4 * smooth, [[0, 0], [nugget, 0]], atol=1e-12
    )


def test_gain_is_what_the_best_mean_rises_by_on_average():
    rng = np.random.default_rng(2)
    cells = [
        (int(x), [int(s)]) for x, s in zip(rng.integers(10, size=14), rng.integers(K, size=14), strict=True)
    ]
    cells = list({(x, s[0]): (x, s) for x, s in cells}.values())
    y = np.array([-((x - 6) ** 2) / 10 + 0.5 * s[0] + 0.3 * rng.normal() for x, s in cells])
    surrogate, _ = surrogate_of(cells, y)
    points = INPUTS.points([{"x": i} for i in range(10)])
    found = gains(surrogate, points)
    before = surrogate.predict(points)[0].max()
    # Scores are made up from what is believed of them, told, and the surrogate asked again.
    free = [(x, s) for x in (6, 8, 2) for s in range(K) if (x, [s]) not in cells]
    assert len(free) > 2
    for x, s in free:
        more, told = [*cells, (x, [s])], []
        for made_up in (0.0, 1.0):
            again = surrogate_told(surrogate, more, np.append(y, surrogate.loc + surrogate.scale * made_up))
            told.append(again.predict(points)[0])
        slope = told[1] - told[0]
        mean, sd = score_of(surrogate, cells, x, s)
        draws = mean + sd * np.random.default_rng(3).normal(size=40_000)
        rise = (told[0][:, None] + slope[:, None] * draws).max(0) - before
        error = 5 * rise.std() / len(rise) ** 0.5 + 0.01 * abs(rise.mean())
        assert abs(found[x, s] * surrogate.scale - rise.mean()) < error
    # A score that was told tells nothing again.
    for x, s in cells:
        assert found[x, s[0]] < 1e-3 * found.max()


def surrogate_told(surrogate, cells, y):
    """Return the surrogate with the same hyperparameters and scale, told these scores."""
    parts = np.array([[s in of for s in range(K)] for _, of in cells])
    told = Observations(INPUTS.points([{"x": x} for x, _ in cells]), y, parts=parts)
    rows = pad(
        told.points,
        (y - surrogate.loc) / surrogate.scale,
        np.zeros((len(y), len(y))),
        told.share,
        surrogate.rows.layout,
    )
    return replace(surrogate, observations=told, rows=rows, arrays=condition(surrogate.arrays.theta, rows))


def score_of(surrogate, cells, x, s):
    """Return mean and standard deviation of the score of a point on a part, standardised, by the whole Gaussian."""
    theta, layout = surrogate.theta[0], surrogate.rows.layout
    all_cells = [*cells, (x, [s])]
    points = INPUTS.points([{"x": i} for i, _ in all_cells])
    z = embed(theta, points.x, points.active, layout)
    share = np.array([[np.isin(t, of) for t in range(K)] for _, of in all_cells], float) - 1 / K
    k = np.asarray(covariance(theta, z, z, layout))
    k = k + share @ share.T * np.asarray(covariance_on_a_part(theta, z, z, layout))
    y = np.asarray(surrogate.rows.y)[: len(cells)]
    n, mean = len(cells), unpack(theta, layout).mean
    gain = np.linalg.solve(k[:n, :n] + 1e-8 * np.eye(n), k[:n, n])
    return mean + gain @ (y - mean), np.sqrt(k[n, n] - gain @ k[:n, n])


# ---------------------------------------------------------------- studies


def score(x, part):
    """Return a score whose best point is 6, on parts that differ by more than points do."""
    return -((x - 6) ** 2) / 50 + {"a": 0.0, "b": 0.4, "c": -0.4}[part] + 0.02 * np.cos(7 * x + ord(part))


def loss(trial):
    x, part = trial.suggest_int("x", 0, 9), part_of(trial)
    found = -score(x, part)
    trial.set_user_attr("pbnn:parts", {part: found})
    return found


@pytest.fixture(scope="module")
def study():
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(
        sampler=GPSampler(parts=["a", "b", "c"], n_startup_trials=5, seed=1, space=SPACE)
    )
    study.optimize(loss, n_trials=18)
    return study


@pytest.mark.slow
def test_what_is_promising_is_scored_on_other_parts(study):
    cells = [(t.params["x"], part_of(t)) for t in study.trials]
    # The first fill the space, on the parts in turn; of the rest none is told twice, and the best are told whole.
    assert [part for _, part in cells[:5]] == list("abcab")
    assert len(set(cells)) == len(cells)
    times = {x: sum(x == other for other, _ in cells) for x, _ in cells}
    assert times[6] == 3
    assert times[6] > np.mean(list(times.values()))


def test_the_gain_of_certainty_of_two_points_is_that_of_clark():
    told = Observations(
        INPUTS.points([{"x": 1}, {"x": 6}]), np.array([0.3, 0.0]), parts=np.eye(2, dtype=bool)
    )
    surrogate = fit_surrogate(INPUTS, told)
    points, both = INPUTS.points([{"x": 3}, {"x": 9}]), np.ones(2, bool)
    (mean,), (cov,) = surrogate.joint(points)
    spread = np.sqrt(cov[0, 0] + cov[1, 1] - 2 * cov[0, 1])
    z = (mean[0] - mean[1]) / spread
    exact = mean[0] * norm.cdf(z) + mean[1] * norm.cdf(-z) + spread * norm.pdf(z) - mean.max()
    found = [gain_of_certainty(surrogate, points, both, np.random.default_rng(i)) for i in range(20)]
    standard_error = np.std(found) / 20**0.5 * surrogate.scale
    assert abs(np.mean(found) * surrogate.scale - exact) < 4 * standard_error
    assert exact > 20 * standard_error
    # Of what cannot be scored nothing is gained.
    assert gain_of_certainty(surrogate, points, ~both, np.random.default_rng(1)) == 0


def test_near_the_end_only_what_was_tried_is_scored():
    rng = np.random.default_rng(4)
    inputs, x = Inputs.of({"x": FloatDistribution(0, 1)}), np.linspace(0, 1, 16)
    study = optuna.create_study(direction="maximize")
    for i, one in enumerate(x):
        value = 0.5 * rng.normal() - 3 * (one - 0.5) ** 2
        params = {"params": {"x": one}, "distributions": {"x": FloatDistribution(0, 1)}}
        study.add_trial(create_trial(**params, value=value, user_attrs={"pbnn:parts": {"ab"[i % 2]: value}}))
    told = read(study, inputs)
    surrogate = fit_surrogate(inputs, told.observations[0])
    new = inputs.points([{"x": 0.98}])

    def next_one(left, given=Cells(told.points[:0], [])):
        point, part = again_or_new(surrogate, told, new, ["a", "b"], given, left, np.random.default_rng(1))
        assert (part is None) == (point.x.item() == 0.98)
        return point.x.item()

    assert next_one(None) == 0.98
    assert next_one(1) in x
    assert next_one(1000) == 0.98
    # Where all that was tried was scored on all parts, something new.
    everything = Cells(Points.joined([told.points, told.points]), ["a"] * 16 + ["b"] * 16)
    assert next_one(1, everything) == 0.98


def test_the_sampler_says_how_many_trials_are_left(monkeypatch):
    said = []

    def recorded(*args):
        said.append(args[-2])
        return args[2], "a"

    monkeypatch.setattr("pbnn.search.sampler.again_or_new", recorded)
    sampler = GPSampler(parts=["a", "b"], n_trials=8, n_startup_trials=5, seed=1, space=SPACE)
    optuna.create_study(sampler=sampler).optimize(loss, n_trials=9)
    assert said == [3, 2, 1, None]


def test_recommended_is_what_is_best_over_all_parts(study):
    found = recommend(study)
    truth = [np.mean([score(x, part) for part in "abc"]) for x in range(10)]
    assert found.params["x"] == np.argmax(truth) == 6
    # The trial with the best score is one of the part that is easier.
    assert part_of(study.best_trial) == "b"
    # What was scored on all parts is known.
    assert found.sd < 0.05
    assert abs(found.mean + truth[6]) < 0.05


def test_read_tells_which_part(study):
    told = read(study, INPUTS)
    parts = told.observations[0].parts
    assert [told.parts[i] for i in parts.argmax(1)] == [part_of(t) for t in study.trials]
    assert (parts.sum(1) == 1).all()
    # Of trials that share no part there is nothing to learn, and nothing is compiled anew for each.
    alone = optuna.create_study()
    for i in range(4):
        attrs = {"pbnn:parts": {str(i): float(i)}}
        alone.add_trial(create_trial(params={"x": i}, distributions=SPACE, value=float(i), user_attrs=attrs))
    assert observations_of(alone).parts is None


def test_one_part_that_breaks_a_configuration_is_not_softened_away():
    table = {"safe": [0.70, 0.71, 0.69, 0.70, 0.72], "risky": [0.90, 0.91, 0.89, 0.90, -1.0]}
    table |= {"mid": [0.6, 0.62, 0.58, 0.61, 0.6], "bad": [0.3, 0.2, 0.25, 0.3, 0.1]}
    study, space = optuna.create_study(direction="maximize"), {"which": CategoricalDistribution([*table])}
    for which, scores in table.items():
        for part, found in enumerate(scores):
            attrs = {"pbnn:parts": {str(part): found}}
            study.add_trial(
                create_trial(params={"which": which}, distributions=space, value=found, user_attrs=attrs)
            )
    found = recommend(study)
    assert found.params == {"which": "safe"}
    means = [found.table["mean"][5 * i] for i in range(4)]
    np.testing.assert_allclose(means, [np.mean(scores) for scores in table.values()], atol=1e-3)


def test_no_part_is_given_twice_whatever_came_of_it():
    def falls(trial):
        found = loss(trial)
        if part_of(trial) == "c":
            raise ValueError
        return found

    study = optuna.create_study(
        sampler=GPSampler(parts=["a", "b", "c"], n_startup_trials=5, seed=2, space=SPACE)
    )
    study.optimize(loss, n_trials=9)
    study.optimize(falls, n_trials=6, catch=ValueError)
    cells = [(t.params["x"], part_of(t)) for t in study.trials]
    assert len(set(cells[5:])) == len(cells[5:])
    assert not set(cells[:5]) & set(cells[5:])


def test_softening_spares_a_part_that_is_much_harder():
    rng = np.random.default_rng(3)
    x, part = rng.uniform(size=40), np.arange(40) % 2
    points = Inputs.of({"x": FloatDistribution(0, 1)}).points([{"x": v} for v in x])
    told = Observations(points, x + 6.0 * part, parts=np.eye(2, dtype=bool)[part])
    ranges = [np.ptp(soften(told)[0].y[(part == p) & (x > 0.6)]) for p in (0, 1)]
    np.testing.assert_allclose(ranges, [np.ptp(x[(part == p) & (x > 0.6)]) for p in (0, 1)], rtol=0.05)
    # Where medians differ by no more than chance makes of them, parts do not matter.
    x = (np.argsort(np.argsort(x)) + 0.5) / 40
    alike = replace(told, y=np.sort(x))
    np.testing.assert_array_equal(soften(alike)[0].y, soften(replace(alike, parts=None))[0].y)


def test_the_model_of_pymc_agrees(study):
    rows = fit_surrogate(INPUTS, read(study, INPUTS).observations[0]).rows
    values = {k: np.asarray(v) for k, v in unpack(THETA, LAYOUT)._asdict().items()}
    model = gp_model(rows)
    assert float(model.compile_logp(vars=model.observed_RVs)(values)) == pytest.approx(
        float(likelihood(THETA, rows)), rel=1e-7
    )


def test_errors_name_what_is_wrong():
    with pytest.raises(MethodError, match="parts must be names, each once"):
        GPSampler(parts=["a", "a"])
    with pytest.raises(MethodError, match="parts must be names"):
        GPSampler(parts="abc")
    with pytest.raises(MethodError, match=r"n_trials must be a whole number >= 1, or None; got 0\."):
        GPSampler(parts=["a"], n_trials=0)
    with pytest.raises(MethodError, match="not for searches with constraints"):
        GPSampler(parts=["a"], constraints_func=lambda trial: [0.0])
    with pytest.raises(
        SpecError, match=r"trial 0 has no part\. Ask for it after the first parameter .* GPSampler\(parts="
    ):
        optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1)).optimize(loss, n_trials=1)
    study = optuna.create_study(sampler=GPSampler(parts=["a"], seed=1))
    with pytest.raises(DataError, match="trial 0 is to be scored on 'a', and reports 'b'"):
        study.optimize(lambda trial: report_part(trial, "b", trial.suggest_float("x", 0, 1)), n_trials=1)
    with pytest.raises(ShapeError, match=r"parts must have shape \(1, k\); got \(2, 3\)"):
        Observations(INPUTS.points([{"x": 1}]), np.zeros(1), parts=np.zeros((2, 3), bool))


def test_parts_are_refused_where_they_mean_nothing():
    sampler = GPSampler(parts=["a", "b"], n_startup_trials=1, seed=1)
    with pytest.raises(MethodError, match="parts are for one objective"):
        optuna.create_study(directions=["minimize", "minimize"], sampler=sampler).ask(SPACE)
    study = optuna.create_study(sampler=sampler)
    trial = study.ask(SPACE)
    trial.set_constraint("memory", 1.0)
    study.tell(trial, 1.0)
    with pytest.raises(MethodError, match=r"trials have memory\. Go on with a sampler without parts"):
        study.ask(SPACE)
