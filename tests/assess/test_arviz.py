import arviz_stats
import numpy as np
import pytest
from scipy import stats

from pbnn.assess import for_arviz


def test_log_likelihood_and_draws_are_those_of_the_training_rows(linear):
    idata = linear.draws(draws=100)
    idata.attrs["method"] = "nuts"
    tree = for_arviz(linear.bnn, idata, seed=1, max_points=10)
    weights = idata["posterior"]
    rows = tree["observed_data"]["obs"].to_numpy()
    mu = weights["out_weight"].to_numpy()[..., 0] @ linear.X[rows].T + weights["out_bias"].to_numpy()
    expected = stats.norm.logpdf(linear.y[rows], mu, linear.noise)
    np.testing.assert_allclose(tree["log_likelihood"]["y"], expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(tree["observed_data"]["y"], linear.y[rows])
    error = (tree["posterior_predictive"]["y"].mean(("chain", "draw")) - mu.mean((0, 1))) / 0.6 * 20
    assert (abs(error) < 4).all()
    assert tree.attrs["method"] == "nuts"


@pytest.mark.parametrize(("shift", "ok"), [(0.0, True), (4.0, False)])
def test_loo_runs_on_it_and_agrees_with_the_closed_form(linear, shift, ok):
    tree = for_arviz(linear.bnn, linear.draws(shift=shift), seed=1)
    left_out = 0.0
    for i in range(len(linear.y)):
        keep = np.arange(len(linear.y)) != i
        rest = type(linear)(linear.X[keep], linear.y[keep], linear.noise)
        mean, sd = rest.function(linear.X[[i]])
        left_out += stats.norm.logpdf(linear.y[i], mean, np.hypot(sd, linear.noise))[0]
    assert (abs(arviz_stats.loo(tree).elpd - left_out) < 1.0) == ok


@pytest.mark.slow
def test_outputs_and_classes_keep_their_labels(two_outputs, classifier, scatter):
    several = for_arviz(two_outputs, scatter(two_outputs, draws=5), seed=1)
    assert several["posterior_predictive"]["y"].dims == ("chain", "draw", "obs", "output")
    assert several["log_likelihood"]["y"].dims == ("chain", "draw", "obs")
    codes = for_arviz(classifier, scatter(classifier, draws=5), seed=1)["posterior_predictive"]["y"]
    assert set(np.unique(codes)) <= {0, 1, 2}
