"""Unfamiliar inputs, and predicting only where the model is sure."""

import numpy as np
import pytest
import xarray as xr
from scipy import stats

import pbnn
from pbnn.assess import class_table, ood, risk_coverage, separation
from pbnn.errors import DataError, ModelError
from pbnn.spec import likelihoods
from pbnn.spec.layers import Dense
from pbnn.spec.network import Network


def test_measures_of_a_linear_model_are_its_closed_forms(linear):
    rng = np.random.default_rng(0)
    near, far = rng.normal(size=(80, 3)), rng.normal(size=(60, 3)) + 4
    table = ood(linear.bnn, linear.draws(), near, far, seed=1)
    both = np.concatenate([near, far])
    exact = linear.function(both)[1] ** 2
    got = np.concatenate([table["in_score"], table["out_score"]], axis=1)
    got = dict(zip(table["measure"].values, got, strict=True))
    # The variance of a variance of 2000 independent normal draws.
    assert (abs(got["epistemic_variance"] / exact - 1) < 5 * np.sqrt(2 / 2000)).all()
    np.testing.assert_allclose(got["variance"], got["epistemic_variance"] + linear.noise**2, rtol=1e-4)
    information = np.log1p(got["epistemic_variance"] / linear.noise**2) / 2
    np.testing.assert_allclose(got["mutual_information"], information, rtol=1e-4)
    X = linear.X
    rest = X - X.mean(axis=0)
    covariance = rest.T @ rest / len(X)
    covariance += 1e-3 * np.trace(covariance) / 3 * np.eye(3)
    distance = np.einsum(
        "ij,jk,ik->i", both - X.mean(axis=0), np.linalg.inv(covariance), both - X.mean(axis=0)
    )
    np.testing.assert_allclose(got["feature_distance"], distance, rtol=1e-5)
    for i, name in enumerate(table["measure"].values):
        wins = got[name][80:, None] > got[name][:80]
        np.testing.assert_allclose(table["auroc"][i], wins.mean())
    assert (table["auroc"].sel(measure=["epistemic_variance", "feature_distance"]) > 0.9).all()
    assert table.attrs["n_in"] == 80


def test_predictions_of_the_prior_itself_are_near_the_prior(linear):
    from pbnn.assess.ood import _divergence
    from pbnn.assess.rows import read_draws
    from pbnn.predict.prior import draw_weights

    X = linear.X[:20]
    prior = xr.DataTree.from_dict({"posterior": draw_weights(linear.bnn, 200, 7)})
    same = _divergence(linear.bnn, read_draws(linear.bnn, prior, "ood", 1)[0], X, 7)
    fitted = _divergence(linear.bnn, read_draws(linear.bnn, linear.draws(draws=50), "ood", 1)[0], X, 7)
    np.testing.assert_allclose(same, 0, atol=1e-6)
    assert (fitted > 0.1).all()


@pytest.mark.slow
def test_classes_are_measured_by_entropies_and_distance_to_their_means(classifier, scatter):
    idata = scatter(classifier, draws=20)
    near = classifier.model["X"].get_value()
    table = ood(classifier, idata, near, near + 6, seed=1, resamples=20)
    assert table["measure"].values.tolist() == [
        "entropy",
        "mutual_information",
        "feature_distance",
        "near_prior",
    ]
    p = pbnn.predict(classifier, idata, near, seed=0)["predictions"]["p"]
    parts = pbnn.assess.split_entropy(p)
    np.testing.assert_allclose(table["in_score"].sel(measure="entropy"), parts["total"], rtol=1e-3)
    np.testing.assert_allclose(
        table["in_score"].sel(measure="mutual_information"), parts["epistemic"], rtol=1e-2, atol=1e-5
    )
    assert table["auroc"].sel(measure="feature_distance") > 0.5
    alone = ood(classifier, idata, near, near[:1], resamples=5)
    assert np.isnan(alone["auroc_se"]).all()


@pytest.mark.slow
def test_several_outputs_add_up(two_outputs, scatter):
    X = two_outputs.model["X"].get_value()
    idata = scatter(two_outputs, draws=20)
    table = ood(two_outputs, idata, X[:30], X[30:], resamples=5)
    mu = pbnn.predict(two_outputs, idata, X[:30], seed=0)["predictions"]["mu"]
    expected = (mu.var(("chain", "draw")) / np.array(two_outputs.response.scale) ** 2).sum("output")
    np.testing.assert_allclose(table["in_score"].sel(measure="epistemic_variance"), expected, rtol=1e-3)


