"""Predictions against observations, row by row: what scores, calibration tables and residual plots are made of."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import xarray as xr
from arviz_stats.base import array_stats
from scipy.special import logsumexp

from pbnn.assess.rows import blocks, encode_both, read_draws, spaced, take
from pbnn.assess.scoring_rules import brier, crps, crps_of_normals, energy_score, pit, pit_between
from pbnn.errors import DataError, ModelError
from pbnn.graph.build import BNN
from pbnn.predict.angles import around, mean_direction
from pbnn.predict.forward import TILE_ROWS, Forward
from pbnn.predict.mixture import Average
from pbnn.predict.rows import training_data
from pbnn.target import Data
from pbnn.target.cores import on_all_cores

LEVELS = (0.5, 0.8, 0.9, 0.95)
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
BATCHES = 8
"""Parts of the draws whose scores tell the Monte Carlo error, if there are fewer than 4 chains."""


def pointwise(
    bnn: BNN | Average,
    idata: xr.DataTree,
    X: Any = None,
    y: Any = None,
    *,
    seed: int | None = None,
    levels: Sequence[float] = LEVELS,
    quantiles: Sequence[float] = QUANTILES,
    exact: bool = False,
    max_rows: int | None = None,
) -> xr.Dataset:
    """Compare predictions with observations, row by row.

    The result feeds `coverage`, `pit_histogram`, `reliability` and `confusion`, and residual plots.

    Parameters
    ----------
    bnn, idata
        The model and its fit.
    X, y
        Inputs `(obs, feature)` and responses as given to `build`; the training data if both are None.
    seed
        Of the draws of the response.
    levels
        Probabilities of the central intervals.
    quantiles
        Probabilities of the quantiles.
    exact
        Also give `crps_exact` of a Gaussian response, from the mean and noise of each draw of the weights and without
        drawn responses. Its time grows with the square of the number of draws.
    max_rows
        Take at most this many rows, evenly spaced.

    Returns
    -------
    xarray.Dataset
        Regression and counts, dims `(obs[, output])`, in the units of `y`: `observed`; `predicted`, the predictive
        mean; `sd` of the predictive distribution, and its parts `epistemic_sd`, `aleatoric_sd`;
        `residual = observed - predicted`; `standardized = residual / sd`; `pit` in (0, 1), the share of the predictive
        distribution below the observation (randomised within ties); `crps`; `lower` and `upper`
        `(level, obs[, output])`, the central intervals; `quantiles` `(quantile, obs[, output])`; and of several
        outputs `energy` `(obs,)`, the energy score, each output in units of `bnn.response.scale`. The bounds of counts
        are counts, so their intervals hold somewhat more than `level`. Of times known in part, `observed` and what is
        made of it is NaN, but for `pit`, which lies anywhere between those of the bounds; angles are laid out around
        the predicted mean direction, `observed` too.
        Classes: `observed` and `predicted` `(obs,)`, labels, and `observed_code`, `predicted_code`; `p`
        `(obs, class)`; `confidence`, the largest of `p`; `correct` (0 or 1); `brier`.
        Both: `lpd` `(obs,)`, the log predictive density of all outputs together, in nats, with `y` in its own units.
        The coordinate `obs` holds row numbers. attrs: `kind`, `n_obs`, `n_draws` (of the weights), `lpd_mcse` (Monte
        Carlo standard error of the mean of `lpd`; NaN for fewer than 4 draws a chain).

    Raises
    ------
    DataError, ShapeError
        If the data do not match the training data.
    ModelError
        If `idata` is the fit of another model, or `exact` is asked of a response that is not Gaussian.
    """
    wanted = Wanted(tuple(levels), tuple(quantiles), exact)
    return rows_and_batches(
        bnn, idata, X, y, seed=seed, wanted=wanted, max_rows=max_rows, batches=False, where="pointwise"
    )[0]


@final
@dataclass(frozen=True, slots=True)
class Wanted:
    """What `pointwise` is to give of a numeric response."""

    levels: tuple[float, ...] = LEVELS
    quantiles: tuple[float, ...] = QUANTILES
    exact: bool = False

    def __post_init__(self) -> None:
        for name, values in (("levels", self.levels), ("quantiles", self.quantiles)):
            if not all(0 < value < 1 for value in values):
                raise DataError(f"score: {name} must lie between 0 and 1; got {values}.")


def rows_and_batches(
    bnn: BNN,
    idata: xr.DataTree,
    X: Any = None,
    y: Any = None,
    *,
    seed: int | None = None,
    wanted: Wanted | None = None,
    max_rows: int | None = None,
    batches: bool = True,
    where: str = "score",
) -> tuple[xr.Dataset, list[xr.Dataset]]:
    """Return the rows of `pointwise`, and what each batch of the draws would give in their place.

    A batch is a chain if there are 4 or more, else a stretch of one. The spread of a score over batches tells its Monte
    Carlo error. There are no batches of fewer than 4 draws, and none have `lpd` or `pit`.
    """
    wanted = Wanted() if wanted is None else wanted
    forward, posterior = read_draws(bnn, idata, where, seed)
    inputs, observed = _encode(bnn, idata, X, y, where)
    at = spaced(len(observed), max_rows)
    inputs, observed = inputs[at], observed[at]
    cuts = _batches(posterior.sizes["chain"], posterior.sizes["draw"]) if batches else []
    if bnn.response.kind == "classes":
        table, *parts = _class_rows(forward, inputs, observed, cuts)
    else:
        table, *parts = _number_rows(forward, inputs, observed, wanted, cuts)
    lpd, weight = _predictive_density(forward, forward.bind(inputs, observed))
    table["lpd"] = ("obs", lpd)
    table.attrs = {
        "kind": bnn.response.kind,
        "censored": int(bnn.response.censored),
        "n_obs": len(at),
        "n_draws": len(forward.z),
        # The mean of lpd moves by this share of what a draw weighs in it: the delta method.
        "lpd_mcse": float(array_stats.mcse(weight.reshape(posterior.sizes["chain"], -1) / len(at))),
    }
    return table.assign_coords(obs=at), parts


def _batches(chains: int, draws: int) -> list[np.ndarray]:
    """Return the numbers of the draws in each batch."""
    parts = 1 if chains >= 4 else min(-(-BATCHES // chains), draws)
    if chains * parts < 4:
        return []
    return [
        chain * draws + part for chain in range(chains) for part in np.array_split(np.arange(draws), parts)
    ]


def _encode(
    bnn: BNN | Average, idata: xr.DataTree, X: Any, y: Any, where: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return encoded inputs, and responses in the user's units or as codes."""
    if X is None and y is not None:
        raise DataError(f"{where}: y came without X; pass both, or neither for the training data.")
    if X is not None and y is None:
        raise DataError(
            f"{where}: y is missing; pass what was observed at X. Without it there are only predictions: pbnn.predict."
        )
    if X is None:
        return training_data(bnn, idata, where)
    return encode_both(bnn, X, y, where)


