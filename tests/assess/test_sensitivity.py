"""Power scaling where the posterior is known, and what is said of it."""

import json

import numpy as np
import pytest
import xarray as xr
from scipy.stats import norm

import pbnn
from pbnn import likelihoods, priors
from pbnn.assess.sensitivity import _words, prior_sensitivity
from pbnn.errors import MethodError, ModelError
from tests.exact import LinearGaussian

REPEATS = 12


def conjugate(noise: float, loc: float = 0.0, n: int = 12) -> tuple[pbnn.BNN, np.ndarray]:
    """One unknown number: the mean of `n` observations around 1, with a standard normal prior around `loc`."""
    y = 1 + noise * np.random.default_rng(0).normal(size=n)
    net = pbnn.Network(
        [],
        likelihoods.Gaussian(noise=noise),
        weights=priors.Normal(scale=1e-3),
        biases=priors.Normal(loc, 1.0),
    )
    return pbnn.build(net, np.zeros((n, 1)) + np.linspace(-1e-3, 1e-3, n)[:, None], y, standardize=False), y


def posterior(
    y: np.ndarray, noise: float, loc: float, prior: float = 1.0, data: float = 1.0
) -> tuple[float, float]:
    """Mean and sd of the number, where prior and likelihood count `prior` and `data` times."""
    precision = prior + data * len(y) / noise**2
    return (prior * loc + data * y.sum() / noise**2) / precision, precision**-0.5


def exact_sensitivity(y: np.ndarray, noise: float, loc: float, part: str) -> float:
    """The definition of Kallioinen et al. 2024, section 2.3, by quadrature, of the standardised number."""
    m, s = posterior(y, noise, loc)
    grid = np.linspace(-3.5, 3.5, 20001)  # of as many draws, none lies far beyond
    slopes = []
    for power in (0.99, 1.01):
        mean, sd = posterior(y, noise, loc, **{part: power})
        distances = []
        for sign in (1, -1):
            p, q = norm.cdf(grid), norm.cdf((grid * s + sign * (m - mean)) / sd)
            half = 0.5 * (p + q)
            excess = p * np.log2(p / half) + q * np.log2(q / half)
            distances.append(np.sqrt(np.trapezoid(excess, grid) / np.trapezoid(p + q, grid)))
        slopes.append(max(distances) / abs(np.log2(power)))
    return float(np.mean(slopes))


def fit_exactly(
    bnn: pbnn.BNN, y: np.ndarray, noise: float, loc: float, seed: int, draws: int = 500
) -> xr.DataTree:
    rng = np.random.default_rng(seed)
    m, s = posterior(y, noise, loc)
    values = {
        "out_weight": (("chain", "draw", "feature", "out_unit"), 1e-3 * rng.normal(size=(4, draws, 1, 1))),
        "out_bias": (("chain", "draw", "out_unit"), m + s * rng.normal(size=(4, draws, 1))),
    }
    return xr.DataTree.from_dict({"posterior": xr.Dataset(values)})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("noise", "loc"),
    [
        pytest.param(1.0, 0.0, marks=pytest.mark.nightly),
        (3.0, 0.0),
        pytest.param(1.0, 6.0, marks=pytest.mark.nightly),
    ],
)
def test_matches_the_conjugate_posterior(noise, loc):
    bnn, y = conjugate(noise, loc)
    found = xr.concat(
        [
            prior_sensitivity(bnn, fit_exactly(bnn, y, noise, loc, seed), rows=0, seed=1)["sensitivity"]
            for seed in range(REPEATS)
        ],
        dim="repeat",
    ).sel(quantity="mean response")
    for component, part in (("prior", "prior"), ("likelihood", "data")):
        values = found.sel(component=component).to_numpy()
        truth = exact_sensitivity(y, noise, loc, part)
        se = values.std(ddof=1) / np.sqrt(REPEATS)
        # The grid ends where draws do: their range differs from it a little, and so does the normalisation.
        assert abs(values.mean() - truth) < 4 * se + 0.05 * truth
        assert abs(values.mean() - 1.5 * truth) > 4 * se + 0.05 * truth


@pytest.mark.parametrize(
    ("noise", "loc", "words"),
    [
        (0.2, 0.0, "likelihood dominates"),
        (30.0, 0.0, "strong prior or weak likelihood"),
        (1.0, 12.0, "potential prior-data conflict"),
    ],
)
def test_words(noise, loc, words):
    bnn, y = conjugate(noise, loc)
    found = prior_sensitivity(bnn, fit_exactly(bnn, y, noise, loc, 0), rows=0, seed=1)
    assert str(found["diagnosis"].sel(quantity="mean response").item()) == words
    levels = [level for level, _ in json.loads(found.attrs["findings"])]
    assert ("caution" in levels) or words == "likelihood dominates"
    assert found.attrs["verdict"]


