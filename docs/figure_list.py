"""Write docs/figures.md, the list of all figures, from their docstrings: `python docs/figure_list.py`."""

import inspect
import re
from pathlib import Path

from pbnn import plots

PAGE = Path(__file__).resolve().parent / "figures.md"
HEAD = """# Figures

Every figure is a function of `pbnn.plots` that draws what another function returned, and takes `ax=`. Those with three
backends take `backend="plotly"` or `"bokeh"` too (`pip install "pbnn[plotly]"`, `"pbnn[bokeh]"`), and return the
`PlotCollection` of `arviz_plots`, with whose methods it is changed, shown and saved.

Colours differ by lightness, or else lines and marks by their form, so that figures can be read in grey and by
colour-blind readers; `tests/plots/test_legible.py` checks it.

<!-- written by docs/figure_list.py -->
"""


def page() -> str:
    """Return the text of the page."""
    rows = ["| figure | draws | of | backends |", "|---|---|---|---|"]
    for name in plots.__all__:
        function = getattr(plots, name)
        words = inspect.getdoc(function)
        three = "backend" in inspect.signature(function).parameters
        backends = "matplotlib, plotly, bokeh" if three else "matplotlib"
        rows.append(f"| `{name}` | {_drawn(words)} | {_source(words)} | {backends} |")
    return HEAD + "\n" + "\n".join(rows) + "\n"


def _drawn(words: str) -> str:
    """Return the first line of a docstring, without its verb and what stands in brackets at the end."""
    line = words.splitlines()[0].removeprefix("Draw ").rstrip(".")
    return _first_upper(re.sub(r" \(`arviz_plots\.\w+`\)$", "", line).replace("|", r"\|"))


def _source(words: str) -> str:
    """Return what the first parameter is: the first sentence about it."""
    lines = words.partition("Parameters\n----------\n")[2].splitlines()[1:]
    text = []
    for line in lines:
        if not line.startswith("    "):
            break
        text.append(line.strip())
    return re.split(r"[.;](?: |$)", " ".join(text))[0].removeprefix("From ").replace("|", r"\|")


def _first_upper(text: str) -> str:
    return text[0].upper() + text[1:]


if __name__ == "__main__":
    PAGE.write_text(page())
