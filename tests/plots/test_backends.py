"""Figures that ArviZ has, by other libraries than matplotlib."""

import arviz_plots
import numpy as np
import pytest

from pbnn import plots
from pbnn.errors import MethodError, MissingExtraError
from pbnn.plots import backends
from tests.plots import tables

OF_A_FIT = ("plot_energy", "plot_loo_pit", "plot_predictive_check", "plot_rank", "plot_trace")
OF_A_TABLE = {
    "plot_coverage": tables.levels,
    "plot_models": tables.models,
    "plot_pareto_k": tables.left_out,
    "plot_pit_ecdf": tables.curve,
    "plot_reliability": tables.frequencies,
    "plot_sbc": tables.ranks,
}
NAMES = sorted([*OF_A_FIT, *OF_A_TABLE, "plot_rootogram"])


@pytest.fixture
def figure(request, idata, counted):
    """Return a function that draws the figure of a name."""

    def draw(name: str, **options):
        if name in OF_A_TABLE:
            return getattr(plots, name)(OF_A_TABLE[name](), **options)
        return getattr(plots, name)(counted if name == "plot_rootogram" else idata, **options)

    return draw


@pytest.mark.parametrize("backend", ["plotly", "bokeh"])
@pytest.mark.parametrize("name", NAMES)
def test_another_backend_gives_its_collection(name, backend, figure):
    found = figure(name, backend=backend)
    assert isinstance(found, arviz_plots.PlotCollection)
    assert found.backend == backend
    drawn = found.viz["figure"].item()
    assert type(drawn).__module__.split(".")[0] in (backend, "arviz_plots")


@pytest.mark.parametrize("name", NAMES)
def test_matplotlib_by_name_is_the_default(name, figure, ax):
    assert figure(name, backend="matplotlib", ax=ax) is ax


def test_axes_do_not_go_with_another_backend(idata, ax):
    with pytest.raises(
        MethodError, match=r"plot_trace: ax= takes axes of matplotlib.*leave out ax= or backend="
    ):
        plots.plot_trace(idata, backend="bokeh", ax=ax)


def test_an_unknown_backend(idata):
    with pytest.raises(MethodError, match=r"unknown backend 'plotli'.*Did you mean 'plotly'"):
        plots.plot_trace(idata, backend="plotli")


def test_a_backend_that_is_not_installed(idata, monkeypatch):
    monkeypatch.setattr(backends, "find_spec", lambda name: None if name == "webcolors" else object())
    with pytest.raises(MissingExtraError, match=r'needs webcolors.*pip install "pbnn\[plotly\]"'):
        plots.plot_trace(idata, backend="plotly")


def test_the_numbers_are_those_of_the_table():
    table = tables.left_out()
    drawn = plots.plot_pareto_k(table, backend="plotly").viz["figure"].item()
    points = next(trace for trace in drawn.data if trace.mode == "markers")
    np.testing.assert_allclose(np.asarray(points.y, dtype=float), table["pareto_k"])
    assert [shape.y0 for shape in drawn.layout.shapes] == [0.7]


def test_curves_and_band_are_those_of_the_table():
    table = tables.curve(1.5)
    drawn = plots.plot_pit_ecdf(table, backend="plotly").viz["figure"].item()
    lines = [np.asarray(trace.y, dtype=float) for trace in drawn.data]
    inside = slice(1, -1)  # the ends are at 0
    for name in ("lower", "upper", "difference"):
        assert any(len(y) == 101 and np.allclose(y[inside], table[name]) for y in lines), name


def test_a_figure_can_be_saved(tmp_path):
    plots.plot_models(tables.models(), backend="bokeh").savefig(tmp_path / "models.html")
    assert "net2" in (tmp_path / "models.html").read_text()
