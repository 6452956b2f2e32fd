"""Relevance is known where the posterior is: on a linear problem, and on draws made by hand."""

import numpy as np
import pytest
import xarray as xr
from numpy.testing import assert_allclose

import pbnn
from pbnn import assess, likelihoods, priors
from pbnn.errors import ModelError, SpecError
from pbnn.plots import plot_relevance

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4))
X = (X - X.mean(0)) / X.std(0)
EFFECTS = np.array([0.0, 3.0, 0.0, -1.0])
Y = X @ EFFECTS + 0.1 * RNG.normal(size=60)


def built(prior=None, layers=(), X=X):
    return pbnn.build(
        pbnn.Network(list(layers), likelihoods.Gaussian(), weights=prior or priors.Normal()), X, Y
    )


@pytest.fixture(scope="module")
def linear():
    """A linear network in which nothing but the weights moves: two chains, by hand."""
    bnn = built()
    weights = (EFFECTS / Y.std())[:, None] + 0.01 * RNG.normal(size=(2, 100, 4, 1))
    return bnn, posterior_of(bnn, {"out_weight": weights})


def posterior_of(bnn, given):
    """Return a fit with these draws `(chain, draw, ...)`; all other variables stay at one value."""
    start = bnn.model.initial_point()
    sample = next(iter(given.values())).shape[:2]
    rest = {
        v.name: np.broadcast_to(np.exp(start[bnn.model.rvs_to_values[v].name]), (*sample, *v.shape.eval()))
        for v in bnn.model.free_RVs
        if v.name not in given
    }
    values = {**rest, **given}
    dims = {v.name: bnn.model.named_vars_to_dims.get(v.name, ()) for v in bnn.model.free_RVs}
    data = {name: (("chain", "draw", *dims[name]), value) for name, value in values.items()}
    return xr.DataTree.from_dict({"posterior": xr.Dataset(data).assign_coords(chain=[0, 1], draw=range(100))})


def test_linear_relevance_is_the_share_of_the_variance(linear):
    table = pbnn.relevance(*linear)
    share = EFFECTS**2 / (EFFECTS**2).sum()
    draws = linear[1]["posterior"]["out_weight"].to_numpy()[..., 0] ** 2
    draws = (draws / draws.sum(-1, keepdims=True)).reshape(-1, 4)
    assert_allclose(table["mean"], draws.mean(0))
    assert_allclose(table["sd"], draws.std(0, ddof=1))
    # Known up to the Monte Carlo error of a mean, and the spread that was put in.
    assert np.abs(table["mean"] - share).max() < 5 * draws.std(0).max()
    assert table["rank"].to_numpy().tolist()[1] == 1
    assert table["rank"].to_numpy().tolist()[3] == 2
    assert float(table["rank_probability"].sel(feature="x1", position=1)) == 1.0
    assert_allclose(table["rank_probability"].sum("position"), 1)
    assert table.attrs["by"] == "weights"
    assert (table["r_hat"] < 1.1).all()
    inside = (draws >= table["hdi"].sel(bound="lower").to_numpy()) & (
        draws <= table["hdi"].sel(bound="upper").to_numpy()
    )
    assert_allclose(inside.mean(0), 0.9, atol=2 / 200)


def test_chains_that_disagree_are_seen(linear):
    bnn, idata = linear
    values = idata["posterior"]["out_weight"].to_numpy().copy()
    values[1] = values[1][:, ::-1]
    table = pbnn.relevance(bnn, posterior_of(bnn, {"out_weight": values}))
    assert table["r_hat"].max() > 1.5


LOCAL = np.exp(RNG.normal(size=(2, 100, 4)))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("prior", "given", "scale"),
    [
        (priors.ARD(priors.HalfNormal(1.0)), {"h0_weight_local": LOCAL}, LOCAL),
        (priors.Normal(scale=priors.HalfNormal(1.0, per="input")), {"h0_weight_scale": LOCAL}, LOCAL),
        (
            priors.Horseshoe(1.0, None),
            {"h0_weight_local": LOCAL, "h0_weight_global": LOCAL[..., 0]},
            LOCAL * LOCAL[..., :1],
        ),
        (
            priors.Horseshoe(1.0),
            {"h0_weight_local": LOCAL, "h0_weight_slab": LOCAL[..., 0]},
            LOCAL / np.sqrt(1 + LOCAL**2 / LOCAL[..., :1]),
        ),
    ],
    ids=["ard", "per input", "horseshoe", "regularised"],
)
def test_scales_of_the_prior_are_read(prior, given, scale):
    bnn = built(prior=priors.Normal(), layers=[pbnn.Dense(2, weight=prior)])
    if "h0_weight_global" not in given and isinstance(prior, priors.Horseshoe):
        given = given | {"h0_weight_global": np.ones((2, 100))}
    table = pbnn.relevance(bnn, posterior_of(bnn, given))
    share = scale**2 / (scale**2).sum(-1, keepdims=True)
    assert table.attrs["by"] == "scale"
    assert_allclose(table["mean"], share.mean((0, 1)), rtol=1e-10)
    assert_allclose(table["scale"], scale.mean((0, 1)), rtol=1e-10)


