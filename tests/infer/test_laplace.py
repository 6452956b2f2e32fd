"""The Laplace approximation: exact where the posterior is Gaussian, and consistent with itself elsewhere."""

import numpy as np
import pymc as pm
import pytest
from scipy import stats

import pbnn
from pbnn.assess import compare_evidence
from pbnn.errors import DataError, MethodError, ModelError
from pbnn.infer import Laplace, fit
from pbnn.infer.laplace.fit import Training
from pbnn.infer.laplace.saddle import SmallestCurvature
from pbnn.infer.laplace.structures import builder
from pbnn.infer.precisions import Gaussian
from pbnn.infer.progress import progress_bar
from pbnn.spec import likelihoods, priors
from pbnn.target import Target
from pbnn.target.curvature import Subset
from tests.exact import LinearGaussian

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def linear():
    return LinearGaussian.simulate()


@pytest.fixture(scope="module")
def wide():
    """More weights than observations."""
    return LinearGaussian.simulate(n=6, n_in=9)


def laplace(linear, **options):
    return fit(linear.bnn, Laplace(**{"precision": "float64", "draws": 50} | options), seed=1, progress=False)


def moments(tree):
    """Return mean and covariance of the weights, which on this model are the unconstrained ones."""
    stored = tree["gaussian"].to_dataset()
    white = Gaussian.of(stored).whiten(np.eye(stored.attrs["dim"]))
    return stored["mode"].to_numpy(), white @ white.T


def evidence(linear, scale=1.0, noise=None):
    design = np.column_stack([linear.X, np.ones(len(linear.X))])
    covariance = scale**2 * design @ design.T + (noise or linear.noise) ** 2 * np.eye(len(design))
    return stats.multivariate_normal(np.zeros(len(design)), covariance).logpdf(linear.y)


# ------------------------------------------------------------------------------------------ the exact posterior


@pytest.mark.parametrize(("planted", "ok"), [(0.0, True), (1e-3, False)])
@pytest.mark.parametrize("case", ["linear", "wide"])
def test_the_full_structure_is_the_exact_posterior(case, planted, ok, request):
    exact = request.getfixturevalue(case)
    tree = laplace(exact, structure="full")
    mean, covariance = moments(tree)
    # The target's order is weights, then bias: that of the closed form.
    sd = np.sqrt(np.diagonal(exact.covariance))
    close = (np.abs(mean - exact.mean) < 1e-5 * sd).all()
    close &= np.allclose(covariance * (1 + planted), exact.covariance, rtol=1e-5, atol=1e-7 * sd.max() ** 2)
    close &= abs(tree["gaussian"].attrs["log_marginal_likelihood"] + planted - evidence(exact)) < 1e-5
    assert close == ok


def test_a_low_rank_that_is_full_enough_is_exact(linear):
    tree = laplace(linear, structure="lowrank", rank=3)
    values = np.linalg.eigvalsh(np.linalg.inv(linear.covariance))
    _, covariance = moments(tree)
    # The smallest of four curvatures is left out, and no more than that is lost.
    assert np.linalg.norm(np.linalg.inv(covariance) - np.linalg.inv(linear.covariance), 2) < values[0]


def test_the_diagonal_is_that_of_the_precision(linear):
    _, covariance = moments(laplace(linear, structure="diag"))
    np.testing.assert_allclose(
        np.diagonal(covariance), 1 / np.diagonal(np.linalg.inv(linear.covariance)), rtol=1e-6
    )


def test_kronecker_factors_hold_the_blocks_of_weights_and_bias(linear):
    """Of one output and one layer the factors are exact: only weights and bias are taken to be independent."""
    _, covariance = moments(laplace(linear, structure="kron"))
    precision = np.linalg.inv(linear.covariance)
    np.testing.assert_allclose(np.linalg.inv(covariance[:3, :3]), precision[:3, :3], rtol=1e-6)
    np.testing.assert_allclose(covariance[3, 3], 1 / precision[3, 3], rtol=1e-6)
    assert np.abs(covariance[3, :3]).max() < 1e-12


