"""What someone gets who chooses nothing: MCLMC, and a report that says what befell its chains."""

import numpy as np
import pandas as pd
import pytest

import pbnn
from pbnn.cli import main

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("default")
    rng = np.random.default_rng(1)
    x = rng.uniform(-2, 2, 80)
    pd.DataFrame({"x": x, "y": np.sin(2 * x) + 0.2 * rng.normal(size=80)}).to_csv(
        folder / "data.csv", index=False
    )
    few = ["--hidden", "3", "--draws", "400", "--tune", "4000", "--set", "thin=10", "--seed", "1"]
    with pytest.raises(SystemExit, match="0"):
        main(["fit", str(folder / "data.csv"), "--target", "y", "--out", str(folder / "run.nc"), *few])
    return folder / "run.nc"


def words(path):
    return " ".join(path.read_text().replace("\xa0", " ").split())


def test_mclmc_is_the_default_and_the_report_names_restarts_bias_and_mcse(run, pbnn_says, tmp_path):
    bnn, idata = pbnn.load(run)
    assert idata.attrs["method"] == "mclmc"
    assert pbnn_says("report", run, "--out", tmp_path / "report.html")[0] == 0
    text = words(tmp_path / "report.html")
    found = pbnn.diagnose(bnn, idata)
    for name, value in (("MCSE", found.attrs["mcse_share_max"]), ("bias", found.attrs["bias"])):
        assert f"{name}</dt>" in text or f">{name}<" in text
        assert np.isfinite(value)
    assert "no chain had to be restarted" in text.lower()
    assert "by the step size is seen" in text or "the step size biases" in text
    assert "Weights, for information" in text


@pytest.mark.nightly
def test_restarted_chains_are_named(run, pbnn_says, tmp_path):
    bnn, idata = pbnn.load(run)
    idata["sample_stats"]["restarts"][1:3] = 1
    idata.attrs["message"] = "Chains were restarted 2 times: it froze: its step size fell to 1e-07."
    pbnn.save(bnn, idata, tmp_path / "run.nc")
    assert pbnn_says("report", tmp_path / "run.nc", "--out", tmp_path / "report.html")[0] == 0
    text = words(tmp_path / "report.html")
    assert "Chains were restarted twice, and none is left out." in text
    assert "it froze: its step size fell to 1e-07" in text


@pytest.mark.nightly
def test_a_stored_run_goes_on(run, pbnn_says, tmp_path):
    pytest.importorskip("zarr")
    few = ["--method", "ensemble", "--set", "members=2", "--hidden", "3", "--seed", "1"]
    where = ["--store", tmp_path / "run.zarr", "--out", tmp_path / "run.nc"]
    assert pbnn_says("fit", run.with_name("data.csv"), "--target", "y", *few, *where)[0] == 0
    assert pbnn_says("resume", tmp_path / "run.zarr", "--out", tmp_path / "again.nc")[0] == 0
    first, again = (pbnn.load(tmp_path / name)[1]["posterior"] for name in ("run.nc", "again.nc"))
    np.testing.assert_array_equal(first["h0_weight"], again["h0_weight"])
    code, _, err = pbnn_says("resume", tmp_path / "run.zarr", "--out", tmp_path / "again.nc")
    assert code == 2
    assert "exists already; pass --force" in err
    code, _, err = pbnn_says("resume", tmp_path / "none.zarr", "--out", tmp_path / "none.nc")
    assert code == 2
    assert "does not exist" in err
