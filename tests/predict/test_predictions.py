"""`predict` against a forward pass in NumPy, and what a user may do to it."""

from contextlib import nullcontext

import numpy as np
import pandas as pd
import pymc as pm
import pytest
import xarray as xr

from pbnn.errors import DataError, MethodError, ModelError, ShapeError
from pbnn.graph.build import build
from pbnn.predict import forward, predict
from pbnn.predict.forward import choose_precision
from pbnn.spec.layers import Dense, Embedding
from pbnn.spec.likelihoods import Gaussian
from pbnn.spec.network import Network
from tests.predict.cases import NETS, SIGNAL, X_NEW, Case, X, as_posterior, case

CLASSES = ("bernoulli", "categorical")
NUMBERS = tuple(name for name in NETS if name not in CLASSES)
SAMPLE = ("chain", "draw")


def draws_of(one: Case, inputs=X_NEW, **options) -> xr.Dataset:
    return predict(one.bnn, one.idata, inputs, **{"seed": 2, **options})["predictions"].to_dataset()


# ---------------------------------------------------------------- values


@pytest.mark.slow
@pytest.mark.parametrize("name", NETS)
def test_parameters_equal_a_forward_pass_in_numpy(name):
    one = case(name)
    exact, found = one.parameters(X_NEW), draws_of(one)
    for key in {"mu", "p"} & exact.keys():
        assert found[key].shape == exact[key].shape
        rounding = 2e-5 * np.abs(exact[key]).max(axis=-1, keepdims=True)
        assert (np.abs(found[key].values - exact[key]) <= rounding).all()


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("shift", [0.0, 0.2])
def test_responses_are_draws_from_the_likelihood(name, shift):
    """Each response is independent given the weights, so standardised sums are standard normal."""
    one = case(name)
    exact, y = one.parameters(X_NEW), draws_of(one)["y"].values
    if "p" in exact:
        hits = y[..., None] == np.arange(exact["p"].shape[-1])
        off = hits + shift * exact["p"] - exact["p"]
        variance = exact["p"] * (1 - exact["p"])
        z = off.sum(axis=(0, 1, 2)) / np.sqrt(variance.sum(axis=(0, 1, 2)))
    else:
        standardized = (y - exact["mu"]) / np.sqrt(exact["variance"]) + shift
        z = standardized.sum(axis=(0, 1, 2)) / np.sqrt(np.prod(y.shape[:3]))
    with nullcontext() if shift == 0 else pytest.raises(AssertionError):
        assert (np.abs(z) < 4.5).all()


@pytest.mark.parametrize("name", [n for n in NUMBERS if "student" not in n])
@pytest.mark.parametrize("factor", [1.0, 1.1])
def test_spread_of_responses_is_that_of_the_likelihood(name, factor):
    one = case(name)
    exact, y = one.parameters(X_NEW), draws_of(one)["y"].values
    squares = factor * (y - exact["mu"]) ** 2 / exact["variance"]
    kurtosis = 3 + (1 / exact["mu"] if name == "poisson" else 0 * exact["mu"])
    z = (squares - 1).sum() / np.sqrt((kurtosis - 1).sum())
    with nullcontext() if factor == 1 else pytest.raises(AssertionError):
        assert abs(z) < 4.5


@pytest.mark.parametrize("name", NUMBERS)
def test_summary_of_numbers_is_that_of_the_draws(name):
    one = case(name)
    exact, draws = one.parameters(X_NEW), draws_of(one)
    found = draws_of(one, kind="summary", quantiles=[0.1, 0.5, 0.9])
    close = {"rtol": 1e-4, "atol": 1e-4}
    np.testing.assert_allclose(found["mean"], draws["mu"].mean(SAMPLE), **close)
    np.testing.assert_allclose(found["epistemic_sd"], exact["mu"].std(axis=(0, 1)), **close)
    np.testing.assert_allclose(found["aleatoric_sd"], np.sqrt(exact["variance"].mean(axis=(0, 1))), **close)
    np.testing.assert_allclose(
        found["sd"] ** 2, found["epistemic_sd"] ** 2 + found["aleatoric_sd"] ** 2, rtol=1e-5
    )
    method = "inverted_cdf" if name == "poisson" else "linear"
    of_y = draws["y"].quantile([0.1, 0.5, 0.9], SAMPLE, method=method)
    np.testing.assert_allclose(found["quantiles"], of_y.values, rtol=1e-6)
    np.testing.assert_allclose(
        found["mu_quantiles"], draws["mu"].quantile([0.1, 0.5, 0.9], SAMPLE), rtol=1e-6
    )
    assert found["quantiles"].dims == ("quantile", *found["mean"].dims)
    assert found.coords["quantile"].values.tolist() == [0.1, 0.5, 0.9]


