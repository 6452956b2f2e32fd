"""A headless Chromium and the pages to open in it: skipped, with the reason, where there is none."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from pbnn.report.comparison import report_comparison
from pbnn.report.study import report_study
from tests.rivals import truth_and_blind
from tests.search.studies import mixed_study

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run")


def chromium() -> str | None:
    """Return the path of a browser: of the environment variable CHROMIUM, or on PATH."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)


class Pages(dict):
    """Pages by name."""

    folder: Path

    def __missing__(self, name: str) -> Path:
        assert name == "study"
        self[name] = report_study(mixed_study(), self.folder / "study.html")
        return self[name]


@pytest.fixture(scope="session")
def browser() -> Iterator[object]:
    """A browser that knows nothing and can reach nothing."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs the Python package playwright")
    program = chromium()
    if program is None:
        pytest.skip(f"needs a browser: none of {', '.join(BROWSERS)} is on PATH; or set CHROMIUM to its path")
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=program, args=list(FLAGS))
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def files(pages, tmp_path_factory) -> dict[str, Path]:
    """The pages, as files: the report of each fit, a comparison, and a search, which is made when asked for."""
    folder = tmp_path_factory.mktemp("pages")
    models, X, y = truth_and_blind()
    found = Pages(comparison=report_comparison(models, folder / "comparison.html", X, y))
    found.folder = folder
    for name, text in pages.items():
        found[name] = folder / f"{name}.html"
        found[name].write_text(text, encoding="utf-8")
    return found
