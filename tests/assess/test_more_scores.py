"""Scores beyond the first ones: against closed forms, scoringrules and scikit-learn, each with its errors."""

import numpy as np
import pytest
from scipy import stats

from pbnn.assess import pointwise, score
from pbnn.assess.pointwise import class_table
from pbnn.assess.ranking import auroc, average_precision, false_positive_rate, macro_auroc, macro_f1
from pbnn.assess.scores import score_rows
from pbnn.assess.scoring_rules import crps_of_normals, energy_score, interval_score, quantile_loss
from pbnn.errors import DataError, ModelError

rng = np.random.default_rng(0)
DRAWS, Y = rng.normal(size=(7, 40)), rng.normal(size=7)


def class_rows(n=400, classes=3, seed=0):
    rng = np.random.default_rng(seed)
    p = rng.dirichlet([0.7] * classes, size=n)
    codes = (rng.uniform(size=(n, 1)) > p.cumsum(axis=1)).sum(axis=1)
    table = class_table(p, codes, np.array([f"c{i}" for i in range(classes)]))
    table["lpd"] = ("obs", np.log(p[np.arange(n), codes]))
    return table.assign_attrs(n_obs=n, n_draws=1, lpd_mcse=np.nan)


# ------------------------------------------------------------------------------------------------ rules


@pytest.mark.peer
def test_rules_agree_with_scoringrules():
    import scoringrules as sr

    lower, upper = np.quantile(DRAWS, [0.1, 0.9], axis=1)
    np.testing.assert_allclose(
        interval_score(lower, upper, Y, 0.8), sr.interval_score(Y, lower, upper, 0.2), rtol=1e-12
    )
    np.testing.assert_allclose(quantile_loss(lower, Y, 0.1), sr.quantile_score(Y, lower, 0.1), rtol=1e-12)
    both = np.stack([DRAWS, DRAWS[::-1] ** 2], axis=-1)
    expected = sr.es_ensemble(np.stack([Y, Y], axis=-1), both, estimator="fair")
    got = energy_score(np.swapaxes(both, 0, 1), np.stack([Y, Y], axis=-1))
    np.testing.assert_allclose(got, expected, rtol=1e-12)
    sd = np.exp(DRAWS[::-1] / 3)
    np.testing.assert_allclose(
        crps_of_normals(DRAWS, sd, Y), sr.crps_mixnorm(Y, DRAWS, sd, np.full((7, 40), 1 / 40)), rtol=1e-9
    )


def test_exact_crps_of_one_normal_is_its_closed_form():
    z = (Y - 1) / 2
    closed = 2 * (z * (2 * stats.norm.cdf(z) - 1) + 2 * stats.norm.pdf(z) - 1 / np.sqrt(np.pi))
    np.testing.assert_allclose(crps_of_normals(np.ones((7, 3)), np.full((7, 3), 2.0), Y), closed)


def test_exact_crps_of_a_mixture_is_the_integral_of_its_squared_distance():
    mean, sd, y = np.array([0.0, 1.0, 3.0]), np.array([1.0, 0.3, 2.0]), 0.7
    x = np.linspace(-20, 25, 400_001)
    cdf = stats.norm.cdf((x[:, None] - mean) / sd).mean(axis=1)
    integral = np.sum((cdf - (x >= y)) ** 2) * (x[1] - x[0])
    np.testing.assert_allclose(crps_of_normals(mean, sd, np.array(y)), integral, atol=2 * (x[1] - x[0]))


def test_energy_score_of_one_output_is_the_crps():
    from pbnn.assess.scoring_rules import crps

    got = energy_score(DRAWS.T[..., None], Y[:, None])
    np.testing.assert_allclose(got, crps(np.sort(DRAWS), Y))


@pytest.mark.parametrize(("bias", "ok"), [(0.0, True), (0.5, False)])
def test_pairs_at_some_distances_stand_for_all(bias, ok):
    # E|X - y| - E|X - X'| / 2 of standard normals in 3 dimensions at y = 0: m (1 - sqrt(2) / 2), m = 2 sqrt(2 / pi).
    exact = 2 * np.sqrt(2 / np.pi) * (1 - np.sqrt(0.5))
    rng = np.random.default_rng(1)
    got = np.array(
        [energy_score(bias + rng.normal(size=(500, 1, 3)), np.zeros((1, 3)))[0] for _ in range(40)]
    )
    assert (abs(got.mean() - exact) < 4 * got.std(ddof=1) / 40**0.5) == ok


