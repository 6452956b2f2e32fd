import pandas as pd
import pytest

import pbnn
from pbnn.cli import choices
from pbnn.errors import MethodError


@pytest.mark.parametrize(
    ("values", "name"),
    [
        (["a", "b", "a"], "bernoulli"),
        ([0, 1, 1], "bernoulli"),
        ([True, False], "bernoulli"),
        (["a", "b", "c"], "categorical"),
        ([0, 1, 2, 7], "poisson"),
        ([100, 200, 350], "gaussian"),
        ([-1, 0, 4], "gaussian"),
        ([0.5, 1.5, 4.0], "gaussian"),
    ],
)
def test_likelihood_follows_from_the_target(values, name):
    assert choices.suggest_likelihood(pd.Series(values))[0] == name


def test_settings_reach_the_method():
    wished = choices.method_from(
        "advi", {"draws": 7, "tune": None}, ["structure=fullrank", "batch_size=none"]
    )
    assert wished == pbnn.ADVI("fullrank", draws=7)
    with pytest.raises(MethodError, match="NUTS: target_accept must"):
        choices.method_from("nuts", {}, ["target_accept=2"])
    with pytest.raises(MethodError):
        choices.method_from("nuts", {}, ["target_accept=high"])