@pytest.mark.parametrize("name", CLASSES)
def test_summary_of_classes_is_that_of_the_draws(name):
    one = case(name)
    p = one.parameters(X_NEW)["p"]
    found = draws_of(one, kind="summary")
    mean = p.mean(axis=(0, 1))
    np.testing.assert_allclose(found["p"], mean, atol=1e-5)
    np.testing.assert_allclose(found["p"].sum("class"), 1.0, atol=1e-6)
    np.testing.assert_allclose(found["entropy"], -(mean * np.log(mean)).sum(axis=-1), atol=1e-5)
    np.testing.assert_allclose(
        found["aleatoric_entropy"], -(p * np.log(p)).sum(axis=-1).mean(axis=(0, 1)), atol=1e-5
    )
    np.testing.assert_allclose(
        found["entropy"], found["aleatoric_entropy"] + found["epistemic_entropy"], atol=1e-6
    )
    assert (found["epistemic_entropy"] >= 0).all()
    np.testing.assert_allclose(
        found["p_quantiles"].sel(quantile=0.25), np.quantile(p, 0.25, axis=(0, 1)), atol=1e-5
    )


def test_summary_of_one_draw_still_has_quantiles():
    """MAP has one draw of the weights; its predictive distribution is all noise."""
    one = case("known noise")
    point = xr.DataTree.from_dict(
        {"posterior": one.idata["posterior"].to_dataset().isel(chain=[0], draw=[0])}
    )
    found = predict(one.bnn, point, X_NEW, seed=1, kind="summary")["predictions"]
    assert (found["epistemic_sd"] == 0).all()
    np.testing.assert_allclose(found["aleatoric_sd"], 0.5, rtol=1e-5)
    width = found["quantiles"].sel(quantile=0.75) - found["quantiles"].sel(quantile=0.25)
    # 1000 responses give each quartile of a normal distribution to 0.0429 sd.
    assert (np.abs(width - 2 * 0.6745 * 0.5) < 5 * 0.5 * 0.0429 * np.sqrt(2)).all()


@pytest.mark.slow
def test_offset_that_float32_would_round():
    y = 1e7 + SIGNAL
    bnn = build(Network([Dense(4)], Gaussian()), X, y)
    assert choose_precision(bnn) == "float64"
    prior = case("gaussian").idata["posterior"].to_dataset()
    found = predict(bnn, xr.DataTree.from_dict({"posterior": prior}), X, seed=1)["predictions"]
    assert found["mu"].dtype == np.float64
    near = build(Network([Dense(4)], Gaussian()), X, SIGNAL)
    same = predict(near, xr.DataTree.from_dict({"posterior": prior}), X, seed=1)["predictions"]
    np.testing.assert_allclose(found["mu"] - 1e7, same["mu"], atol=1e-4)


# ---------------------------------------------------------------- the same seed, whatever the blocks


def test_seed():
    one = case("gaussian")
    first, again, other = draws_of(one), draws_of(one), draws_of(one, seed=3)
    xr.testing.assert_identical(first, again)
    assert (first["y"] != other["y"]).mean() > 0.99
    assert first.attrs["seed"] == 2
    unseeded = draws_of(one, seed=None)
    xr.testing.assert_identical(unseeded, draws_of(one, seed=unseeded.attrs["seed"]))


def test_no_two_draws_share_their_noise():
    one = case("gaussian")
    many = pd.concat([X_NEW] * 60, ignore_index=True)
    found = draws_of(one, many)
    noise = ((found["y"] - found["mu"]) / one.idata["posterior"]["noise"]).values
    n = noise.shape[1] * (len(many) - forward.TILE_ROWS)
    shifts = [(0, 1), (1, 0), (0, forward.TILE_ROWS), (64, 0)]
    for draw, row in shifts:
        pairs = noise[0, draw:, row:], noise[0, : noise.shape[1] - draw, : len(many) - row]
        assert abs(np.corrcoef(*(part.ravel() for part in pairs))[0, 1]) < 5 / np.sqrt(n)
    assert abs(np.corrcoef(noise[0].ravel(), noise[1].ravel())[0, 1]) < 5 / np.sqrt(n)


