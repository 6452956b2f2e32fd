"""Marks over figures, groups of rows, and sentences: the parts of a report that can be tested by themselves."""

import re
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy.stats import norm

from pbnn.graph.columns import Columns
from pbnn.plots import plot_residuals
from pbnn.report.blocks import NotApplicableError, draw
from pbnn.report.hover import Hover
from pbnn.report.plain_words import _advice, _honest, guesses, most_frequent, only_class
from pbnn.report.ranges import departures, far_off, share_inside
from pbnn.report.row_names import names_of_rows, naming_words, row_name
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


def judged_with(spread: float, *, held_out: bool = True) -> SimpleNamespace:
    """Return what the report knows of a fit whose ranges are `spread` times as wide as they should be."""
    n = 400
    pit = norm.cdf(norm.ppf((np.arange(n) + 0.5) / n) / spread)
    rows = xr.Dataset({"pit": ("obs", pit)}, attrs={"kind": "continuous"})
    inside = xr.DataArray([np.mean(2 * np.abs(pit - 0.5) <= 0.9)], dims="level", coords={"level": [0.9]})
    return SimpleNamespace(
        rows=rows,
        X=np.zeros(n),
        scores=xr.Dataset({"coverage": inside}),
        outputs=(None,),
        kind="continuous",
        held_out=held_out,
        labelled=True,
        n_draws=100,
        approximate=False,
        judged_on="held-out data" if held_out else "training data",
        bnn=SimpleNamespace(response=SimpleNamespace(censored=False, names=("y",))),
    )


@pytest.mark.parametrize(
    ("spread", "held_out", "found"),
    [
        (1.0, True, []),
        (0.97, True, []),  # 89 of 90 in 100
        (1.5, True, ["too wide"]),
        (1.5, False, []),  # a fit has adapted to its training rows
        (0.6, False, ["too narrow"]),
    ],
)
def test_ranges_are_wrong_only_by_more_than_chance_and_enough_to_matter(spread, held_out, found):
    facts = judged_with(spread, held_out=held_out)
    assert [wrong.words for wrong in departures(facts)] == found
    said = _honest(facts, "yes").replace("\xa0", " ")
    assert f"90 % of cases held {100 * share_inside(facts):.0f} %" in said
    assert ("can be believed" in said) == (not found)


@pytest.mark.parametrize(("spread", "hopeless"), [(0.9, False), (0.2, True)])
def test_ranges_that_miss_most_are_not_to_be_trusted(spread, hopeless):
    assert ("lie inside the 90 % intervals" in far_off(judged_with(spread)).replace("\xa0", " ")) == hopeless


@pytest.mark.parametrize(
    ("noise", "trust", "words"), [(2.0, "yes", "do not use it"), (0.2, "caution", "longer")]
)
def test_nothing_doubtful_is_to_be_used(noise, trust, words):
    facts = judged_with(1.0)
    rng = np.random.default_rng(3)
    facts.rows = facts.rows.assign(
        observed=("obs", rng.normal(size=400)), residual=("obs", noise * rng.normal(size=400))
    )
    facts.y_train, facts.bnn.response.circular = np.zeros(9), False
    facts.groups = xr.Dataset(
        {name: ("group", [0.9]) for name in ("coverage", "lower", "upper")} | {"count": ("group", [400])},
        coords={"group": ["all: of them"]},
        attrs={"level": 0.9},
    )
    assert words in _advice(facts, trust)


def test_a_test_set_of_one_class_is_named():
    facts = SimpleNamespace(kind="classes", labelled=True, held_out=True)
    for seen, one in ((["a", "a"], "a"), (["a", "b"], "")):
        facts.rows = xr.Dataset({"observed": ("obs", seen)})
        assert only_class(facts) == one


def test_rows_are_called_by_an_index_that_says_more_than_their_place():
    X = pd.DataFrame({"a": [1.0, 2.0]})
    assert names_of_rows(X) is None
    names = names_of_rows(X.set_axis([17, 4]))
    assert [row_name(names, 1), row_name(None, 1)] == ["4", "1"]
    assert naming_words(names) == "Rows are called by the index of X_test."
