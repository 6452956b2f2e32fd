"""Likelihoods by name and fields, several targets, and censored times from the command line."""

import numpy as np
import pandas as pd
import pytest

import pbnn
from pbnn import likelihoods as L
from pbnn.cli import choices
from pbnn.cli.fitting import build_from_table, response_from
from pbnn.errors import DataError, SpecError
from tests.cli.conftest import QUICK

TEXTS = {
    "binomial:n=5": L.Binomial(5),
    "gamma:shape=2.5": L.Gamma(2.5),
    "log-normal": L.LogNormal(),
    "asymmetric-laplace:quantile=0.9,noise=2": L.AsymmetricLaplace(0.9, 2),
    "mixture-density:components=4": L.MixtureDensity(4),
    "ordinal:order=low<mid<top": L.Ordinal(("low", "mid", "top")),
    "gaussian:noise=heteroscedastic": L.Gaussian("heteroscedastic"),
}


@pytest.mark.parametrize(("text", "likelihood"), TEXTS.items())
def test_names_and_fields(text, likelihood):
    assert choices.likelihood_from(text, None) == likelihood


def test_every_likelihood_has_a_name():
    for name, cls in choices.LIKELIHOODS.items():
        assert choices.likelihood_from(name, None) == cls()


def test_unknown_fields_are_refused():
    with pytest.raises(SpecError, match=r"its fields are n; got 'm=5'"):
        choices.likelihood_from("binomial:m=5", None)
    with pytest.raises(SpecError, match="it has no fields; got 'n=5'"):
        choices.likelihood_from("poisson:n=5", None)


def test_responses():
    table = pd.DataFrame({"t": [1.0, 2.0], "u": [3.0, 4.0], "event": [1, 0], "entry": [0.5, 0.0]})
    assert response_from(table, ["t"], None, None).tolist() == [1, 2]
    assert response_from(table, ["t", "u"], None, None).shape == (2, 2)
    y = response_from(table, ["t"], "event", "entry")
    assert y.upper.tolist() == [1, np.inf]
    assert y.entry.tolist() == [0.5, 0]
    assert y.name == "t"
    with pytest.raises(DataError, match="are for one target"):
        response_from(table, ["t", "u"], "event", None)


@pytest.mark.nightly
def test_a_survival_model_from_a_table(pbnn_says, tmp_path):
    rng = np.random.default_rng(1)
    table = pd.DataFrame(
        {"x": rng.normal(size=40), "days": rng.weibull(1.5, 40), "died": rng.integers(0, 2, 40)}
    )
    table.to_csv(tmp_path / "trial.csv", index=False)
    wishes = ["--target", "days", "--event", "died", "--out", tmp_path / "run.nc", *QUICK]
    code, out, err = pbnn_says("fit", tmp_path / "trial.csv", *wishes)
    assert code == 0, err
    assert "weibull" in out
    bnn, _ = pbnn.load(tmp_path / "run.nc")
    assert bnn.response.censored
    assert bnn.columns.names == ("x",)
    report = [
        "report",
        tmp_path / "run.nc",
        "--out",
        tmp_path / "report.html",
        "--test",
        tmp_path / "trial.csv",
    ]
    code, _, err = pbnn_says(*report)
    assert code == 2
    assert "--event COLUMN" in err
    code, _, err = pbnn_says(*report, "--event", "died")
    assert code == 0, err


def test_a_network_file_takes_times_and_several_targets(tmp_path):
    table = pd.DataFrame(
        {"x": np.arange(4.0), "t": np.arange(1.0, 5.0), "u": [2.0, 1, 3, 1], "died": [1, 0, 1, 1]}
    )
    table.to_csv(tmp_path / "trial.csv", index=False)
    for target, event, likelihood in (("t", "died", L.Weibull()), ("t,u", None, L.MultivariateGaussian())):
        (tmp_path / "net.json").write_text(pbnn.Network([], likelihood).to_json())
        wishes = choices.Wishes(network=tmp_path / "net.json", event=event, counts={})
        bnn = build_from_table(tmp_path / "trial.csv", target, wishes)
        assert bnn.response.names == tuple(target.split(","))
        assert bnn.response.censored == (event is not None)


def test_an_entry_alone_means_times(tmp_path):
    table = pd.DataFrame({"x": np.arange(3.0), "t": [2.0, 3.5, 5.0], "from": [1.0, 0.0, 2.0]})
    table.to_csv(tmp_path / "trial.csv", index=False)
    bnn = build_from_table(tmp_path / "trial.csv", "t", choices.Wishes(entry="from", counts={}))
    assert bnn.network.likelihood == L.Weibull()