def test_draws_are_those_of_the_gaussian(linear):
    draws = 4000
    tree = laplace(linear, structure="full", draws=draws)
    weights = np.concatenate(
        [tree["posterior"]["out_weight"].to_numpy()[0, :, :, 0], tree["posterior"]["out_bias"].to_numpy()[0]],
        axis=1,
    )
    off = np.abs(weights.mean(axis=0) - linear.mean) / np.sqrt(np.diagonal(linear.covariance) / draws)
    assert (off < 4).all()
    z = (weights - linear.mean) @ np.linalg.cholesky(np.linalg.inv(linear.covariance))
    # Squares of standard normal numbers have variance 2.
    assert (np.abs((z**2).mean(axis=0) - 1) < 4 * np.sqrt(2 / draws)).all()
    assert float(tree["sample_stats"]["lp"].std()) > 0
    assert pbnn.diagnose(linear.bnn, tree).attrs["k_hat"] < 0.1


# ------------------------------------------------------------------------------------------------------- tuning


@pytest.fixture(scope="module")
def learned():
    """A linear model whose prior scales and noise are learned."""
    linear = LinearGaussian.simulate(n=30, noise=0.5, seed=3)
    prior = priors.Normal(scale=priors.LogNormal(1.0, sigma=1.0))
    net = pbnn.Network(
        [], likelihoods.Gaussian(priors.LogNormal(1.0, sigma=1.0)), weights=prior, biases=priors.Normal()
    )
    return linear, pbnn.build(net, linear.X, linear.y, standardize=False)


def hyper_evidence(linear, log_scale, log_noise):
    """Return the log of evidence times density of the hyperparameters, up to a constant, in closed form."""
    design = np.column_stack([linear.X * np.exp(log_scale), np.ones(len(linear.X))])
    covariance = design @ design.T + np.exp(2 * log_noise) * np.eye(len(design))
    log_evidence = stats.multivariate_normal(np.zeros(len(design)), covariance).logpdf(linear.y)
    return log_evidence, log_evidence - 0.5 * (log_scale**2 + log_noise**2)


@pytest.mark.parametrize("prior_precision", ["layer", pytest.param("one", marks=pytest.mark.nightly)])
def test_online_tuning_finds_the_largest_evidence(learned, prior_precision):
    linear, bnn = learned
    options = Laplace("full", precision="float64", draws=10, prior_precision=prior_precision)
    tree = fit(bnn, options, seed=1, progress=False)
    at = np.array(
        [np.log(float(tree["posterior"][n].isel(chain=0, draw=0))) for n in ("out_weight_scale", "noise")]
    )
    log_evidence, best = hyper_evidence(linear, *at)
    assert tree["gaussian"].attrs["log_marginal_likelihood"] == pytest.approx(log_evidence, abs=1e-4)
    for step in ([0.1, 0], [-0.1, 0], [0, 0.1], [0, -0.1]):
        assert hyper_evidence(linear, *(at + step))[1] < best
    # The gradient there is that of a maximum, up to the precision at which tuning stops.
    h = 1e-4
    slope = [
        (hyper_evidence(linear, *(at + h * e))[1] - hyper_evidence(linear, *(at - h * e))[1]) / (2 * h)
        for e in np.eye(2)
    ]
    assert np.abs(slope).max() < 0.1


def test_hyperparameters_are_held_in_all_draws(learned):
    _, bnn = learned
    tree = fit(bnn, Laplace("full", draws=10), seed=1, progress=False)
    assert np.ptp(tree["posterior"]["noise"].to_numpy()) == 0
    assert float(tree["posterior"]["out_weight"].std("draw").min()) > 0


@pytest.mark.nightly
def test_tuning_after_the_fit_and_none_at_all(learned):
    linear, bnn = learned
    trees = {
        t: fit(bnn, Laplace("full", tune=t, precision="float64", draws=10), seed=1, progress=False)
        for t in ("online", "after", None)
    }
    noise = {t: float(tree["posterior"]["noise"].isel(chain=0, draw=0)) for t, tree in trees.items()}
    assert len(set(noise.values())) == 3
    best = {t: tree["gaussian"].attrs["log_marginal_likelihood"] for t, tree in trees.items()}
    assert best["online"] >= best["after"] - 0.5
    assert linear.noise / 1.5 < noise["online"] < linear.noise * 1.5


# ------------------------------------------------------------------------------------------------------ saddles


