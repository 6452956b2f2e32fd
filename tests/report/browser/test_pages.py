"""The pages as people see them: in a browser, at the width of a desktop and of a phone."""

from dataclasses import dataclass, field

import pytest

from tests.report.conftest import FITS
from tests.tiers import tiers

pytestmark = [pytest.mark.slow, pytest.mark.browser]

WIDTHS = {"desktop": (1280, 900), "phone": (390, 844)}
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

FIGURES = """() => [...document.querySelectorAll("img, svg")].map(figure => {
    const box = figure.getBoundingClientRect();
    const words = figure.alt || figure.getAttribute("aria-label") || figure.textContent;
    const drawn = figure.tagName !== "IMG" || (figure.complete && figure.naturalWidth > 0);
    return {name: words.slice(0, 60), width: box.width, height: box.height, right: box.right, drawn};
})"""
OPEN_ALL = "() => document.querySelectorAll('details').forEach(part => { part.open = true; })"
ROOM = "() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]"


@dataclass
class Seen:
    """What happened while a page was open."""

    page: object
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)


@pytest.fixture(scope="module", params=tiers([*FITS, "comparison", "study"], ("table", "comparison")))
def name(request) -> str:
    return request.param


@pytest.fixture(scope="module", params=tiers(WIDTHS, ("desktop",)))
def seen(request, browser, files, name):
    """A page, with all that opens on a click opened."""
    width, height = WIDTHS[request.param]
    page = browser.new_page(viewport={"width": width, "height": height})
    found = Seen(page)
    page.on("console", lambda message: found.said.append(message.text))
    page.on("pageerror", lambda error: found.said.append(str(error)))
    page.on("request", lambda request: found.asked.append(request.url))
    page.goto(files[name].as_uri(), wait_until="load")
    page.evaluate(OPEN_ALL)
    yield found
    page.close()


def test_is_quiet_and_asks_for_nothing(seen, files, name):
    assert seen.said == []
    own = [url for url in seen.asked if not url.startswith("data:")]
    assert own == [files[name].as_uri()]


def test_every_figure_is_drawn_and_fits(seen):
    figures = seen.page.evaluate(FIGURES)
    assert len(figures) >= 5
    for figure in figures:
        assert figure["drawn"], figure
        assert figure["width"] > 100, figure
        assert figure["height"] > 60, figure


def test_does_not_scroll_sideways(seen):
    inside, room = seen.page.evaluate(ROOM)
    assert inside <= room


def test_anybody_can_read_it(seen):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-playwright-python")
    found = axe.Axe().run(seen.page, options={"runOnly": RULES}).response
    broken = [f"{rule['id']}: {node['target']}" for rule in found["violations"] for node in rule["nodes"]]
    assert broken == []
    assert len(found["passes"]) > 10


def test_the_checks_find_what_is_planted(browser):
    page = browser.new_page(viewport={"width": 390, "height": 844})
    said = []
    page.on("console", lambda message: said.append(message.text))
    page.set_content(
        '<html><body><img src="data:image/png;base64,broken"><div style="width: 900px">wide</div>'
        "<script>console.error('wrong')</script></body></html>"
    )
    assert "wrong" in said
    assert not page.evaluate(FIGURES)[0]["drawn"]
    inside, room = page.evaluate(ROOM)
    assert inside > room
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-playwright-python")
    found = {rule["id"] for rule in axe.Axe().run(page, options={"runOnly": RULES}).response["violations"]}
    assert {"image-alt", "html-has-lang", "document-title"} <= found
    page.close()
