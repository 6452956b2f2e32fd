"""Marks over figures, groups of rows, and sentences: the parts of a report that can be tested by themselves."""

import re
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from pbnn.graph.columns import Columns
from pbnn.plots import plot_residuals
from pbnn.report.blocks import NotApplicableError, draw
from pbnn.report.hover import Hover
from pbnn.report.plain_words import _honest, guesses, most_frequent
from pbnn.report.sections.unfamiliar import unlike_rows
from pbnn.report.subsets import MOST_COLUMNS, groups_of, stretched

NUMBERS = Columns(("a", "b"), (None, None), (0.0, 0.0), (1.0, 1.0), True)


def rows_of(residual: np.ndarray, predicted: np.ndarray) -> xr.Dataset:
    columns = {"predicted": predicted, "residual": residual, "standardized": residual}
    return xr.Dataset({name: ("obs", values) for name, values in columns.items()})


@pytest.mark.parametrize("shift", [0.0, 1.0])
def test_marks_lie_on_their_points(shift):
    """The place of a mark, read back through the ticks of the figure, is that of its point."""
    x, y = np.array([0.0, 1.0, 4.0]), np.array([-3.0, 0.0, 3.0])
    seen = {}

    def plot(rows, *, ax):
        seen["ax"] = plot_residuals(rows, ax=ax)
        return ax

    words = ["a <b>", "b", "c"]
    picture = draw(
        plot, rows_of(y, x), title="t", alt="a", caption="c", hover=(Hover(x + shift, y, words),), size=(5, 4)
    )
    found = re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)" r="7"><title>(.*?)</title>', picture.spots)
    assert [words for *_, words in found] == ["a &lt;b&gt;", "b", "c"]
    at = np.array([[float(left), float(down)] for left, down, _ in found]) / [picture.width, picture.height]
    axes = seen["ax"]
    inside = axes.transAxes.inverted().transform(
        axes.figure.transFigure.transform(np.column_stack([at[:, 0], 1 - at[:, 1]]))
    )
    spans = np.array([axes.get_xlim(), axes.get_ylim()]).T
    back = spans[0] + inside * (spans[1] - spans[0])
    expected = np.column_stack([x, y])
    assert np.allclose(back, expected, atol=0.03) == (shift == 0)


def test_marks_along_an_axis_touch_each_other():
    x = np.linspace(0, 4, 5)
    picture = draw(
        plot_residuals,
        rows_of(x, x),
        title="t",
        alt="a",
        caption="c",
        hover=(Hover(x, None, list("abcde")),),
    )
    found = [
        (float(a), float(w)) for a, w in re.findall(r'<rect x="([\d.]+)" .*? width="([\d.]+)"', picture.spots)
    ]
    assert len(found) == 5
    for (left, width), (right, _) in pairwise(found):
        assert left + width == pytest.approx(right, abs=0.2)


def test_groups_are_categories_and_quarters():
    columns = Columns(("a", "kind"), (None, ("u", "v")), (0.0, 0.0), (1.0, 1.0), True)
    X = pd.DataFrame({"a": np.arange(40.0), "kind": ["u", "v"] * 20})
    found = groups_of(X, columns, rows_of(np.zeros(40), np.arange(40.0)))
    assert found.columns == 2
    assert [name.split(":")[0] for name in found.members] == ["a"] * 4 + ["kind"] * 2
    assert [int(inside.sum()) for inside in found.members.values()] == [10] * 4 + [20] * 2


def test_of_many_inputs_those_are_judged_with_which_predictions_vary():
    rng = np.random.default_rng(0)
    names = tuple(f"x{i}" for i in range(50))
    columns = Columns(names, (None,) * 50, (0.0,) * 50, (1.0,) * 50, True)
    X = pd.DataFrame(rng.normal(size=(200, 50)), columns=names)
    found = groups_of(X, columns, rows_of(np.zeros(200), X["x33"].to_numpy()))
    assert found.columns == MOST_COLUMNS
    assert next(iter(found.members)).startswith("x33: ")


def test_rows_move_away_from_the_middle():
    X = pd.DataFrame({"a": [0.0, 2.0], "b": [1.0, 1.0]})
    assert stretched(X, NUMBERS, 3.0).to_numpy().tolist() == [[-2.0, 1.0], [4.0, 1.0]]
    with pytest.raises(NotApplicableError, match="all inputs are categories"):
        stretched(X, Columns(("a", "b"), ((0, 2), (1,)), (0.0, 0.0), (1.0, 1.0), True), 2.0)


@pytest.mark.parametrize(("noise", "standing"), [(0.5, 1), (1.0, 0), (2.0, -1)])
def test_a_fit_is_better_or_worse_than_the_average_only_if_clearly(noise, standing):
    rng = np.random.default_rng(1)
    seen, wrong = rng.normal(3, 1, size=200), noise * rng.normal(size=200)
    rows = xr.Dataset({"observed": ("obs", seen), "residual": ("obs", wrong)})
    response = SimpleNamespace(circular=False)
    facts = SimpleNamespace(rows=rows, y_train=np.array([2.0, 4.0]), bnn=SimpleNamespace(response=response))
    off, naive, found = guesses(facts)
    assert off[0] == pytest.approx(np.sqrt((wrong**2).mean()))
    assert naive[0] == pytest.approx(np.sqrt(((seen - 3) ** 2).mean()))
    assert found[0] == standing


@pytest.mark.parametrize(
    ("limit", "held_out", "words"),
    [
        (
            0.1,
            True,
            "The chances it states can be believed: they are off by 5 % on average, no more than luck explains.",
        ),
        (0.3, True, "Nothing speaks against the chances it states"),
        (0.3, True, "But 9 examples cannot show much."),
        (0.1, False, "for new ones they may be off by more."),
        (0.04, True, "Do not take the chances it states at their word: they are off by 5 % on average."),
    ],
)
def test_chances_are_believed_as_far_as_the_examples_show(limit, held_out, words):
    ece = xr.DataArray(0.05, attrs={"limit": limit})
    facts = SimpleNamespace(scores=xr.Dataset({"ece": ece}), held_out=held_out, X=np.zeros(9))
    facts.kind, facts.labelled, facts.n_draws = "classes", True, 100
    assert words in _honest(facts, "yes").replace("\xa0", " ")


@pytest.mark.parametrize(("furthest", "found"), [(1.2, []), (2.0, [(4, 2.0)])])
def test_a_row_is_unlike_the_others_if_it_lies_far_beyond_them(furthest, found):
    """One of many held-out rows is the furthest of all by chance."""
    distance = {"in_score": [1.0, 4.0], "out_score": [3.0, 4 * furthest**2]}
    table = xr.Dataset({name: (("measure", name), [values]) for name, values in distance.items()})
    familiarity = table.assign_coords(measure=["feature_distance"])
    facts = SimpleNamespace(
        familiarity=familiarity, X_out=None, held_out=True, unfamiliar_numbers=np.array([0, 4])
    )
    assert unlike_rows(facts) == [(row, pytest.approx(share)) for row, share in found]


def test_the_most_frequent_class_is_that_of_training():
    rows = xr.Dataset({"observed": ("obs", ["b", "b", "a"]), "correct": ("obs", [1.0, 1.0, 1.0])})
    facts = SimpleNamespace(rows=rows, y_train=np.array(["a", "a", "b"]))
    assert most_frequent(facts)[:2] == ("a", pytest.approx(1 / 3))