def test_a_saddle_is_left():
    """With all weights 0 the gradient is exactly 0, and no climb moves."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(50, 1))
    net = pbnn.Network([pbnn.Dense(3, bias=False)], likelihoods.Gaussian(0.2), weights=priors.Normal())
    bnn = pbnn.build(net, X, np.tanh(2 * X[:, 0]) - 0.1 * X[:, 0], standardize=False)
    target = Target.of(bnn)
    method, subset = Laplace("full", tune=None), Subset.of(target, target.weights)
    training = Training(method, target, subset, builder(subset, "full", 50, 2**28))
    with progress_bar("test", 1, show=False) as bar:
        stuck = training.one(np.zeros(target.dim), bar)
        found, smallest = training.off_saddles(stuck, bar)
    assert np.abs(stuck.placed.z[subset.positions][subset.slices["h0_weight"]]).max() < 1e-3
    assert found.value > stuck.value + 10
    assert smallest > 0


def test_the_smallest_curvature_follows_from_the_seed():
    """Eigenvalues that spread widely make Lanczos' method begin again, at random."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 60)) * np.logspace(0, -2, 60)
    net = pbnn.Network([], likelihoods.Gaussian(0.01), weights=priors.Normal())
    bnn = pbnn.build(net, X, X[:, 0] + rng.normal(size=200), standardize=False)
    target = Target.of(bnn, "float64")
    probe = SmallestCurvature(Subset.of(target, target.weights))
    (value, along), (again, along_again) = (probe.at(np.zeros(target.dim)) for _ in range(2))
    assert value == again
    np.testing.assert_array_equal(along, along_again)


# --------------------------------------------------------------------------------------------- function space


@pytest.fixture(scope="module")
def curve():
    rng = np.random.default_rng(0)
    X = rng.uniform(-2, 2, (60, 1))
    y = 100 + 10 * np.sin(2 * X[:, 0]) + rng.normal(size=60)
    return pbnn.build(pbnn.Network([pbnn.Dense(8)], likelihoods.Gaussian()), X, y)


@pytest.fixture(scope="module")
def curve_fit(curve):
    return fit(curve, Laplace("full", draws=4000), seed=1, progress=False)


NEW = np.linspace(-4, 4, 7)[:, None]


def test_predictions_are_those_of_the_gaussian_process(curve, curve_fit):
    gp = pbnn.laplace_gp(curve, curve_fit)
    mu = pbnn.predict(curve, curve_fit, NEW, seed=2)["predictions"]["mu"].to_numpy()[0]
    n = len(mu)
    variance = gp.variance(NEW)
    np.testing.assert_allclose(gp.kernel(NEW).diagonal(), variance, rtol=1e-6)
    np.testing.assert_allclose(gp.kernel(NEW, NEW[:2]), gp.kernel(NEW)[:, :2], rtol=1e-8, atol=1e-10)
    assert (np.abs(mu.mean(axis=0) - gp.mean(NEW)) < 4 * np.sqrt(variance / n)).all()
    assert (np.abs(mu.var(axis=0) / variance - 1) < 4 * np.sqrt(2 / n)).all()
    correlation = np.corrcoef(mu.T)
    expected = gp.kernel(NEW) / np.sqrt(np.outer(variance, variance))
    assert np.abs(correlation - expected).max() < 4 / np.sqrt(n)


def test_its_functions_serve_in_pymc(curve, curve_fit):
    gp = pbnn.laplace_gp(curve, curve_fit)
    mean, covariance = gp.pymc()
    np.testing.assert_allclose(mean(NEW).eval(), gp.mean(NEW))
    np.testing.assert_allclose(covariance(NEW).eval(), gp.kernel(NEW), rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(covariance(NEW, diag=True).eval(), gp.variance(NEW), rtol=1e-6)
    with pm.Model():
        process = pm.gp.Latent(mean_func=mean, cov_func=covariance + pm.gp.cov.WhiteNoise(0.1))
        f = process.prior("f", NEW)
        assert f.eval().shape == (7,)


def test_the_network_itself_and_its_linearisation_differ(curve, curve_fit):
    itself = fit(curve, Laplace("full", draws=500, predictive="mc"), seed=1, progress=False)
    sd = [
        pbnn.predict(curve, tree, NEW, seed=2)["predictions"]["mu"].std("draw").to_numpy()[0]
        for tree in (curve_fit, itself)
    ]
    assert np.abs(np.log(sd[0] / sd[1])).max() > 0.1


@pytest.fixture(scope="module")
def labels():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 2))
    y = np.array(["a", "b", "c"])[np.argmax(X @ [[1, -1, 0], [0, 1, -1]] + rng.gumbel(size=(80, 3)), axis=1)]
    return pbnn.build(pbnn.Network([pbnn.Dense(5)], likelihoods.Categorical()), X, y)