def test_draws_do_not_depend_on_the_size_of_blocks(monkeypatch):
    one = case("gaussian")
    many = pd.DataFrame(np.random.default_rng(1).normal(size=(600, 2)), columns=["a", "b"])
    draws, summary = draws_of(one, many), draws_of(one, many, kind="summary")
    row = 1200 * 12
    tight = draws_of(one, many, kind="summary", memory=row * forward.TILE_ROWS)
    xr.testing.assert_identical(summary, tight)
    monkeypatch.setattr(forward, "TILE_VALUES", 2**14)
    small = draws_of(one, many)
    np.testing.assert_array_equal(draws["y"], small["y"])


def test_a_summary_in_several_blocks_of_rows(monkeypatch):
    one = case("categorical")
    many = pd.DataFrame(np.random.default_rng(1).normal(size=(600, 2)), columns=["a", "b"])
    whole = draws_of(one, many, kind="summary")
    np.testing.assert_allclose(whole["p"], draws_of(one, many)["p"].mean(SAMPLE), atol=1e-5)
    blocks = draws_of(one, many, kind="summary", memory=1200 * 12 * forward.TILE_ROWS)
    xr.testing.assert_identical(whole, blocks)


def test_memory():
    one = case("gaussian")
    with pytest.raises(DataError, match=r"1200 draws at 7 rows take 6.72e-05 GB.*kind='summary'.*slice"):
        draws_of(one, memory=60_000)
    draws_of(one, memory=1200 * 7 * 8)
    with pytest.raises(DataError, match=r"summary holds .* rows of all 1200 draws"):
        draws_of(one, kind="summary", memory=10_000)


def test_no_second_compilation():
    one = case("gaussian")
    for kind in ("draws", "summary"):
        draws_of(one, kind=kind)
    functions = forward.Forward.of(one.bnn, one.idata["posterior"].to_dataset(), 0).tiles
    sizes = [function._cache_size() for function in functions]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pbnn.target.graphs.jaxify", None)  # nor is any graph made again
        for seed in range(3):
            draws_of(one, X_NEW + seed, seed=seed)
            draws_of(one, X_NEW.iloc[:5], seed=seed, kind="summary")
    assert [function._cache_size() for function in functions] == sizes


@pytest.mark.slow
def test_the_model_is_let_go():
    import gc
    import weakref

    one = Case("gaussian", draws=5)
    draws_of(one)
    left = weakref.ref(one.bnn)
    del one
    gc.collect()
    assert left() is None


# ---------------------------------------------------------------- dims, coords, kinds of input


def test_labels_of_outputs_and_classes():
    two = draws_of(case("two outputs"))
    assert two["y"].dims == two["mu"].dims == ("chain", "draw", "obs", "output")
    assert two.coords["output"].values.tolist() == ["u", "v"]
    assert draws_of(case("two outputs"), kind="summary")["quantiles"].dims == ("quantile", "obs", "output")
    some = draws_of(case("categorical"))
    assert some["p"].dims == ("chain", "draw", "obs", "class")
    assert some["y"].dims == ("chain", "draw", "obs")
    assert some["y"].dtype.kind == "i"
    assert some.coords["class"].values.tolist() == ["high", "low", "mid"]
    either = draws_of(case("bernoulli"))
    assert either.coords["class"].values.tolist() == [False, True]
    assert set(np.unique(either["y"])) <= {0, 1}
    assert draws_of(case("poisson"))["y"].dtype.kind == "i"


@pytest.mark.parametrize(
    "index",
    [
        ["r1", "r2", "r3", "r4", "r5", "r6", "r7"],
        pd.date_range("2026-01-01", periods=7),
        [10, 20, 30, 40, 50, 60, 70],
    ],
)
def test_the_index_of_a_frame_is_kept(index):
    frame = X_NEW.set_axis(index, axis=0)
    pred = predict(case("gaussian").bnn, case("gaussian").idata, frame, seed=2)
    for group in ("predictions", "predictions_constant_data"):
        assert list(pred[group].coords["obs"].values) == list(np.asarray(frame.index))


def test_an_index_of_several_levels_becomes_text():
    frame = X_NEW.set_axis(pd.MultiIndex.from_product([["a"], range(7)]), axis=0)
    found = draws_of(case("gaussian"), frame)
    assert found.coords["obs"].values[1] == "('a', 1)"