def _number_rows(
    forward: Forward, inputs: np.ndarray, observed: np.ndarray, wanted: Wanted, batches: list[np.ndarray]
) -> list[xr.Dataset]:
    response, n_draws = forward.bnn.response, len(forward.z)
    if wanted.exact and not forward.gives_normals:
        raise ModelError(
            f"score: exact=True needs a Gaussian response, and this one is {response.likelihood}; leave it out."
        )
    forward = forward.with_many_responses()
    members = [np.flatnonzero(np.isin(np.arange(len(forward.z)) % n_draws, batch)) for batch in batches]
    bounds = observed if response.censored else None
    if response.censored:
        # Of an event that was not seen nobody knows how far off a prediction is.
        observed = np.where(observed[:, 0] == observed[:, 1], observed[:, 0], np.nan)
    within = np.random.default_rng(forward.seed).uniform(size=observed.shape)
    names = ("y", "mu", "variance")
    row_bytes = len(forward.z) * sum(forward.cells[name].itemsize for name in names)
    parts: list[list[dict[str, np.ndarray]]] = []
    for rows in blocks(len(observed), row_bytes):
        drawn = forward.allocate(names, rows.stop - rows.start)
        forward.fill(inputs[rows], drawn, rows.start)

        def compare(
            row: int, drawn: dict[str, np.ndarray] = drawn, first: int = rows.start
        ) -> list[dict[str, np.ndarray]]:
            here = slice(row, row + TILE_ROWS)
            there = slice(first + row, first + row + TILE_ROWS)
            y, mu, variance = (drawn[name][:, here].astype(float) for name in names)
            seen = observed[there]
            if response.circular:
                centre = mean_direction(y)
                y, mu, seen = around(y, centre), around(mu, centre), around(seen, centre)
            whole, ordered = _judge(forward, y, mu, variance, seen, wanted)
            whole["pit"] = (
                pit(ordered, seen, within[there])
                if bounds is None
                else pit_between(ordered, bounds[there], within[there])
            )
            return [whole] + [_judge(forward, y[m], mu[m], variance[m], seen, wanted)[0] for m in members]

        parts += on_all_cores(compare, range(0, rows.stop - rows.start, TILE_ROWS))
    return [_as_table([part[i] for part in parts], forward, wanted) for i in range(1 + len(members))]


