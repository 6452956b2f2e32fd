import numpy as np
import pytest
import xarray as xr

from pbnn.report.words import (
    duration,
    json_pretty,
    listing,
    method_words,
    number,
    percent,
    plain,
    plural,
    prose,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.12345, "0.123"),
        (-4.449, "−4.45"),
        (1234.5, "1,234"),
        (1e-7, "1.00e-07"),
        (float("nan"), "–"),
    ],
)
def test_number(value, text):
    assert number(value) == text


@pytest.mark.parametrize(("value", "text"), [(3, "3"), (57.6, "57.6"), (-0.25, "−0.25"), (1234, "1,234")])
def test_plain(value, text):
    assert plain(value) == text


@pytest.mark.parametrize(
    ("share", "text"), [(0, "0"), (1, "100"), (0.931, "93"), (0.0042, "0.4"), (0.9987, "99.9")]
)
def test_percent(share, text):
    assert percent(share) == f"{text}\xa0%"


def test_listing():
    assert listing(["a"]) == "a"
    assert listing(["a", "b"]) == "a and b"
    assert listing("abcdefg") == "a, b, c and 4 more"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.83, "0.8 s"), (42, "42 s"), (125, "2 min 5 s"), (4320, "1 h 12 min")]
)
def test_duration(seconds, text):
    assert duration(seconds) == text


def test_plural():
    assert plural(1, "row") == "1 row"
    assert plural(1200, "row") == "1,200 rows"


def test_prose_escapes_and_marks_code():
    assert prose("a < b, raise `steps` by 5 %") == "a &lt; b, raise <code>steps</code> by 5\xa0%"


def test_json_that_is_none_is_kept():
    assert json_pretty("not json") == "not json"


NUTS = {"method": "nuts", "sampling": "mcmc", "wall_time": 3.0}
ADVI = {"method": "advi", "sampling": "approximate"}
MAP = {"method": "map", "sampling": "approximate"}


@pytest.mark.parametrize(
    ("chains", "draws", "attrs", "text"),
    [
        (4, 9, NUTS, "was sampled by the no-U-turn sampler (NUTS): 4 chains of 9 draws in 3.0 s"),
        (1, 9, ADVI, "was approximated by variational inference (ADVI); 9 independent draws represent it"),
        (1, 1, MAP, "is represented by a single point, found by a search for the posterior mode (MAP)"),
        (2, 9, {}, "is represented by 2 chains of 9 draws"),
    ],
)
def test_method_words(chains, draws, attrs, text):
    posterior = xr.Dataset({"w": (("chain", "draw"), np.ones((chains, draws)))})
    idata = xr.DataTree.from_dict({"posterior": posterior})
    idata.attrs = attrs
    assert text in method_words(idata)
