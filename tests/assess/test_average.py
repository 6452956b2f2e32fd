"""An average of models is the mixture of their predictions, wherever a model may stand."""

import numpy as np
import pytest
import xarray as xr
from scipy.special import logsumexp

import pbnn
from pbnn import assess, likelihoods
from pbnn.errors import DataError, MethodError, ModelError
from tests.exact import LinearGaussian

WEIGHTS = {"truth": 0.7, "other": 0.3}


@pytest.fixture(scope="module")
def models():
    """A model with its posterior, and the same with another: what each predicts is known."""
    truth = LinearGaussian.simulate(n=30)
    return truth, {"truth": (truth.bnn, truth.draws()), "other": (truth.bnn, truth.draws(shift=8.0, seed=3))}


@pytest.fixture(scope="module")
def mixed(models):
    return pbnn.average(models[1], WEIGHTS, draws=1000)


def lpd(bnn, idata, X, y):
    return assess.pointwise(bnn, idata, X, y, seed=1)["lpd"].to_numpy()


@pytest.mark.slow
def test_the_density_is_that_of_the_mixture(models, mixed):
    truth, parts = models
    X, y = truth.new_data(40)
    each = np.stack([lpd(*parts[name], X, y) for name in WEIGHTS], axis=1)
    expected = logsumexp(each, b=list(WEIGHTS.values()), axis=1)
    rows = assess.pointwise(*mixed, X, y, seed=1)
    error = float(rows["lpd"].mean() - expected.mean())
    # Of 1000 draws of the mixture, beside 2000 of each of its members.
    assert abs(error) < 4 * 1.5 * rows.attrs["lpd_mcse"]
    wrong = logsumexp(each, b=[0.3, 0.7], axis=1)
    assert abs(float(rows["lpd"].mean() - wrong.mean())) > 4 * 1.5 * rows.attrs["lpd_mcse"]


@pytest.mark.slow
def test_means_are_weighted(models, mixed):
    truth, parts = models
    X, _ = truth.new_data(5)
    mean = {n: pbnn.predict(*of, X, seed=1, kind="summary")["predictions"]["mean"] for n, of in parts.items()}
    found = pbnn.predict(*mixed, X, seed=1)["predictions"]["mu"]
    expected = sum(WEIGHTS[name] * mean[name] for name in WEIGHTS)
    error = found.std() / 1000**0.5
    assert (abs(found.mean(("chain", "draw")) - expected) < 5 * error).all()


def test_what_else_judges_predictions_takes_it(models, mixed):
    truth, _ = models
    X, y = truth.new_data(40)
    exact = pbnn.score(*mixed, X, y, exact=True, seed=1)
    # Both are the same number, but for the noise of drawn responses.
    error = float(np.hypot(exact["crps_mcse"], exact["crps_exact_mcse"]))
    assert abs(float(exact["crps"] - exact["crps_exact"])) < 5 * error
    table = assess.ood(*mixed, X, X + 3, resamples=2)
    assert table["measure"].to_numpy().tolist() == ["variance", "epistemic_variance", "mutual_information"]
    bands = pbnn.conformal(*mixed, X, y, level=0.8).predict(X)
    inside = (bands["lower"].to_numpy() <= y) & (y <= bands["upper"].to_numpy())
    assert inside.sum() == 33  # of the 40 rows themselves: the 33rd of 41 ranks is 80 %
    with pytest.raises(ModelError, match="recalibrate each model, and average those"):
        pbnn.recalibrate(*mixed, X, y)


@pytest.mark.slow
def test_it_goes_where_a_fit_goes(models, mixed, tmp_path):
    truth, _ = models
    X, y = truth.new_data(20)
    scores = pbnn.score(*mixed, X, y, seed=1)
    assert np.isfinite(scores["crps"])
    assess.pit_histogram(assess.pointwise(*mixed, seed=1))
    pbnn.save(*mixed, tmp_path / "mixed.nc")
    again = pbnn.load(tmp_path / "mixed.nc")
    xr.testing.assert_allclose(scores, pbnn.score(*again, X, y, seed=1))
    assert "Average of 2 models" in str(again[0])
    thin = mixed[1].sel(draw=slice(None, None, 10))
    assert pbnn.predict(mixed[0], thin, X, seed=1)["predictions"].sizes["draw"] == 100


def test_the_same_seed_gives_the_same_draws(models, mixed):
    X = models[0].X[:4]
    one, other = (pbnn.predict(*mixed, X, seed=s)["predictions"]["y"] for s in (1, 2))
    xr.testing.assert_identical(one, pbnn.predict(*mixed, X, seed=1)["predictions"]["y"])
    assert not one.equals(other)
    # Members share a posterior's shape, yet not its random numbers.
    assert len(np.unique(one)) > 0.99 * one.size  # float32 may give a number twice


def test_shares_are_the_weights(mixed):
    weights = mixed[1]["weights"]
    np.testing.assert_allclose(weights["share"], weights["weight"], atol=1e-3)
    assert weights["model"].to_numpy().tolist() == ["truth", "other"]


def test_stacking_leaves_a_wrong_mode_out(models):
    truth, parts = models
    posterior = xr.concat([of[1]["posterior"].to_dataset().isel(chain=[0]) for of in parts.values()], "chain")
    idata = xr.DataTree.from_dict({"posterior": posterior})
    X, y = truth.new_data(60)
    chains = assess.by_chain(truth.bnn, idata)
    table = pbnn.compare_models(chains, X, y)
    stacked = pbnn.average(chains, table["stacking"])
    assert float(stacked[1]["weights"]["weight"].sel(model="chain 0")) > 0.95
    assert lpd(*stacked, X, y).mean() > lpd(truth.bnn, idata, X, y).mean()