def test_units_in_another_order_keep_their_scales():
    """What is learned for each unit follows it, and has no sign."""
    prior = priors.Normal(scale=priors.HalfNormal(1.0, per="unit"))
    bnn = built(layers=[pbnn.Dense(3, weight=prior)])
    weights, scales = RNG.normal(size=(4, 3)) + np.zeros((2, 100, 4, 3)), np.array([1.0, 2.0, 3.0])
    order = np.stack([RNG.permutation(3) for _ in range(200)]).reshape(2, 100, 3)
    signs = RNG.choice([-1, 1], (2, 100, 1, 3))
    shuffled = np.take_along_axis(weights, order[:, :, None], -1) * signs
    given = {"h0_weight": shuffled, "h0_weight_scale": scales[order], "h0_bias": np.zeros((2, 100, 3))}
    given["out_weight"] = np.zeros((2, 100, 3, 1))
    found = assess.canonicalize(bnn, posterior_of(bnn, given))["posterior"]
    assert np.ptp(found["h0_weight"].to_numpy(), axis=(0, 1)).max() < 1e-12
    assert np.ptp(found["h0_weight_scale"].to_numpy(), axis=(0, 1)).max() == 0


def test_one_draw_has_no_spread(linear):
    bnn, idata = linear
    table = pbnn.relevance(bnn, idata.isel(chain=[0], draw=[0]))
    assert table["sd"].isnull().all()
    assert table["r_hat"].isnull().all()
    assert_allclose(table["hdi"].sel(bound="lower"), table["mean"])


def test_what_has_no_relevance_is_refused(linear):
    bnn, idata = linear
    with pytest.raises(
        SpecError, match=r"relevance: the prior of out_weight, Normal, has no scale for each inp"
    ):
        pbnn.relevance(bnn, idata, by="scale")
    with pytest.raises(SpecError, match=r"relevance: unknown by 'rank'; known: auto, scale, weights"):
        pbnn.relevance(bnn, idata, by="rank")
    with pytest.raises(ModelError, match=r"relevance: prob must be a number between 0 and 1; got 90"):
        pbnn.relevance(bnn, idata, prob=90)
    norm = built(layers=[pbnn.LayerNorm(), pbnn.Dense(2)])
    made = posterior_of(norm, {"h0_gain": np.ones((2, 100, 4))})
    with pytest.raises(
        SpecError, match=r"relevance: the first layer must be Dense.*it is LayerNorm\. For other"
    ):
        pbnn.relevance(norm, made)


def test_the_figure_has_the_most_relevant_on_top(linear):
    from matplotlib.figure import Figure

    ax = Figure().add_subplot()
    table = pbnn.relevance(*linear)
    assert plot_relevance(table, most=2, ax=ax) is ax
    assert [label.get_text() for label in ax.get_yticklabels()] == ["x1", "x3"]
    points = ax.lines[0]
    assert_allclose(points.get_xdata(), table["mean"].sel(feature=["x1", "x3"]))
    assert list(points.get_ydata()) == [1, 0]


# --------------------------------------------------------------------------------------- from fit to file


@pytest.mark.slow
def test_a_sparse_prior_from_fit_to_file(tmp_path):
    """The whole way, with a fit that knows which inputs matter; and back from a file."""
    prior = priors.Horseshoe(priors.RelevantInputs(2, rows=60))
    bnn = built(prior=prior)
    idata = pbnn.fit(bnn, pbnn.NUTS(draws=200, tune=300, chains=2), seed=1, progress=False)
    table = pbnn.relevance(bnn, idata)
    assert set(table["feature"].to_numpy()[table["rank"].to_numpy() <= 2]) == {"x1", "x3"}
    assert float(table["mean"].sel(feature=["x1", "x3"]).sum()) > 0.9
    pbnn.save(bnn, idata, tmp_path / "run.nc")
    again, back = pbnn.load(tmp_path / "run.nc")
    assert again.network == bnn.network
    pred, pred_back = (
        pbnn.predict(*of, X[:5], seed=1)["predictions"] for of in ((bnn, idata), (again, back))
    )
    assert_allclose(pred["mu"], pred_back["mu"], rtol=1e-6)
    assert_allclose(pbnn.relevance(again, back)["mean"], table["mean"], rtol=1e-6)


@pytest.mark.slow
def test_given_weights_survive_a_file(tmp_path):
    mean = RNG.normal(size=(4, 2))
    bnn = built(layers=[pbnn.Dense(2, weight=priors.Pretrained(mean, 0.1))])
    idata = pbnn.fit(bnn, pbnn.MAP(), seed=1, progress=False)
    pbnn.save(bnn, idata, tmp_path / "run.nc")
    again, _ = pbnn.load(tmp_path / "run.nc")
    assert again.network.layers[0].weight == priors.Pretrained(mean, 0.1)


@pytest.mark.slow
def test_a_sequence_has_no_columns_to_rank():
    X = np.random.default_rng(0).normal(size=(20, 4, 2))
    bnn = pbnn.build(pbnn.Network([pbnn.Dense(2), pbnn.Flatten()], likelihoods.Gaussian()), X, X[:, 0, 0])
    fit = pbnn.fit(bnn, pbnn.MAP(starts=1, steps=2), seed=1, progress=False)
    with pytest.raises(SpecError, match=r"X has shape \(obs, 4, 2\).*columns of a table"):
        pbnn.relevance(bnn, fit)