@pytest.mark.nightly
def test_probit_is_close_to_the_mean_over_draws(labels):
    new = np.random.default_rng(1).normal(size=(20, 2)) * 3
    trees = [
        fit(labels, Laplace("full", draws=2000, predictive=how), seed=1, progress=False)
        for how in ("glm", "probit")
    ]
    glm, probit = (pbnn.predict(labels, t, new, seed=2)["predictions"]["p"].to_numpy()[0] for t in trees)
    assert (np.ptp(probit, axis=0) == 0).all()
    np.testing.assert_allclose(probit.sum(axis=-1), 1, rtol=1e-5)
    # The approximation itself is off by some hundredths where logits are spread widely.
    assert np.abs(glm.mean(axis=0) - probit[0]).max() < 0.08
    # What is epistemic shows between draws, of which probit has none.
    parts = [pbnn.predict(labels, t, new, kind="summary")["predictions"]["epistemic_entropy"] for t in trees]
    assert float(parts[0].min()) > 0
    assert np.isnan(parts[1]).all()
    assert np.isfinite(float(pbnn.score(labels, trees[1], new, np.array(["a"] * 20), seed=1)["lpd"]))


# ------------------------------------------------------------------------------------------------------ options


def test_a_subset_leaves_the_rest_at_the_mode(labels):
    tree = fit(labels, Laplace("full", draws=20, subset="last_layer"), seed=1, progress=False)
    assert (np.ptp(tree["posterior"]["h0_weight"].to_numpy(), axis=1) == 0).all()
    assert float(tree["posterior"]["out_weight"].std("draw").min()) > 0
    named = fit(labels, Laplace("full", draws=20, subset=["out_bias", "out_weight"]), seed=1, progress=False)
    np.testing.assert_allclose(named["posterior"]["out_weight"], tree["posterior"]["out_weight"])
    found = pbnn.diagnose(labels, tree)
    assert found.attrs["trust"] != "yes"
    assert found.attrs["held"] == pytest.approx(15 / 33)
    assert "45.5 % of the weights are held" in found.attrs["findings"]


@pytest.mark.nightly
def test_draws_that_are_far_from_the_posterior_are_not_to_be_trusted_themselves(curve, curve_fit):
    itself = fit(curve, Laplace("full", draws=500, predictive="mc"), seed=1, progress=False)
    judged = [pbnn.diagnose(curve, tree) for tree in (curve_fit, itself)]
    assert all(found.attrs["k_hat"] > 1 for found in judged)
    assert [found.attrs["trust"] for found in judged] == ["caution", "no"]
    assert "predictive='glm'" in judged[1].attrs["findings"]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"structure": "block"}, "known|choose|full"),
        ({"predictive": "glmm"}, "glm"),
        ({"subset": "first_layer"}, "last_layer"),
        ({"subset": "out_weight"}, r'\["out_weight"\]'),
        ({"tune": "offline"}, "online"),
        ({"memory": -1}, "bytes"),
        ({"rank": 0}, "rank"),
    ],
)
def test_options_say_what_they_take(options, text):
    with pytest.raises(MethodError, match=text):
        Laplace(**options)


def test_errors_name_the_remedy(curve, labels):
    with pytest.raises(MethodError, match=r"h0_weights.*h0_weight"):
        fit(curve, Laplace(subset=["h0_weights"]), seed=1, progress=False)
    with pytest.raises(MethodError, match=r"probit.*glm"):
        fit(curve, Laplace(predictive="probit"), seed=1, progress=False)
    with pytest.raises(MethodError, match="last_layer"):
        fit(labels, Laplace(memory=10), seed=1, progress=False)
    with pytest.raises(MethodError, match="rank"):
        fit(labels, Laplace("lowrank", rank=10_000), seed=1, progress=False)
    with pytest.raises(ModelError, match="laplace_gp"):
        pbnn.laplace_gp(curve, fit(curve, pbnn.MAP(starts=1, steps=5), seed=1, progress=False))


