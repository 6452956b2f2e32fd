"""Tables in CSV files, and places to write to, with errors that name the file, the line and the column."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from itertools import chain, count, islice
from pathlib import Path
from tempfile import NamedTemporaryFile

import pandas as pd
import xarray as xr

from pbnn.errors import DataError, FileError, warn


def read_table(path: Path, text: Iterable[str] = ()) -> pd.DataFrame:
    """Read a CSV file; columns named in `text` stay text even where they look like numbers.

    Raises
    ------
    FileError
        If the file is missing or not readable as a table.
    DataError
        If it has no rows.
    """
    path = Path(path)
    if not path.is_file():
        raise FileError(f"{path}: {'is a folder' if path.is_dir() else 'no such file'}.")
    try:
        separator = _separator(path)
        table = pd.read_csv(path, sep=separator, encoding="utf-8-sig", dtype=dict.fromkeys(text, "str"))
    except UnicodeDecodeError as error:
        raise FileError(f"{path}: is no text in UTF-8 ({error.reason} at byte {error.start}).") from error
    except (pd.errors.ParserError, pd.errors.EmptyDataError, OSError, csv.Error) as error:
        raise FileError(f"{path}: not readable as CSV: {str(error).strip().rstrip('.')}.") from error
    nameless = [name for name in table.columns if str(name).startswith("Unnamed: ")]
    if nameless == ["Unnamed: 0"]:
        warn(f"{path}: the first column has no name, so it is taken for row numbers and left out.")
        table = table.drop(columns=nameless)
    if table.empty:
        raise DataError(f"{path}: has {len(table.columns)} column(s) and no rows.")
    return table


def take_columns(table: pd.DataFrame, names: Sequence[str], path: Path) -> pd.DataFrame:
    """Return the named columns, complete.

    Raises
    ------
    DataError
        If one is not there (the known ones are listed), or misses a value (line and column are named).
    """
    for name in names:
        if name not in table.columns:
            near = get_close_matches(name, map(str, table.columns), n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise DataError(
                f"{path}: has no column {name!r}; it has: {', '.join(map(str, table.columns))}.{hint}"
            )
    part = table[list(names)]
    missing = part.isna()
    if missing.to_numpy().any():
        row = int(missing.any(axis=1).to_numpy().argmax())
        column = str(missing.columns[missing.iloc[row].to_numpy().argmax()])
        others = int(missing.to_numpy().sum()) - 1
        more = f", and {others} other value(s) elsewhere" if others else ""
        raise DataError(
            f"{path}: column {column!r} misses a value on line {line_of(path, row)}{more}; fill it or drop the row."
        )
    return part


def numbers_or_text(table: pd.DataFrame, path: Path) -> list[str]:
    """Return the columns that hold text.

    Raises
    ------
    DataError
        If a column holds a few texts among numbers, such as `?`; line and column are named.
    """
    found = []
    for name, column in table.items():
        if pd.api.types.is_numeric_dtype(column):
            continue
        texts = pd.to_numeric(column, errors="coerce").isna().to_numpy()
        if 0 < texts.sum() < len(texts) / 2:
            row = int(texts.argmax())
            raise DataError(
                f"{path}: column {str(name)!r} holds text ({column.iloc[row]!r}, line {line_of(path, row)}) among "
                "numbers; fill it or drop the row."
            )
        found.append(str(name))
    return found


def line_of(path: Path, row: int) -> int:
    """Return the line of the file on which a row ends: blank lines, and line breaks in quotes, count."""
    with path.open(newline="", encoding="utf-8-sig") as handle:
        reader = csv.reader(handle, delimiter=_separator(path))
        lines = (reader.line_num for record in reader if len(record) > 1 or "".join(record).strip())
        return next(islice(lines, row + 1, None), row + 2)


@contextmanager
def about(path: Path) -> Iterator[None]:
    """Let errors about data name their file, and say how it counts the rows that the library names."""
    try:
        yield
    except DataError as error:
        where, _, text = str(error).partition(": ")
        if where not in (
            "build",
            "predict",
            "report",
            "report_comparison",
            "score",
        ):  # a layer, which the user must know
            text = str(error)
        note = " Rows count from 0, below the header." if " row " in text else ""
        raise type(error)(f"{path}: {text}{note}") from error


def require_writable(path: Path, *inputs: Path | None) -> None:
    """Raise `FileError` unless a file can be made at `path`, and is none of the inputs: better before a long fit."""
    if any(source and source.exists() and path.exists() and source.samefile(path) for source in inputs):
        raise FileError(f"{path}: is an input of this command; write to another file with --out.")
    if path.is_dir():
        raise FileError(f"{path}: is a folder; name a file in it.")
    if not path.parent.is_dir():
        raise FileError(f"{path}: there is no folder {str(path.parent)!r}.")
    try:
        with NamedTemporaryFile(dir=path.parent, prefix=".pbnn-"):
            pass
    except OSError as error:
        raise FileError(f"{path}: cannot be written ({error.strerror}).") from error


def unused(path: Path) -> Path:
    """Return `path`, or one like it with a number that no file has: what is rescued replaces nothing."""
    numbered = (path.with_stem(f"{path.stem}-{n}") for n in count(2))
    return next(place for place in chain([path], numbered) if not place.exists())


def prediction_table(predictions: xr.Dataset) -> pd.DataFrame:
    """Return a summary from `predict` as a table with one row for each observation."""
    if "p" in predictions:
        p = predictions["p"].transpose("obs", "class")
        labels = p["class"].to_numpy()
        likeliest = {"class": labels[p.to_numpy().argmax(axis=1)]}
        chances = {f"p_{label}": p.isel({"class": i}).to_numpy() for i, label in enumerate(labels)}
        parts = {name: predictions[name].to_numpy() for name in ("entropy", "epistemic_entropy")}
        return pd.DataFrame(likeliest | chances | parts)
    if "output" not in predictions.dims:
        return pd.DataFrame(dict(_numeric_columns(predictions)))
    outputs = predictions["output"].to_numpy()
    return pd.DataFrame(
        {
            f"{output}_{name}": values
            for output in outputs
            for name, values in _numeric_columns(predictions.sel(output=output))
        }
    )


def _numeric_columns(predictions: xr.Dataset) -> Iterator[tuple[str, object]]:
    for name in ("mean", "sd", "epistemic_sd", "aleatoric_sd"):
        yield name, predictions[name].to_numpy()
    for q in predictions["quantile"].to_numpy():
        yield f"q{100 * q:02.4g}", predictions["quantiles"].sel(quantile=q).to_numpy()


def _separator(path: Path) -> str:
    """Return what separates the columns: what cuts the header and the line below into as many cells, or a comma."""
    with path.open(newline="", encoding="utf-8-sig") as handle:
        top = list(islice(filter(str.strip, handle), 2))
    for mark in (",", ";", "\t"):
        widths = {len(record) for record in csv.reader(top, delimiter=mark)}
        if len(widths) == 1 and widths != {1}:
            return mark
    return next((mark for mark in (",", ";", "\t") if top and mark in top[0]), ",")