def test_words_of_the_rest():
    assert _words(0.0, 0.0, 0.05) == "moved by neither"
    assert _words(np.nan, 0.0, 0.05) == "does not vary"


@pytest.fixture(scope="module")
def network():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(25, 1))
    return pbnn.build(pbnn.Network([pbnn.Dense(3)], likelihoods.Gaussian()), x, np.sin(2 * x[:, 0]))


@pytest.mark.slow
def test_groups_and_quantities(network, scatter):
    found = prior_sensitivity(network, scatter(network, draws=60), rows=2, group="weights", seed=1)
    assert found["component"].values.tolist() == ["likelihood", "prior", "weights", "scales", "noise"]
    names = found["quantity"].values.tolist()
    assert names == ["mean response", "mean response at row 0", "mean response at row 24", "noise", "lpd"]
    assert found.attrs["group"] == "weights"
    assert np.isfinite(found["sensitivity"]).all()


@pytest.mark.nightly
def test_groups_that_a_fit_holds_fixed_are_left_out(network):
    """A Laplace approximation holds scales and noise at their best values."""
    fitted = pbnn.fit(network, pbnn.Laplace(draws=100), seed=1, progress=False)
    found = prior_sensitivity(network, fitted, rows=0, seed=1)
    assert found["component"].values.tolist() == ["likelihood", "prior", "weights"]
    assert found["diagnosis"].sel(quantity="noise") == "does not vary"
    with pytest.raises(MethodError, match="no prior of 'scales' whose density differs between draws"):
        prior_sensitivity(network, fitted, group="scales")


def test_log_priors_add_up_to_the_targets(network, scatter):
    from pbnn.assess.sensitivity import _log_priors
    from pbnn.target import Target

    tree = scatter(network, draws=5)
    parts = _log_priors(network, tree["posterior"].to_dataset())
    target = Target.of(network)
    z = np.asarray(target.draws(tree["posterior"].to_dataset()))
    whole = [[float(target.log_prior(one)) for one in chain] for chain in z]
    np.testing.assert_allclose(sum(parts.values()), whole, rtol=1e-10)


@pytest.mark.slow
def test_classes_and_several_outputs(classifier, two_outputs, scatter):
    of_classes = prior_sensitivity(classifier, scatter(classifier, draws=60), rows=1, seed=1)
    assert "probability of mid at row 0" in of_classes["quantity"].values
    of_two = prior_sensitivity(two_outputs, scatter(two_outputs, draws=60), rows=0, seed=1)
    assert of_two["quantity"].values.tolist() == [
        "mean response of y0",
        "mean response of y1",
        "noise of y0",
        "noise of y1",
        "lpd",
    ]


def test_refusals(network, scatter):
    with pytest.raises(MethodError, match="at least 100 draws from the posterior; this fit has 8"):
        prior_sensitivity(network, scatter(network, draws=4))
    tree = scatter(network)
    optima = xr.DataTree.from_dict({"posterior": tree["posterior"].to_dataset()})
    optima.attrs["method"] = "ensemble"
    with pytest.raises(MethodError, match="ensemble gives optima, not draws"):
        prior_sensitivity(network, optima)
    with pytest.raises(MethodError, match=r"unknown group 'weight'.*Did you mean 'weights'"):
        prior_sensitivity(network, tree, group="weight")
    with pytest.raises(MethodError, match="rows must be a whole number"):
        prior_sensitivity(network, tree, rows=-1)
    with pytest.raises(MethodError, match="threshold must be a positive number"):
        prior_sensitivity(network, tree, threshold=0)
    with pytest.raises(ModelError, match="first argument must be what"):
        prior_sensitivity(network.model, tree)
    linear = LinearGaussian.simulate()
    with pytest.raises(MethodError, match=r"no prior of 'noise' whose.*it has: prior, weights"):
        prior_sensitivity(linear.bnn, linear.draws(), group="noise")


def test_chance_is_what_unrelated_draws_show(network, scatter):
    """Draws scattered at random: nothing depends on the prior but through the weights themselves."""
    found = prior_sensitivity(network, scatter(network, draws=60), rows=0, seed=1)
    assert (found["chance"] > 0).all()
    quiet = found["sensitivity"].sel(component="prior") <= found["chance"].sel(component="prior")
    conflict = found["diagnosis"] == "potential prior-data conflict"
    assert not (quiet & conflict).any()
    loud = float(found["chance"].sel(component="prior").max()) > found.attrs["threshold"]
    assert ("nothing to do with the prior" in found.attrs["verdict"]) == loud