@pytest.mark.slow
def test_classes_counts_and_single_draws(scatter, classifier, counter):
    for bnn, name in ((classifier, "p"), (counter, "mu")):
        X = bnn.model["X"].get_value()[:5]
        many, one = scatter(bnn, draws=30), scatter(bnn, chains=1, draws=1)
        mix, idata = pbnn.average({"many": (bnn, many), "one": (bnn, one)}, "equal", draws=200)
        parts = [pbnn.predict(bnn, of, X, seed=1)["predictions"][name] for of in (many, one)]
        half = sum(0.5 * part.mean(("chain", "draw")) for part in parts)
        found = pbnn.predict(mix, idata, X, seed=1)["predictions"][name]
        np.testing.assert_allclose(found.mean(("chain", "draw")), half, rtol=0.05)
        assert "quantile" in pbnn.predict(mix, idata, X, seed=1, kind="summary")["predictions"].dims


def test_weights_must_belong_to_the_models(models):
    _, parts = models
    for weights, match in (
        ({"truth": 1.0}, r"the weights are of \['truth'\] and the models are \['other', 'truth'\]"),
        ({"truth": 0.5, "other": 0.3, "third": 0.2}, "give each model its weight, and no other"),
        ({"truth": 1.5, "other": -0.5}, "must be numbers >= 0"),
        ({"truth": 0.5, "other": np.nan}, "must be numbers >= 0"),
        ({"truth": 0.5, "other": 0.6}, r"these sum to 1\.1"),
        ("stakcing", "Did you mean 'stacking'"),
        (0.5, "a weight for each model by name; got float"),
        (xr.DataArray([1.0], {"model": ["x"]}, ["model"]), r"the weights are of \['x'\]"),
    ):
        with pytest.raises(MethodError, match=match):
            pbnn.average(parts, weights)
    with pytest.raises(MethodError, match="draws must be a whole number"):
        pbnn.average(parts, "equal", draws=0)


def test_models_must_predict_the_same(models, classifier, scatter):
    truth, parts = models
    narrow = LinearGaussian(truth.X[:, :1], truth.y, truth.noise)
    with pytest.raises(DataError, match=r"'b' has columns \('x0',\) and 'a' \('x0', 'x1', 'x2'\)"):
        pbnn.average({"a": parts["truth"], "b": (narrow.bnn, narrow.draws())}, "equal")
    with pytest.raises(ModelError, match="there are no models"):
        pbnn.average({}, "equal")
    with pytest.raises(ModelError, match="'a' must be"):
        pbnn.average({"a": truth.bnn}, "equal")


def test_what_needs_one_model_says_so(mixed):
    for ask in (pbnn.diagnose, pbnn.loo, pbnn.prior_sensitivity, assess.for_arviz):
        with pytest.raises(ModelError, match="an average has no posterior of its own"):
            ask(*mixed)
    with pytest.raises(ModelError, match=r"not the one that pbnn\.average returned"):
        pbnn.predict(mixed[0], mixed[1].filter(lambda node: "member" not in node.path), seed=1)


def test_without_common_rows_inputs_are_asked_for(models):
    truth, parts = models
    other = LinearGaussian(truth.X + 1, truth.y, truth.noise)
    mix, idata = pbnn.average({"a": parts["truth"], "b": (other.bnn, other.draws())}, "equal")
    with pytest.raises(DataError, match="the models averaged are fits of different rows; pass X"):
        pbnn.predict(mix, idata, seed=1)


@pytest.mark.slow
def test_networks_of_different_precision_mix():
    X = np.linspace(-1, 1, 20)[:, None]
    y = 1e6 + X[:, 0]
    offset = pbnn.build(pbnn.Network([], likelihoods.Gaussian(noise=0.3)), X, y)
    bare = pbnn.build(pbnn.Network([], likelihoods.Gaussian(noise=0.3)), X, y, standardize=False)
    fits = {}
    for name, bnn in {"offset": offset, "bare": bare}.items():
        prior = pbnn.prior_predict(bnn, draws=50, seed=1)["prior"].to_dataset()
        fits[name] = (bnn, xr.DataTree.from_dict({"posterior": prior}))
    mix, idata = pbnn.average(fits, "equal", draws=100)
    mu = pbnn.predict(mix, idata, X, seed=1)["predictions"]["mu"]
    assert mu.dtype == np.float64
    assert 0.4 < float((mu > 9e5).mean()) < 0.6


def test_members_stay_recalibrated(models):
    truth, parts = models
    bnn, idata = parts["truth"]
    X, y = truth.new_data(40)
    wide = pbnn.recalibrate(bnn, idata, X, y + 5 * (-1) ** np.arange(40), method="variance")
    mix = pbnn.average({"wide": (bnn, wide)}, {"wide": 1.0})
    spread = [float(pbnn.predict(*of, X, seed=1)["predictions"]["y"].std()) for of in ((bnn, wide), mix)]
    np.testing.assert_allclose(spread[1], spread[0], rtol=0.05)
    assert spread[0] > 1.5 * float(pbnn.predict(bnn, idata, X, seed=1)["predictions"]["y"].std())