def _judge(
    forward: Forward, y: np.ndarray, mu: np.ndarray, variance: np.ndarray, seen: np.ndarray, wanted: Wanted
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Compare draws `(draw, rows[, output])` with what was seen; return also the sorted ones, draws last."""
    response = forward.bnn.response
    # NumPy sorts contiguous rows much faster; what follows is quick on sorted ones.
    ordered = np.sort(np.moveaxis(y, 0, -1).copy(), axis=-1)
    levels = np.asarray(wanted.levels)
    tails = np.concatenate([(1 - levels) / 2, (1 + levels) / 2, wanted.quantiles])
    method = "inverted_cdf" if response.kind == "counts" else "linear"
    bounds = np.moveaxis(np.quantile(ordered, tails, axis=-1, method=method), 0, -1)
    lower, upper, quantiles = np.split(bounds, [len(levels), 2 * len(levels)], axis=-1)
    found = {
        "predicted": mu.mean(axis=0),
        "epistemic_sd": mu.std(axis=0),
        "aleatoric_sd": np.sqrt(variance.mean(axis=0)),
        "observed": seen,
        "crps": crps(ordered, seen),
        "lower": lower,
        "upper": upper,
        "quantiles": quantiles,
    }
    if wanted.exact:
        means, sds = (np.moveaxis(part, 0, -1) for part in (mu, np.sqrt(variance)))
        found["crps_exact"] = crps_of_normals(means, sds, seen)
    if not response.vector:
        found["energy"] = energy_score(y / response.scale, seen / response.scale)
    return found, ordered


def _as_table(parts: list[dict[str, np.ndarray]], forward: Forward, wanted: Wanted) -> xr.Dataset:
    response = forward.bnn.response
    dims = ("obs",) if response.vector else ("obs", "output")
    last = {"lower": ("level",), "upper": ("level",), "quantiles": ("quantile",)}
    table = xr.Dataset(coords={"level": list(wanted.levels), "quantile": list(wanted.quantiles)})
    if not response.vector:
        table = table.assign_coords(output=list(response.names))
    for name in parts[0]:
        of = ("obs",) if name == "energy" else (*dims, *last.get(name, ()))
        table[name] = (of, np.concatenate([part[name] for part in parts]))
    table["sd"] = np.hypot(table["epistemic_sd"], table["aleatoric_sd"])
    table["residual"] = table["observed"] - table["predicted"]
    table["standardized"] = table["residual"] / table["sd"]
    table.attrs = {"kind": response.kind, "censored": int(response.censored)}
    return table.transpose("level", "quantile", ...)


def _class_rows(
    forward: Forward, inputs: np.ndarray, observed: np.ndarray, batches: list[np.ndarray]
) -> list[xr.Dataset]:
    labels = np.asarray(forward.bnn.response.classes)
    members = [np.arange(len(forward.z)), *batches]
    p = np.empty((len(members), len(observed), len(labels)))
    for rows in blocks(len(observed), len(forward.z) * forward.cells["p"].itemsize):
        drawn = forward.allocate(["p"], rows.stop - rows.start)
        forward.fill(inputs[rows], drawn, rows.start)
        for i, batch in enumerate(members):
            p[i, rows] = drawn["p"][batch].mean(axis=0, dtype=float)
    p /= p.sum(axis=2, keepdims=True)
    return [class_table(part, observed.astype(int), labels) for part in p]


def class_table(p: np.ndarray, observed: np.ndarray, labels: np.ndarray) -> xr.Dataset:
    """Return the rows of `pointwise` for probabilities `(obs, class)` from anywhere; `observed` holds codes.

    Raises
    ------
    DataError
        If a row of `p` is no distribution.
    """
    off = ~((p >= 0).all(axis=1) & (np.abs(p.sum(axis=1) - 1) < 1e-3))
    if off.any():
        row = int(np.argmax(off))
        raise DataError(
            f"score: the probabilities of a row must be >= 0 and sum to 1; those of row {row} sum to "
            f"{p[row].sum():.4g}, and the least is {p[row].min():.4g}."
        )
    predicted = p.argmax(axis=1)
    columns = {
        "observed": labels[observed],
        "predicted": labels[predicted],
        "observed_code": observed,
        "predicted_code": predicted,
        "confidence": p.max(axis=1),
        "correct": (predicted == observed).astype(float),
        "brier": brier(p, observed),
    }
    table = xr.Dataset({name: ("obs", values) for name, values in columns.items()}, attrs={"kind": "classes"})
    table["p"] = (("obs", "class"), p)
    return table.assign_coords({"class": labels})


def _predictive_density(forward: Forward, data: Data) -> tuple[np.ndarray, np.ndarray]:
    """Return the log of the mean likelihood of each row, and what each draw weighs in them, summed over rows."""
    n_draws, n_rows = len(forward.z), len(data["x"])
    lpd, weight = np.empty(n_rows), np.zeros(n_draws)
    for rows in blocks(n_rows, 8 * n_draws):
        log_lik = forward.log_likelihood(take(data, rows)).astype(float)
        lpd[rows] = logsumexp(log_lik, axis=0) - np.log(n_draws)
        with np.errstate(invalid="ignore"):  # a row that no draw thinks possible
            weight += np.exp(log_lik - lpd[rows]).sum(axis=1)
    return lpd, weight
