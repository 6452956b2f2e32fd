"""Figures of a search: what they show, and what they leave room for."""

import numpy as np
import pytest

from pbnn import plots
from pbnn.errors import ShapeError
from tests.plots import tables


def labelled(ax, label):
    return next(line for line in ax.lines if str(line.get_label()).startswith(label))


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_a_bad_corner_leaves_room_for_the_rest(ax, direction):
    table = tables.search_history(direction=direction)
    plots.plot_history(table, ax=ax)
    low, high = ax.get_ylim()
    good = np.delete(table["score"].values, 3)
    assert low < good.min()
    assert good.max() < high
    assert high - low < 3 * np.ptp(good)
    assert labelled(ax, "worse than shown").get_xdata().tolist() == [3]


def test_the_recommended_trial_stands_at_its_belief_not_at_its_score(ax):
    table = tables.search_history()
    plots.plot_history(table, ax=ax)
    square = labelled(ax, "recommended: trial 10")
    assert square.get_xdata()[0] == 10
    assert square.get_ydata()[0] == float(table["mean"][-1])
    assert labelled(ax, "no score").get_xdata().tolist() == [12, 13]


def test_a_single_score_is_drawn(ax):
    plots.plot_history(tables.search_history(12).isel(trial=[0]).assign_attrs(not_counted=[]), ax=ax)
    assert np.isfinite(ax.get_ylim()).all()


def test_numbers_and_choices_have_axes_of_their_own(ax):
    plots.plot_slice(tables.along(), ax=ax)
    assert (ax.get_xscale(), ax.get_xlabel()) == ("log", "width")
    assert labelled(ax, "scores of trials").get_xdata().tolist() == [8, 20]  # the third has no such layer
    ax.clear()
    plots.plot_slice(tables.along(), "act", ax=ax)
    assert [label.get_text() for label in ax.get_xticklabels()] == ["relu", "tanh"]
    with pytest.raises(ShapeError, match=r"unknown parameter 'widht'.*Did you mean 'width'"):
        plots.plot_slice(tables.along(), "widht", ax=ax)


def test_lines_pass_below_what_is_not_used(ax):
    plots.plot_parallel(tables.across(), ax=ax)
    best = labelled(ax, "best: trial 8")
    assert best.get_ydata()[2] < -0.1
    assert [label.get_text() for label in ax.get_yticklabels()] == ["not used"]
    ax.clear()
    plots.plot_parallel(tables.across().isel(trial=slice(1, None, 2)), ax=ax)
    assert [label.get_text() for label in ax.get_yticklabels()] == []


def test_the_best_carry_their_chances_and_many_parameters_are_cut(ax):
    plots.plot_best(tables.candidates(), ax=ax)
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert names == ["trial 7 (45\xa0%)", "trial 2 (30\xa0%)", "untried 1 (20\xa0%)", "trial 5 (1\xa0%)"]
    assert len(labelled(ax, "observed").get_xdata()) == 3
    ax.clear()
    plots.plot_importance(tables.parameters(20), ax=ax)
    assert ax.get_title() == "the 12 most important of 20 parameters"
