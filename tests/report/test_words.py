import pytest

from pbnn.report.words import duration, json_pretty, listing, number, percent, plain, plural, prose


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
