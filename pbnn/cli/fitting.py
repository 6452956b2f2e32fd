"""`pbnn fit`: a table and wishes to a run file."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import gettempdir
from typing import Any, final

import numpy as np
import pandas as pd
import typer
import xarray as xr

import pbnn
from pbnn.cli.choices import (
    Wishes,
    dashed,
    layers_from,
    likelihood_from,
    method_from,
    network_from,
    require_categories,
    require_suited,
    suggest_likelihood,
)
from pbnn.cli.files import about, numbers_or_text, read_table, require_writable, take_columns, unused
from pbnn.errors import DataError, FileError, PbnnError
from pbnn.graph.build import BNN
from pbnn.spec.network import Network


def run_fit(data: Path, target: str, out: Path, wishes: Wishes, *, force: bool) -> None:
    """Check everything that can be checked before the fit; then fit, save, and judge."""
    _require_new(out, data, force=force)
    method = method_from(wishes.method, wishes.counts, wishes.settings)
    bnn = build_from_table(data, target, wishes)
    typer.echo(bnn)
    idata = pbnn.fit(bnn, method, seed=wishes.seed, store=wishes.store)
    _finish(bnn, idata, out)


def run_resume(store: Path, out: Path, *, force: bool) -> None:
    """Go on with a stored run; then save, and judge."""
    _require_new(out, force=force)
    bnn, idata = pbnn.resume(store)
    _finish(bnn, idata, out)


def _require_new(out: Path, *inputs: Path, force: bool) -> None:
    require_writable(out, *inputs)
    if out.exists() and not force:
        raise FileError(f"{out}: exists already; pass --force to replace it, or another --out.")


def _finish(bnn: BNN, idata: xr.DataTree, out: Path) -> None:
    typer.echo(f"{idata.attrs['message']} {idata.attrs['wall_time']:.0f} s, seed {idata.attrs['seed']}.")
    keep(bnn, idata, out)
    typer.echo(f"Wrote {out}.")
    typer.echo(pbnn.diagnose(bnn, idata).attrs["verdict"])


@final
@dataclass(frozen=True, slots=True)
class TableData:
    """A table, taken apart: its inputs, what is to be predicted, and which inputs are categories."""

    path: Path
    X: pd.DataFrame
    y: pd.DataFrame
    targets: tuple[str, ...]
    categories: tuple[str, ...]
    texts: tuple[str, ...]

    def response(self, wishes: Wishes) -> Any:
        """Return the response as `build` takes it."""
        return response_from(self.y, self.targets, wishes.event, wishes.entry)


def read_data(data: Path, target: str, wishes: Wishes) -> TableData:
    """Read a table, and take it apart as the user wishes."""
    table = read_table(data, text=wishes.categorical)
    take_columns(table, [*wishes.categorical, *wishes.drop], data)
    targets = _targets(target, table)
    y = take_columns(table, [*targets, *filter(None, (wishes.event, wishes.entry))], data)
    numbers_or_text(y, data)
    inputs = [name for name in table.columns if name not in y.columns and name not in wishes.drop]
    if not inputs:
        raise DataError(f"{data}: no input column is left beside the target {target!r}.")
    X = take_columns(table, inputs, data)
    plain = [name for name in inputs if name not in wishes.categorical]
    found = numbers_or_text(X[plain], data)
    require_categories(X, found, data)
    categories = tuple(name for name in inputs if name in found or name in wishes.categorical)
    return TableData(data, X, y, tuple(targets), categories, tuple(found))


def build_from_table(data: Path, target: str, wishes: Wishes) -> BNN:
    """Read a table, choose what the user left open, and say what was chosen."""
    given = network_from(wishes.network, wishes) if wishes.network else None
    table = read_data(data, target, wishes)
    if given is not None:
        require_all_suited(given, table)
    else:
        name = choose_likelihood(table, wishes)
        layers = layers_from(wishes.hidden, wishes.activation, table.categories)
        given = Network(layers, likelihood_from(name, wishes.noise))
    with about(data):
        return pbnn.build(given, table.X, table.response(wishes))


def require_all_suited(network: Network, table: TableData) -> None:
    """Raise `DataError` if a target holds labels, and the network's likelihood is for numbers."""
    for one in table.targets:
        require_suited(dashed(type(network.likelihood).__name__), table.y[one], table.path)


def choose_likelihood(table: TableData, wishes: Wishes) -> str:
    """Return the likelihood that the user wants, or one that suits the target; say what was chosen."""
    if table.texts:
        typer.echo(f"Categories, since they hold text: {', '.join(table.texts)}.")
    name, target = wishes.likelihood, ",".join(table.targets)
    if name is None and (wishes.event or wishes.entry):
        name = "weibull"
        typer.echo(f"Likelihood of {target} (times known in part): {name}.")
    elif name is None and len(table.targets) > 1:
        name = "gaussian"
        typer.echo(f"Likelihood of {target} (several targets): {name}. For another one pass --likelihood.")
    elif name is None:
        name, why = suggest_likelihood(table.y[target])
        typer.echo(f"Likelihood of {target} ({why}): {name}. For another one pass --likelihood.")
    for one in table.targets:
        require_suited(name, table.y[one], table.path)
    return name


def response_from(y: pd.DataFrame, targets: Sequence[str], event: str | None, entry: str | None) -> Any:
    """Return a column, several columns, or times of which some are censored."""
    if event is None and entry is None:
        return y[targets[0]] if len(targets) == 1 else y[list(targets)]
    if len(targets) > 1:
        raise DataError(f"--event and --entry are for one target, a time; got {', '.join(targets)}.")
    seen = y[event] if event else np.ones(len(y))
    return pbnn.right_censored(y[targets[0]], seen, y[entry] if entry else None)


def _targets(target: str, table: pd.DataFrame) -> list[str]:
    """Return the names in `a,b`; a column of that very name comes first."""
    if target in table.columns:
        return [target]
    return [name.strip() for name in target.split(",")]


def keep(bnn: BNN, idata: xr.DataTree, out: Path) -> None:
    """Save a run; if that fails, save it elsewhere rather than lose the fit.

    Raises
    ------
    FileError
        If it could not be saved at `out`; the message says where it is instead.
    """
    try:
        pbnn.save(bnn, idata, out)
    except (PbnnError, OSError) as error:
        elsewhere = unused(Path(gettempdir()) / f"{out.stem}-{idata.attrs['seed']}.nc")
        try:
            pbnn.save(bnn, idata, elsewhere)
        except (PbnnError, OSError):
            raise error from None
        raise FileError(f"{error} The fit is not lost: it is in {elsewhere}.") from error