# ------------------------------------------------------------------------------------------------ ranking


@pytest.mark.peer
@pytest.mark.parametrize("classes", [2, 3, 200])
def test_class_scores_agree_with_scikit_learn(classes):
    from sklearn import metrics

    rows = class_rows(classes=classes)
    got, p = score_rows(rows), rows["p"].values
    codes, predicted = rows["observed_code"].values, rows["predicted_code"].values
    np.testing.assert_allclose(got["f1"], metrics.f1_score(codes, predicted, average="macro"))
    of = [1] if classes == 2 else np.unique(codes)
    areas = [metrics.roc_auc_score(codes == c, p[:, c]) for c in of]
    np.testing.assert_allclose(got["auroc"], np.mean(areas))
    assert got["auroc"].attrs["classes"] == len(of)
    np.testing.assert_allclose(got["sharpness"], stats.entropy(p, axis=1).mean())
    tied = np.round(p[:, 0], 1)
    np.testing.assert_allclose(auroc(tied, codes == 0)[0], metrics.roc_auc_score(codes == 0, tied))
    np.testing.assert_allclose(
        average_precision(tied, codes == 0), metrics.average_precision_score(codes == 0, tied)
    )
    fpr, tpr, _ = metrics.roc_curve(codes == 0, tied, drop_intermediate=False)
    np.testing.assert_allclose(false_positive_rate(tied, codes == 0), fpr[tpr >= 0.95 - 1e-9].min())


def test_delong_error_is_that_of_the_placements():
    rng = np.random.default_rng(2)
    x, y = rng.normal(1, 1, 30), rng.normal(size=20)
    wins = (x[:, None] > y).astype(float)
    area, influence = auroc(np.r_[x, y], np.arange(50) < 30)
    np.testing.assert_allclose(area, wins.mean())
    delong = wins.mean(axis=1).var(ddof=1) / 30 + wins.mean(axis=0).var(ddof=1) / 20
    np.testing.assert_allclose((influence**2).sum(), delong)


@pytest.mark.slow
@pytest.mark.parametrize("measure", ["f1", pytest.param("auroc", marks=pytest.mark.nightly)])
@pytest.mark.parametrize(("factor", "ok"), [(1.0, True), (0.5, False)])
def test_errors_of_ranks_and_f1_are_the_spread_over_data_sets(measure, factor, ok):
    found = [score_rows(class_rows(n=300, seed=s)) for s in range(200)]
    spread = np.std([float(f[measure]) for f in found], ddof=1)
    told = factor * np.sqrt(np.mean([float(f[f"{measure}_se"]) ** 2 for f in found]))
    low, high = stats.chi2.ppf([0.0001, 0.9999], 199) / 199
    assert (low < (spread / told) ** 2 < high) == ok


def test_rows_of_one_class_have_no_auroc_and_one_row_no_error():
    p = np.array([[0.3, 0.7], [0.6, 0.4], [0.2, 0.8]])
    area, se, classes = macro_auroc(p, np.ones(3, dtype=int))
    assert np.isnan([area, se]).all()
    assert classes == 0
    assert np.isnan(macro_auroc(p, np.array([1, 0, 1]))[1])
    assert np.isnan(macro_f1(np.array([1]), np.array([1]), 2)[1])
    assert macro_f1(np.array([1, 1]), np.array([1, 1]), 3)[0] == 1.0


def test_probabilities_that_do_not_sum_to_one_are_refused():
    with pytest.raises(DataError, match=r"those of row 1 sum to 0\.9, and the least is 0\.4"):
        class_table(np.array([[0.5, 0.5], [0.5, 0.4]]), np.array([0, 1]), np.array(["a", "b"]))
    with pytest.raises(DataError, match="row 0"):
        class_table(np.array([[np.nan, 0.5]]), np.array([0]), np.array(["a", "b"]))


# ------------------------------------------------------------------------------------------------ fits