@pytest.mark.parametrize(
    "structure", ["diag", *(pytest.param(s, marks=pytest.mark.nightly) for s in ("full", "kron"))]
)
def test_weights_of_dead_units_keep_their_prior(structure):
    """No unit is active: the data say nothing of the weights that enter it."""
    X = np.random.default_rng(0).normal(size=(40, 2))
    y = np.where(X[:, 0] > 0, "a", "b")
    fixed = {"weight": priors.Normal(scale=0.01), "bias": priors.Normal(-10.0, 0.01)}
    bnn = pbnn.build(pbnn.Network([pbnn.Dense(4, "relu", **fixed)], likelihoods.Categorical()), X, y)
    tree = fit(bnn, Laplace(structure, tune=None, draws=20), seed=1, progress=False)
    stored = tree["gaussian"].to_dataset()
    variances = Gaussian.of(stored).variances()
    np.testing.assert_allclose(variances[: 2 * 4 + 4], 1.0, rtol=1e-5)
    assert np.isfinite(pbnn.predict(bnn, tree, X[:5], seed=2)["predictions"]["p"]).all()


@pytest.mark.nightly
def test_auto_takes_the_richest_that_fits_and_says_so(labels):
    rich = fit(labels, Laplace(draws=10), seed=1, progress=False)
    poor = fit(labels, Laplace(draws=10, memory=9000), seed=1, progress=False)
    assert rich["gaussian"].attrs["structure"] == "full"
    assert poor["gaussian"].attrs["structure"] in ("kron", "diag")
    assert "auto" in poor.attrs["message"]


# ---------------------------------------------------------------------------------------------- general models


def test_a_general_model_has_the_hessian_at_its_mode():
    covariance = np.array([[1.0, 0.6], [0.6, 2.0]])
    with pm.Model() as model:
        pm.MvNormal("x", [1.0, -1.0], covariance)
    tree = fit(model, Laplace(draws=4000, precision="float64"), seed=1, progress=False)
    mean, found = moments(tree)
    np.testing.assert_allclose(mean, [1, -1], atol=1e-4)
    np.testing.assert_allclose(found, covariance, rtol=1e-6)
    assert tree["gaussian"].attrs["log_marginal_likelihood"] == pytest.approx(0, abs=1e-6)
    with pytest.raises(MethodError, match="kron"):
        fit(model, Laplace("kron"), seed=1, progress=False)
    with pytest.raises(MethodError, match=r"pbnn\.build"):
        fit(model, Laplace(subset="last_layer"), seed=1, progress=False)


def test_a_mode_without_curvature_is_told():
    with pm.Model() as model:
        x = pm.Flat("x", shape=2)
        pm.Potential("p", -(x[0] ** 2))
    with pytest.raises(MethodError, match=r"smallest curvature.*improper"):
        fit(model, Laplace(), seed=1, progress=False)


# ---------------------------------------------------------------------------------------------------- evidence


@pytest.mark.nightly
def test_evidence_compares_networks(linear):
    rng = np.random.default_rng(0)
    y = linear.X[:, 0] + 0.3 * rng.normal(size=len(linear.X))
    fits = {}
    for name, layers in {"linear": [], "wide": [pbnn.Dense(40)]}.items():
        bnn = pbnn.build(pbnn.Network(layers, likelihoods.Gaussian()), linear.X, y)
        fits[name] = fit(bnn, Laplace("full", draws=10), seed=1, progress=False)
    table = compare_evidence(fits)
    assert table.attrs["best"] == "linear"
    assert float(table["probability"].sum()) == pytest.approx(1)
    assert float(table["difference"][0]) == 0
    last = fit(bnn, Laplace("diag", draws=10), seed=1, progress=False)
    with pytest.raises(ModelError, match="one structure"):
        compare_evidence({**fits, "other": last})
    with pytest.raises(DataError, match="different data"):
        compare_evidence({**fits, "other": laplace(linear)})
    with pytest.raises(ModelError, match="Laplace"):
        compare_evidence({"map": fit(linear.bnn, pbnn.MAP(starts=1), seed=1, progress=False)})
