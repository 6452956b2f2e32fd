"""Responses that a likelihood does not think possible are refused, with the row; and what is only worth a warning."""

import numpy as np
import pandas as pd
import pytest

from pbnn.errors import DataError, PbnnWarning, ShapeError
from pbnn.graph.response import Response
from pbnn.spec import likelihoods as L

Y = np.array([0.5, 0.2, 0.7, 0.1])


def with_bad(value, row=2, good=Y):
    y = np.array(good, dtype=float)
    y[row] = value
    return y


BAD = {
    "gamma": (L.Gamma(), with_bad(0.0), r"numbers > 0 for a Gamma likelihood; got 0 in row 2"),
    "weibull": (L.Weibull(), with_bad(-1.0), r"for a Weibull likelihood; got -1 in row 2"),
    "lognormal": (L.LogNormal(), with_bad(0.0, 0), r"LogNormal likelihood; got 0 in row 0"),
    "beta": (L.Beta(), with_bad(1.0), r"strictly between 0 and 1 for a Beta likelihood; got 1 in row 2"),
    "binomial": (
        L.Binomial(2),
        [0, 1, 3, 2],
        r"counts from 0 to n = 2 for a Binomial likelihood; got 3 in row 2",
    ),
    "negative binomial": (L.NegativeBinomial(), [0, 1, 2.5, 2], r"counts 0, 1, 2, .*got 2.5 in row 2"),
    "zero-inflated": (L.ZeroInflatedPoisson(), [0, -1, 3, 2], r"got -1 in row 1"),
    "multinomial": (L.Multinomial(), [[1, 2], [0, -2], [3, 4]], r"got -2 in row 1, column 1"),
    "degrees": (L.VonMises(), [10.0, 350.0, 20.0], r"angles in radians.*got 10 in row 0 and 2 more"),
}


@pytest.mark.parametrize(("likelihood", "y", "message"), BAD.values(), ids=BAD)
def test_impossible_responses_are_refused(likelihood, y, message):
    with pytest.raises(DataError, match=message):
        Response.learn(np.asarray(y), likelihood, standardize=True)


def test_numbers_of_outputs():
    with pytest.raises(ShapeError, match="MixtureDensity is for one output; y has 2"):
        Response.learn(np.column_stack([Y, Y]), L.MixtureDensity(2), standardize=True)
    with pytest.raises(ShapeError, match="Multinomial needs y of shape"):
        Response.learn(np.array([1, 2, 3]), L.Multinomial(), standardize=True)


def test_positive_responses_are_scaled_and_not_centred():
    learned = Response.learn(Y, L.Gamma(), standardize=True)
    assert learned.loc == (0.0,)
    np.testing.assert_allclose(learned.scale, Y.mean())
    assert Response.learn(Y, L.Beta(), standardize=True).scale == (1.0,)
    assert Response.learn(Y, L.Gamma(), standardize=False).scale == (1.0,)


def test_order_of_classes():
    y = ["mid", "low", "top", "low", "mid", "top"]
    assert Response.learn(y, L.Ordinal(("low", "mid", "top")), standardize=True).classes == (
        "low",
        "mid",
        "top",
    )
    given = pd.Series(pd.Categorical(y, ["top", "mid", "low"], ordered=True))
    assert Response.learn(given, L.Ordinal(), standardize=True).classes == ("top", "mid", "low")
    with pytest.raises(DataError, match=r"unknown label.*'top' in row 2"):
        Response.learn(y, L.Ordinal(("low", "mid", "high")), standardize=True)
    with pytest.raises(DataError, match="Ordinal needs three classes or more; y has 2"):
        Response.learn([1, 2, 1], L.Ordinal(), standardize=True)


def test_labels_in_words_have_no_order_of_their_own():
    words = ["low", "mid", "high", "mid"]
    for y in (words, pd.Series(words), pd.Categorical(words)):
        with pytest.raises(
            DataError, match=r"cannot know the order of 'high', 'low', 'mid'.*order=low<mid<high"
        ):
            Response.learn(y, L.Ordinal(), standardize=True)
    assert Response.learn([3, 1, 2, 1, 2, 3], L.Ordinal(), standardize=True).classes == (1, 2, 3)


def test_a_class_with_one_row_is_worth_a_warning():
    with pytest.warns(PbnnWarning, match="class 'c' has a single row"):
        Response.learn(["a", "b", "a", "b", "c"], L.Categorical(), standardize=True)