def test_scores_of_a_normal_predictive_are_near_their_closed_forms(linear):
    X, y = linear.new_data(50)
    got = score(
        linear.bnn, linear.draws(draws=100), X, y, seed=1, exact=True, levels=(0.8,), quantiles=(0.1, 0.5)
    )
    mean, sd = linear.function(X)
    d = stats.norm(mean, np.hypot(sd, linear.noise))
    low, high = d.ppf(0.1), d.ppf(0.9)
    expected = {
        "interval_score": interval_score(low, high, y, 0.8).mean(),
        "sharpness": d.std().mean(),
        "quantile_loss": np.array([quantile_loss(d.ppf(q), y, q).mean() for q in (0.1, 0.5)]),
    }
    z = (y - mean) / d.std()
    crps = (d.std() * (z * (2 * stats.norm.cdf(z) - 1) + 2 * stats.norm.pdf(z) - 1 / np.sqrt(np.pi))).mean()
    for name, value in {**expected, "crps": crps, "crps_exact": crps}.items():
        # 4 chains tell the error with 3 degrees of freedom.
        allowed = stats.t.isf(1e-4, 3) * got[f"{name}_mcse"]
        assert (abs(got[name] - value) < allowed).all(), name
    assert got["crps_exact_mcse"] < got["crps_mcse"]
    assert got["interval_score"].dims == ("level",)
    assert got["quantile_loss"].dims == ("quantile",)
    assert {f"{name}_mcse" for name in ("rmse", "lpd", "coverage", "width")} <= set(got)
    assert all("long_name" in v.attrs and "units" in v.attrs for v in got.values())


@pytest.mark.nightly
@pytest.mark.parametrize("chains", [1, 4])
def test_monte_carlo_error_is_the_spread_over_repeats(linear, chains):
    X, y = linear.new_data(50)
    runs = [score(linear.bnn, linear.draws(chains, 800 // chains, seed=s), X, y, seed=s) for s in range(30)]
    batches = 30 * (3 if chains == 4 else 7)
    for name in ("rmse", "crps", "sharpness"):
        ratio = np.var([r[name] for r in runs], ddof=1) / np.mean([r[f"{name}_mcse"] ** 2 for r in runs])
        assert stats.f.ppf(0.0005, 29, batches) < ratio < stats.f.ppf(0.9995, 29, batches), name


def test_few_draws_tell_no_monte_carlo_error(linear):
    X, y = linear.new_data(20)
    one = score(linear.bnn, linear.tree(linear.mean[None, None]), X, y, seed=1)
    assert np.isnan(one["crps_mcse"])
    assert np.isnan(one["width_mcse"]).all()
    assert np.isfinite(one["interval_score"]).all()
    members = score(linear.bnn, linear.draws(chains=5, draws=1), X, y, seed=1)
    assert members["crps_mcse"] > 0


@pytest.mark.slow
def test_several_outputs_have_an_energy_score(two_outputs, scatter):
    idata = scatter(two_outputs, draws=10)
    X, y = two_outputs.model["X"].get_value(), two_outputs.model["y_data"].get_value()
    got = score(two_outputs, idata, X, y, seed=1)
    assert got["energy"].dims == ()
    assert 0.01 < got["energy"] < 5  # in standard deviations of the outputs
    assert got["interval_score"].dims == ("level", "output")
    assert got["quantile_loss_mcse"].dims == ("quantile", "output")
    exact = score(two_outputs, idata, X, y, seed=1, exact=True)
    assert exact["crps_exact"].dims == ("output",)


def test_classes_have_monte_carlo_errors_too(classifier, scatter):
    idata = scatter(classifier, draws=30)
    X = classifier.model["X"].get_value()
    y = np.array(classifier.response.classes)[classifier.model["y_data"].get_value()]
    got = score(classifier, idata, X, y)
    assert all(
        np.isfinite(got[f"{name}_mcse"]) for name in ("lpd", "brier", "auroc", "ece", "f1", "sharpness")
    )
    single = y == "low"
    assert np.isnan(score(classifier, idata, X[single], y[single])["auroc"])


def test_options_that_make_no_sense_are_refused(linear, counter, scatter):
    X, y = counter.model["X"].get_value(), counter.model["y_data"].get_value()
    with pytest.raises(ModelError, match="exact=True needs a Gaussian response, and this one is Poisson"):
        pointwise(counter, scatter(counter, draws=4), X, y, exact=True)
    with pytest.raises(DataError, match="levels must lie between 0 and 1"):
        score(linear.bnn, linear.draws(draws=4), linear.X, linear.y, levels=(95,))
