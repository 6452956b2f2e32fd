"""`decomposition_map`: where over two inputs the model is unsure, and of what kind its doubt is."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from pbnn.assess.decomposition import split_entropy, split_modes, split_variance
from pbnn.assess.rows import blocks, draws_at, read_draws
from pbnn.errors import DataError, SpecError, unknown
from pbnn.graph.build import BNN
from pbnn.predict.rows import encode_rows

_MODES = ("within", "between", "within_mcse", "between_mcse")
BEYOND = 0.05
"""Share of the range of an input that the map reaches beyond the data, on both sides."""


def decomposition_map(
    bnn: BNN,
    idata: xr.DataTree,
    features: Sequence[str],
    *,
    at: Mapping[str, Any] | None = None,
    ranges: Mapping[str, tuple[float, float]] | None = None,
    points: int = 40,
    seed: int = 0,
) -> xr.Dataset:
    """Split the uncertainty of predictions over a grid of two inputs.

    Parameters
    ----------
    bnn, idata
        The model and its fit.
    features
        Two columns of `X` that hold numbers.
    at
        Values of the other columns, by name; those not named stay at the median of the training data, or at the most
        frequent category.
    ranges
        Lowest and highest value of a feature; those not named go a little beyond the training data.
    points
        Of the grid, in each direction.
    seed
        The same seed gives the same map.

    Returns
    -------
    xarray.Dataset
        Dims `(features[0], features[1])`, whose coordinates hold the values (and `output`). Numbers: `mean` of the
        response; `total`, `epistemic` and `aleatoric` standard deviations, in the units of `y`, whose squares add up;
        `within` and `between`: the parts of the epistemic one that lie within modes (chains, members) and between them.
        Classes: `p` `(..., class)`; `total`, `epistemic` and `aleatoric` entropy in nats; `within` and `between` of the
        probabilities, as standard deviations over all classes. Each part with `<name>_mcse`, its Monte Carlo error.
        attrs: `at`, in words.

    Raises
    ------
    SpecError
        If there is no such column, it holds categories, or the inputs are images or sequences.
    DataError
        If a value or a range makes no sense.
    ModelError
        If `idata` is the fit of another model.
    """
    names = _two(bnn, features)
    forward, posterior = read_draws(bnn, idata, "decomposition_map", seed)
    known, _ = encode_rows(bnn, idata, None, "decomposition_map")
    if not isinstance(points, int | np.integer) or points < 2:
        raise DataError(f"decomposition_map: points must be a whole number >= 2; got {points!r}.")
    axes = [_axis(known[:, bnn.columns.names.index(n)], n, (ranges or {}).get(n), points) for n in names]
    row = _elsewhere(bnn, known, at or {}, names)
    inputs = np.tile(row, (points * points, 1))
    for name, values in zip(names, np.meshgrid(*axes, indexing="ij"), strict=True):
        inputs[:, bnn.columns.names.index(name)] = values.ravel()
    classes = bnn.response.kind == "classes"
    names_drawn = ("p",) if classes else ("mu", "variance")
    parts = []
    for rows in blocks(len(inputs), 8 * len(forward.z) * sum(forward.cells[n].itemsize for n in names_drawn)):
        arrays = draws_at(forward, posterior, inputs[rows], rows.start)
        parts.append(_classes(*arrays) if classes else _numbers(*arrays))
    table = xr.concat(parts, "obs")
    grid = pd.MultiIndex.from_product(axes, names=names)
    table = table.assign_coords(xr.Coordinates.from_pandas_multiindex(grid, "obs")).unstack("obs")
    table = table.transpose(*names, ...)
    labels = {"class": bnn.response.classes, "output": bnn.response.names}
    table = table.assign_coords({dim: list(labels[dim]) for dim in table.dims if dim in labels})
    for name in table.data_vars:
        table[name].attrs = _attrs(str(name), classes)
    fixed = [f"{n} = {_shown(bnn, i, row[i])}" for i, n in enumerate(bnn.columns.names) if n not in names]
    return table.assign_attrs(at=", ".join(fixed))


def _two(bnn: BNN, features: Sequence[str]) -> list[str]:
    columns = bnn.columns
    if columns.shape:
        raise SpecError(
            "decomposition_map: X holds images or sequences; a map is over two columns of a table."
        )
    if isinstance(features, str) or len(features) != 2 or len(set(features)) != 2:
        raise SpecError(f"decomposition_map: features must be two columns of X; got {features!r}.")
    for name in features:
        if name not in columns.names:
            raise SpecError(unknown("decomposition_map", "column", name, columns.names))
        if columns.categories[columns.names.index(name)] is not None:
            raise SpecError(
                f"decomposition_map: column {name!r} holds categories, and a map is over numbers; hold it by at=."
            )
    return list(features)


def _axis(values: np.ndarray, name: str, given: tuple[float, float] | None, points: int) -> np.ndarray:
    if given is None:
        low, high = float(values.min()), float(values.max())
        room = BEYOND * (high - low)
        given = (low - room, high + room)
    low, high = (float(v) for v in given)
    if not (np.isfinite([low, high]).all() and low < high):
        raise DataError(
            f"decomposition_map: the range of {name!r} must be two numbers, low < high; got {given!r}."
        )
    return np.linspace(low, high, points)


def _elsewhere(bnn: BNN, known: np.ndarray, at: Mapping[str, Any], names: Sequence[str]) -> np.ndarray:
    """Return one encoded row: where the other columns are held."""
    columns = bnn.columns
    wrong = [name for name in at if name not in columns.names or name in names]
    if wrong:
        others = [name for name in columns.names if name not in names]
        raise SpecError(unknown("decomposition_map", "column of at", wrong[0], others))
    row = np.median(known, axis=0)
    for i, categories in enumerate(columns.categories):
        if categories is not None:
            row[i] = np.bincount(known[:, i].astype(int)).argmax()
    for name, value in at.items():
        i = columns.names.index(name)
        categories = columns.categories[i]
        if categories is None:
            row[i] = float(value)
        elif value in categories:
            row[i] = categories.index(value)
        else:
            raise DataError(
                unknown("decomposition_map", f"category of {name!r}", value, map(str, categories))
            )
    return row


def _numbers(mu: xr.DataArray, variance: xr.DataArray) -> xr.Dataset:
    parts, modes = split_variance(mu, variance, errors=True), split_modes(mu, errors=True)
    return _roots(parts.assign({name: modes[name] for name in _MODES})).assign(
        mean=mu.mean(("chain", "draw"))
    )


def _classes(p: xr.DataArray) -> xr.Dataset:
    modes = split_modes(p, errors=True)
    # Variances of classes add up; their errors are taken to go together, which is on the safe side.
    summed = _roots(modes[list(_MODES)].sum("class", skipna=False))
    parts = split_entropy(p, errors=True).assign(dict(summed.data_vars))
    return parts.assign(p=p.mean(("chain", "draw")))


def _roots(squares: xr.Dataset) -> xr.Dataset:
    """Return standard deviations for variances, and their errors by the delta method."""
    found = {}
    for name in [n for n in squares.data_vars if not str(n).endswith("_mcse")]:
        found[name] = np.sqrt(squares[name])
        found[f"{name}_mcse"] = squares[f"{name}_mcse"] / (2 * found[name].where(found[name] > 0))
    return xr.Dataset(found)


_WORDS = {
    "mean": "predictive mean",
    "p": "mean probability of the class",
    "total": "all uncertainty",
    "epistemic": "uncertainty of the weights",
    "aleatoric": "uncertainty of the noise",
    "within": "standard deviation within modes",
    "between": "standard deviation between modes",
}


def _attrs(name: str, classes: bool) -> dict[str, str]:
    of = name.removesuffix("_mcse")
    units = "y" if not classes else "nat" if of in ("total", "epistemic", "aleatoric") else "1"
    words = _WORDS[of]
    return {"long_name": words if of == name else f"Monte Carlo error of {words}", "units": units}


def _shown(bnn: BNN, i: int, value: float) -> str:
    categories = bnn.columns.categories[i]
    return f"{value:.3g}" if categories is None else str(categories[int(value)])
