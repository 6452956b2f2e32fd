"""`pbnn fit`: a table and wishes to a run file."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import gettempdir
from typing import Any

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


def build_from_table(data: Path, target: str, wishes: Wishes) -> BNN:
    """Read a table, choose what the user left open, and say what was chosen."""
    given = network_from(wishes.network, wishes) if wishes.network else None
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
    categories = [name for name in inputs if name in found or name in wishes.categorical]
    if given is not None:
        for one in targets:
            require_suited(dashed(type(given.likelihood).__name__), y[one], data)
        with about(data):
            return pbnn.build(given, X, response_from(y, targets, wishes.event, wishes.entry))
    if found:
        typer.echo(f"Categories, since they hold text: {', '.join(found)}.")
    name = wishes.likelihood
    if name is None and (wishes.event or wishes.entry):
        name = "weibull"
        typer.echo(f"Likelihood of {target} (times known in part): {name}.")
    elif name is None and len(targets) > 1:
        name = "gaussian"
        typer.echo(f"Likelihood of {target} (several targets): {name}. For another one pass --likelihood.")
    elif name is None:
        name, why = suggest_likelihood(y[target])
        typer.echo(f"Likelihood of {target} ({why}): {name}. For another one pass --likelihood.")
    for one in targets:
        require_suited(name, y[one], data)
    layers = layers_from(wishes.hidden, wishes.activation, categories)
    network = Network(layers, likelihood_from(name, wishes.noise))  # type: ignore[arg-type]
    with about(data):
        return pbnn.build(network, X, response_from(y, targets, wishes.event, wishes.entry))


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
