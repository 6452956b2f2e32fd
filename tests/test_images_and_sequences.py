"""From build to load, on images and on sequences: the same calls as for a table."""

import numpy as np
import pytest
import xarray as xr

import pbnn
from pbnn import likelihoods
from pbnn.errors import MethodError, ShapeError

pytestmark = pytest.mark.slow

N = 24
rng = np.random.default_rng(0)
CLASSES = np.arange(N) % 2
IMAGE = rng.normal(size=(N, 4, 4, 1))
IMAGE[CLASSES == 1, :2] += 2.0
SEQUENCE = np.cumsum(rng.normal(size=(N, 6, 1)), axis=1)
LAST = SEQUENCE[:, -1, 0]

CASES = {
    "image": (
        [pbnn.Conv2D(3, 3, "relu", padding="same"), pbnn.MaxPool(2), pbnn.Flatten()],
        likelihoods.Bernoulli(),
        IMAGE,
        CLASSES,
    ),
    "sequence": ([pbnn.GRU(4)], likelihoods.Gaussian(), SEQUENCE, LAST),
}
IN_CI = {("image", "kron")}


@pytest.fixture(scope="module", params=CASES)
def fitted(request):
    layers, likelihood, X, y = CASES[request.param]
    bnn = pbnn.build(pbnn.Network(layers, likelihood), X, y)
    return bnn, pbnn.fit(bnn, pbnn.MAP(starts=1, steps=1000), seed=1), X, y


def test_predictions_score_and_file(fitted, tmp_path):
    bnn, idata, X, y = fitted
    pred = pbnn.predict(bnn, idata, X[:3], seed=2)
    assert pred["predictions"].sizes["obs"] == 3
    score = pbnn.score(bnn, idata, X, y)
    if bnn.response.kind == "classes":
        assert float(score["accuracy"]) > 0.9
    else:
        assert float(score["rmse"]) < 0.5 * np.std(y)
    pbnn.save(bnn, idata, tmp_path / "run.nc")
    again, tree = pbnn.load(tmp_path / "run.nc")
    assert again.columns == bnn.columns
    assert again.network == bnn.network
    same = pbnn.predict(again, tree, xr.DataArray(X[:3]), seed=2)
    xr.testing.assert_equal(same["predictions"].to_dataset(), pred["predictions"].to_dataset())
    everything = pbnn.predict(again, tree, seed=2)
    assert everything["predictions"].sizes["obs"] == N
    with pytest.raises(ShapeError, match=r"predict: X must have shape \(obs, .*\), as in training; got"):
        pbnn.predict(again, tree, X[:, :-1])


@pytest.mark.nightly
@pytest.mark.filterwarnings("ignore:report. X_test and y_test are training rows")
def test_report_is_written(fitted, tmp_path):
    bnn, idata, X, y = fitted
    pbnn.report(bnn, idata, tmp_path / "report.html", X_test=X[:10], y_test=y[:10])
    text = (tmp_path / "report.html").read_text()
    assert "could not" not in text


@pytest.mark.parametrize(
    ("name", "structure"),
    [
        pytest.param(name, structure, marks=[] if (name, structure) in IN_CI else pytest.mark.nightly)
        for name in CASES
        for structure in ("full", "kron", "diag")
    ],
)
def test_laplace(name, structure):
    layers, likelihood, X, y = CASES[name]
    bnn = pbnn.build(pbnn.Network(layers, likelihood), X, y)
    idata = pbnn.fit(bnn, pbnn.Laplace(structure=structure, draws=20, starts=1), seed=1)
    pred = pbnn.predict(bnn, idata, X, seed=2, kind="summary")
    assert all(np.isfinite(v).all() for v in pred["predictions"].to_dataset().values())


@pytest.mark.nightly
def test_laplace_of_the_last_layer_and_of_too_large_recurrence():
    layers, likelihood, X, y = CASES["image"]
    bnn = pbnn.build(pbnn.Network(layers, likelihood), X, y)
    idata = pbnn.fit(bnn, pbnn.Laplace(subset="last_layer", draws=20, starts=1), seed=1)
    assert float(idata["posterior"]["h0_weight"].std(("chain", "draw")).max()) < 1e-6
    wide = pbnn.build(pbnn.Network([pbnn.GRU(20)], likelihoods.Gaussian()), SEQUENCE, LAST)
    with pytest.raises(
        MethodError, match=r"h0_recurrent has 1200 values and is not the weight of a dense layer"
    ):
        pbnn.fit(wide, pbnn.Laplace(structure="kron"), seed=1)


@pytest.mark.nightly
def test_short_chains_of_frozen_and_grouped_layers():
    """Weights that are frozen stay; groups that differ get weights that differ."""
    group = np.arange(40) % 2
    x = rng.normal(size=40)
    y = np.where(group == 1, 2 * x, -x) + 0.1 * rng.normal(size=40)
    X = np.column_stack([x, group])
    network = pbnn.Network(
        [
            pbnn.Frozen(pbnn.Dense(1, "identity"), {"weight": [[2.0]], "bias": [0.0]}),
            pbnn.GroupDense(1, 1, "identity", spread=1.0),
        ],
        likelihoods.Gaussian(),
    )
    bnn = pbnn.build(network, X, y)
    assert not any(v.name.startswith("h0_") for v in bnn.model.free_RVs)
    idata = pbnn.fit(bnn, pbnn.MCLMC(draws=400, chains=2), seed=1)
    pred = pbnn.predict(bnn, idata, np.array([[1.0, 0], [1.0, 1]]), seed=2)["predictions"]["mu"]
    mean, sd = pred.mean(("chain", "draw")), pred.std(("chain", "draw"))
    assert (np.abs(mean - [-1.0, 2.0]) < 5 * sd).all()
    assert float(mean[1] - mean[0]) > 1.5
