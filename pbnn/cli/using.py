"""`pbnn predict`, `report`, `diagnose` and `methods`: what one does with a run file."""

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pandas as pd
import typer

import pbnn
from pbnn.cli.files import (
    about,
    prediction_table,
    read_table,
    require_writable,
    take_columns,
)
from pbnn.cli.fitting import response_from
from pbnn.errors import DataError, MethodError
from pbnn.graph.build import BNN
from pbnn.infer.methods import DEFAULT_METHOD, METHODS
from pbnn.write import write_whole

DISTRUSTED = 1


def run_predict(run: Path, data: Path, out: Path, quantiles: str, seed: int) -> None:
    """Predict the rows of a table."""
    levels = _levels(quantiles)
    require_writable(out, run, data)
    bnn, idata = pbnn.load(run)
    X = _inputs(bnn, data)
    with about(data):
        predictions = pbnn.predict(bnn, idata, X, kind="summary", quantiles=levels, seed=seed)
    table = prediction_table(predictions["predictions"].to_dataset())
    write_whole(out, table.to_csv(index=False, float_format="%.8g").encode(), "predict")
    typer.echo(f"Wrote {out}: {len(table)} rows, columns {', '.join(table.columns)}.")


@dataclass(frozen=True, slots=True)
class HeldOut:
    """A table of rows to judge a fit on, and which of its columns hold what."""

    path: Path
    target: str | None
    event: str | None
    entry: str | None


def run_report(run: Path, out: Path, test: HeldOut | None, unlike: Path | None) -> None:
    """Write the report of a run, judged on held-out rows if there are some."""
    require_writable(out, run, test and test.path, unlike)
    bnn, idata = pbnn.load(run)
    X_out = None
    if unlike is not None:
        X_out = _inputs(bnn, unlike)
        with about(unlike):
            bnn.columns.encode(X_out, "report")
    if test is None:
        pbnn.report(bnn, idata, out, X_out=X_out)
    else:
        X, y = _inputs(bnn, test.path), _test_response(bnn, test)
        with about(test.path):
            pbnn.report(bnn, idata, out, X, y, X_out=X_out)
    typer.echo(f"Wrote {out}.")


def _test_response(bnn: BNN, test: HeldOut) -> Any:
    """Return the response of held-out rows; None if the table has none, and the user named none."""
    path = test.path
    names = bnn.response.names if test.target is None else (test.target,)
    table = _read(bnn, path, names)
    if test.target is None and not set(names) & set(table.columns):
        typer.echo(
            f"{path} has no column {', '.join(map(repr, names))}: the report leaves out what needs it. If it is named "
            "otherwise, pass --target."
        )
        return None
    if bnn.response.censored and test.event is None:
        raise DataError(
            f"{path}: the run is of times known in part; name the column of 0 and 1 that says whether "
            f"{names[0]!r} is the time of an event, --event COLUMN."
        )
    y = take_columns(table, [*names, *filter(None, (test.event, test.entry))], path)
    with about(path):
        return response_from(y, names, test.event, test.entry)


def run_diagnose(run: Path) -> int:
    """Print what was looked at, the worst first; return 1 if the fit is not to be trusted."""
    bnn, idata = pbnn.load(run)
    found = pbnn.diagnose(bnn, idata).attrs
    typer.echo(found["verdict"])
    for level, sentence in json.loads(found["findings"]):
        typer.echo(f"  {level:<8} {sentence}")
    return DISTRUSTED if found["trust"] == "no" else 0


def list_methods() -> None:
    """Print each method, what it is, and its options with their defaults."""
    for name, options in METHODS.items():
        summary = (options.__doc__ or "").strip().splitlines()[0]
        default = " (the default)" if name == DEFAULT_METHOD else ""
        typer.echo(f"{name}{default}\n    {summary}")
        for field in fields(options):
            typer.echo(f"      --set {field.name}={str(field.default).replace('None', 'none')}")


def _inputs(bnn: BNN, path: Path) -> pd.DataFrame:
    """Return the input columns of a table, in the order of training, whatever else it holds."""
    table = _read(bnn, path)
    if bnn.columns.named or set(bnn.columns.names) <= set(table.columns):
        return take_columns(table, bnn.columns.names, path)
    return table  # fitted on an array, whose columns have no names: they must match in number


def _read(bnn: BNN, path: Path, targets: tuple[str, ...] = ()) -> pd.DataFrame:
    """Read a table; labels that were text in training stay text, even where they look like numbers."""
    columns = bnn.columns
    labels = dict(zip(columns.names, columns.categories, strict=True)) | dict.fromkeys(
        targets, bnn.response.classes
    )
    return read_table(
        path, text=[name for name, known in labels.items() if known and isinstance(known[0], str)]
    )


def _levels(quantiles: str) -> list[float]:
    try:
        return [float(word) for word in quantiles.split(",")]
    except ValueError:
        raise MethodError(
            f"predict: --quantiles must be numbers between 0 and 1, such as 0.05,0.95; got {quantiles!r}."
        ) from None