@pytest.mark.nightly
def test_networks_for_images_have_features_too(scatter):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(30, 4, 4, 1))
    layers = [pbnn.Conv2D(2, 3), pbnn.Flatten(), Dense(3)]
    bnn = pbnn.build(Network(layers, likelihoods.Gaussian()), X, rng.normal(size=30))
    table = ood(bnn, scatter(bnn, draws=4), X, X[:5] + 3, resamples=5)
    assert np.isfinite(table["auroc"]).all()


@pytest.mark.parametrize(
    "measure", ["auroc", *(pytest.param(m, marks=pytest.mark.nightly) for m in ("aupr", "fpr95"))]
)
@pytest.mark.parametrize(("factor", "ok"), [(1.0, True), (0.4, False)])
def test_errors_are_the_spread_over_data_sets(measure, factor, ok):
    found = []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        values = np.r_[rng.normal(size=150), rng.normal(1.0, 1.0, 150)]
        found.append(separation({"x": values}, np.arange(300) >= 150, seed=seed, resamples=60))
    spread = np.std([f[measure].item() for f in found], ddof=1)
    told = factor * np.mean([f[f"{measure}_se"].item() for f in found])
    # A bootstrap tells the error of a quantile, as in fpr95, but roughly: to a quarter.
    low, high = np.sqrt(stats.chi2.ppf([0.0005, 0.9995], 99) / 99) * [0.8, 1.25]
    assert (low < spread / told < high) == ok


def test_scores_that_are_no_numbers_are_refused(linear):
    with pytest.raises(DataError, match="'x' must have"):
        separation({"x": np.array([1.0, np.nan])}, np.array([True, False]))
    with pytest.raises(ModelError, match=r"must be what pbnn\.build returned"):
        ood(linear.bnn.model, linear.draws(draws=4), linear.X, linear.X)
    with pytest.raises(DataError, match="missing"):
        ood(linear.bnn, linear.draws(draws=4), linear.X, np.full((2, 3), np.nan))


# ------------------------------------------------------------------------------------------------ selection


def class_rows(n=400, informative=True, seed=0):
    rng = np.random.default_rng(seed)
    p = rng.dirichlet([0.6] * 3, size=n)
    labels = p if informative else np.full_like(p, 1 / 3)
    codes = (rng.uniform(size=(n, 1)) > labels.cumsum(axis=1)).sum(axis=1)
    return class_table(p, codes, np.array(["a", "b", "c"]))


def test_risk_is_the_mean_loss_of_the_most_certain():
    rows = class_rows(50)
    table = risk_coverage(rows)
    order = np.argsort(-rows["confidence"].values)
    wrong = 1 - rows["correct"].values[order]
    expected = np.cumsum(wrong) / np.arange(1, 51)
    np.testing.assert_allclose(table["risk"], expected)
    np.testing.assert_allclose(table["aurc"], expected.mean())
    np.testing.assert_allclose(table["coverage"], np.arange(1, 51) / 50)
    np.testing.assert_allclose(table["aurc_random"], wrong.mean())
    assert table["aurc_oracle"] <= table["aurc"]
    assert table["risk"].attrs["units"] == "1"


@pytest.mark.parametrize("informative", [True, False])
def test_doubt_that_knows_of_errors_beats_any_order(informative):
    table = risk_coverage(class_rows(informative=informative))
    gain = (table["aurc_random"] - table["aurc"]) / table["aurc_se"]
    assert bool(gain > 4) == informative


def test_ties_share_their_loss_and_outputs_stand_by_themselves():
    residual = np.array([[1.0, 0.0], [2.0, 3.0], [np.nan, 1.0]])
    rows = xr.Dataset(
        {
            "residual": (("obs", "output"), residual),
            "sd": (("obs", "output"), np.ones((3, 2))),
            "epistemic_sd": (("obs", "output"), np.array([[2.0, 1], [1, 2], [3, 3]])),
        },
        coords={"output": ["u", "v"]},
        attrs={"kind": "continuous"},
    )
    tied = risk_coverage(rows.sel(output=["v"]))
    np.testing.assert_allclose(tied["risk"].sel(output="v"), 10 / 3)
    known = rows.isel(obs=slice(2))
    np.testing.assert_allclose(risk_coverage(known, by="epistemic_sd")["risk"].sel(output="u"), [4, 2.5])
    with pytest.raises(DataError, match="unknown variable 'entropy'"):
        risk_coverage(rows, by="entropy")