def test_inputs_of_any_kind():
    one = case("gaussian")
    frame = draws_of(one)
    array = draws_of(one, X_NEW.to_numpy())
    labelled = xr.DataArray(X_NEW, dims=("obs", "feature"), coords={"obs": range(7), "feature": ["a", "b"]})
    for other in (array, draws_of(one, labelled), draws_of(one, X_NEW.to_numpy().tolist())):
        xr.testing.assert_identical(frame, other)
    single = draws_of(one, X_NEW.iloc[:1])
    np.testing.assert_allclose(single["mu"], frame["mu"].isel(obs=[0]), rtol=1e-5)


def test_inputs_come_back_encoded():
    frame = X.assign(kind=np.where(SIGNAL > 0, "up", "down"))
    bnn = build(Network([Embedding("kind", 2), Dense(3)], Gaussian()), frame, SIGNAL)
    from pbnn.predict import prior_predict

    idata = as_posterior(prior_predict(bnn, draws=4, seed=1)["prior"].to_dataset(), 2)
    back = predict(bnn, idata, frame, seed=1)["predictions_constant_data"]["X"]
    assert back.coords["feature"].values.tolist() == ["a", "b", "kind"]
    np.testing.assert_array_equal(back.sel(feature="kind"), SIGNAL > 0)
    with pytest.raises(DataError, match="unknown category 'side'"):
        predict(bnn, idata, frame.assign(kind="side"))


def test_training_data_by_default():
    one = case("gaussian")
    np.testing.assert_array_equal(draws_of(one, None)["y"], draws_of(one, X)["y"])
    stored = xr.Dataset({"X": (("obs", "feature"), X_NEW)}, coords={"obs": np.arange(7) + 5})
    idata = xr.DataTree.from_dict({"posterior": one.idata["posterior"].to_dataset(), "constant_data": stored})
    found = predict(one.bnn, idata, seed=2)["predictions"]
    np.testing.assert_array_equal(found["y"], draws_of(one)["y"])
    assert found.coords["obs"].values.tolist() == list(range(5, 12))


@pytest.mark.slow
def test_set_data_changes_no_prediction():
    one = Case("gaussian", draws=20)
    before = draws_of(one)
    with one.bnn.model:
        pm.set_data({"X": np.zeros((3, 2))})
    xr.testing.assert_identical(before, draws_of(one))


@pytest.mark.nightly
def test_draws_of_pm_sample():
    one = case("gaussian")
    quick = {"tune": 5, "chains": 2, "cores": 1, "progressbar": False, "compute_convergence_checks": False}
    with one.bnn.model:
        idata = pm.sample(
            5, step=pm.Metropolis(compile_kwargs={"mode": "FAST_COMPILE"}), random_seed=1, **quick
        )
    found = predict(one.bnn, idata, seed=1)["predictions"]
    assert dict(found["mu"].sizes) == {"chain": 2, "draw": 5, "obs": len(X)}


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("inputs", "error", "message"),
    [
        (X_NEW[["b", "a"]], ShapeError, "predict: the columns of X are in another order"),
        (X_NEW[["a"]], ShapeError, r"predict: X must have the columns .* missing: 'b'"),
        (np.zeros((3, 5)), ShapeError, r"predict: X must have shape \(obs, 2\)"),
        (np.zeros(2), ShapeError, r"X\[None, :\]"),
        (X_NEW.iloc[:0], DataError, "predict: X (is empty|has no rows)"),
        (X_NEW.assign(b=np.nan), DataError, r"'b' is missing \(NaN\) in row 0"),
    ],
)
def test_bad_inputs(inputs, error, message):
    with pytest.raises(error, match=message):
        draws_of(case("gaussian"), inputs)


def test_bad_options():
    one = case("gaussian")
    with pytest.raises(MethodError, match=r"unknown kind 'draw'.*Did you mean 'draws'"):
        draws_of(one, kind="draw")
    with pytest.raises(MethodError, match="quantiles must lie between 0 and 1"):
        draws_of(one, kind="summary", quantiles=[5, 95])
    with pytest.raises(MethodError, match="seed must be a whole number"):
        draws_of(one, seed=-1)
    with pytest.raises(MethodError, match="must be a BNN"):
        predict(one.bnn.model, one.idata, X_NEW)


def test_fit_of_another_model():
    with pytest.raises(ModelError, match="fit of another model"):
        predict(case("heteroscedastic").bnn, case("gaussian").idata, X_NEW)
    with pytest.raises(ModelError, match="group 'posterior'"):
        predict(case("gaussian").bnn, case("gaussian").idata["posterior"].to_dataset(), X_NEW)
    with pytest.raises(ModelError, match="group 'posterior'"):
        predict(case("gaussian").bnn, xr.DataTree(), X_NEW)
