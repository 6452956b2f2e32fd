"""docs/figures.md lists every figure, as its docstring says."""

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from pbnn import plots

SCRIPT = Path(__file__).resolve().parents[2] / "docs" / "figure_list.py"


def test_the_list_of_figures_is_that_of_the_code():
    spec = spec_from_file_location("figure_list", SCRIPT)
    script = module_from_spec(spec)
    spec.loader.exec_module(script)
    text = script.PAGE.read_text()
    assert text == script.page(), "run: python docs/figure_list.py"
    assert all(f"`{name}`" in text for name in plots.__all__)
    assert "| `plot_by_group` | The coverage of intervals, or the accuracy of classes" in text
