"""`pbnn compare`: run files beside each other."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import typer

import pbnn
from pbnn.cli.files import about, read_table, require_writable, take_columns
from pbnn.cli.fitting import response_from
from pbnn.errors import DataError, FileError
from pbnn.report.comparison.facts import Comparison, Models
from pbnn.report.comparison.page import write_comparison
from pbnn.report.comparison.summary import verdict_of
from pbnn.report.words import percent


def run_compare(
    runs: Sequence[Path],
    out: Path,
    test: Path | None,
    target: str | None,
    event: str | None,
    entry: str | None,
) -> None:
    """Write a page that compares runs, judged on held-out rows if there are some."""
    names = names_of(runs)
    require_writable(out, test, *runs)
    models = {name: pbnn.load(run) for name, run in zip(names, runs, strict=True)}
    if test is None:
        facts = write_comparison(models, out)
    else:
        first = next(iter(models.values()))[0]
        targets = first.response.names if target is None else (target,)
        if first.response.censored and event is None:
            raise DataError(
                f"{test}: the runs are of times known in part; name the column of 0 and 1 that says whether "
                f"{targets[0]!r} is the time of an event, --event COLUMN."
            )
        table = _read(models, test, targets)
        y = take_columns(table, [*targets, *filter(None, (event, entry))], test)
        with about(test):
            facts = write_comparison(
                models, out, _inputs(models, table, test), response_from(y, targets, event, entry)
            )
    typer.echo(verdict_of(facts))
    if weights := _weights(facts):
        typer.echo(weights)
    typer.echo(f"Wrote {out}.")


def names_of(runs: Sequence[Path]) -> list[str]:
    """Return a name for each run: the stem of the file, or the path where stems are the same.

    Raises
    ------
    FileError
        If there is one run only, or one is given twice.
    """
    if len(runs) < 2:
        raise FileError(f"compare: takes at least two run files; got {len(runs)}.")
    stems = Counter(run.stem for run in runs)
    names = [run.stem if stems[run.stem] == 1 else str(run) for run in runs]
    twice = [name for name, n in Counter(names).items() if n > 1]
    if twice:
        raise FileError(f"compare: {twice[0]} is given twice.")
    return names


def _weights(facts: Comparison) -> str:
    """Write the weights that the page shows, the largest first; nothing if there are none."""
    if facts.weighed is None:
        return ""
    stacking = facts.weighed["stacking"].sortby(facts.weighed["stacking"], ascending=False)
    shares = zip(stacking["model"].values, stacking.values, strict=True)
    each = ", ".join(f"{name} {percent(round(float(share), 4))}" for name, share in shares)
    return f"Weights in an average (stacking): {each}.".replace("\xa0", " ")


def _read(models: Models, path: Path, targets: Sequence[str]) -> pd.DataFrame:
    """Read a table; labels that were text in training stay text, even where they look like numbers."""
    known = {}
    for bnn, _ in models.values():
        known |= dict(zip(bnn.columns.names, bnn.columns.categories, strict=True))
        known |= dict.fromkeys(targets, bnn.response.classes)
    return read_table(path, text=[name for name, of in known.items() if of and isinstance(of[0], str)])


def _inputs(models: Models, table: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Return the columns that the models take, each its own; all if one was fitted on an array without names."""
    columns = [bnn.columns for bnn, _ in models.values()]
    if not all(of.named or set(of.names) <= set(table.columns) for of in columns):
        return table
    return take_columns(table, list(dict.fromkeys(name for of in columns for name in of.names)), path)
