"""ArviZ's figures on our axes, and the course of an optimiser."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from pbnn import plots
from pbnn.plots import (
    plot_energy,
    plot_loo_pit,
    plot_optimization,
    plot_predictive_check,
    plot_rank,
    plot_rootogram,
    plot_trace,
)

CHAINS = 3


@pytest.mark.parametrize(
    "plot",
    [plot_energy, plot_loo_pit, plot_optimization, plot_predictive_check, plot_rank, plot_trace],
    ids=lambda plot: plot.__name__,
)
def test_draws_on_the_given_axes_and_leaves_pyplot_alone(plot, idata, ax):
    before = plt.get_fignums()
    assert plot(idata, ax=ax) is ax
    assert ax.has_data()
    assert ax.get_xlabel()
    assert ax.figure.axes == [ax]
    assert plt.get_fignums() == before
    ax.figure.canvas.draw()


def test_trace_has_a_line_for_each_chain_and_marks_divergences(idata, ax):
    plot_trace(idata, ax=ax)
    lines = [line for line in ax.lines if len(line.get_xdata()) == idata["sample_stats"].sizes["draw"]]
    assert len(lines) == CHAINS
    np.testing.assert_allclose(lines[1].get_ydata(), idata["sample_stats"]["lp"][1])


def test_rank_has_a_line_for_each_chain(idata, ax):
    plot_rank(idata, ax=ax)
    assert len([line for line in ax.lines if len(line.get_xdata()) > 10]) == CHAINS
    assert any("p=" in text.get_text() for text in ax.texts)


def test_predictive_check_draws_data_over_data_sets(idata, ax):
    plot_predictive_check(idata, n_draws=12, ax=ax)
    assert len(ax.lines) == 13


def test_rootogram_of_counts(counted, ax):
    plot_rootogram(counted, ax=ax)
    ax.figure.canvas.draw()
    assert ax.get_ylabel() == "number of rows"


def test_loo_pit_of_counts_does_not_warn(counted, ax):
    plot_loo_pit(counted, ax=ax)
    assert ax.has_data()


def test_optimization_leaves_out_the_steep_start(idata, ax):
    plot_optimization(idata, ax=ax)
    assert ax.get_ylabel() == "ELBO (nats)"
    assert ax.get_ylim()[0] > -80


def test_without_axes_a_pyplot_figure_is_made(idata):
    try:
        ax = plot_optimization(idata)
        assert ax.figure.number in plt.get_fignums()
    finally:
        plt.close("all")


def test_all_figures_are_listed():
    assert sorted(plots.__all__) == plots.__all__
    assert all(callable(getattr(plots, name)) for name in plots.__all__)
