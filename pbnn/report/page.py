"""A page: a head and sections as one HTML file, with its style inside."""

import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import jinja2
from markupsafe import Markup

from pbnn.errors import FileError
from pbnn.report.blocks import Section
from pbnn.report.summary import Head
from pbnn.report.words import prose
from pbnn.write import write_whole


def write_page(path: Path, kind: str, head: Head, sections: Sequence[Section], where: str) -> None:
    """Write a page; `kind` says what it is, such as "report of a fit", and `where` who writes it, for errors."""
    text = _template().render(kind=kind, head=head, sections=sections, style=_style())
    write_whole(path, text.encode(), where)


@cache
def _template() -> jinja2.Template:
    loader = jinja2.PackageLoader("pbnn.report", "templates")
    environment = jinja2.Environment(
        loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    environment.filters["prose"] = prose
    return environment.get_template("report.html")


@cache
def _style() -> Markup:
    return Markup((Path(__file__).parent / "templates" / "report.css").read_text(encoding="utf-8"))


def check_writable(path: Path, where: str) -> None:
    """Say so before the work rather than after it."""
    if path.is_dir():
        raise FileError(f"{where}: {str(path)!r} is a folder; name a file in it, such as report.html.")
    if not path.parent.is_dir():
        raise FileError(f"{where}: there is no folder {str(path.parent)!r}; make it first.")
    if not os.access(path.parent, os.W_OK):
        raise FileError(f"{where}: no permission to write in the folder {str(path.parent)!r}.")
