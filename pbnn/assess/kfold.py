"""K-fold cross-validation: each row predicted by a fit that has not seen it."""

import json
from concurrent.futures import Executor
from typing import Any, final

import numpy as np
import xarray as xr
from scipy.special import logsumexp

from pbnn.assess.elpd import chains_in, error_of_sum, summed
from pbnn.assess.refits import Refit, fit_each, prepared, run_refit, seeds
from pbnn.assess.rows import blocks, observed_column, read_draws, take
from pbnn.errors import DataError, MethodError, ModelError
from pbnn.graph.build import BNN
from pbnn.infer.methods import METHODS, Method, as_method
from pbnn.predict.forward import Forward
from pbnn.predict.predictions import resolve_seed
from pbnn.target import Data
from pbnn.target.data import current_data


def kfold(
    bnn: BNN,
    method: str | Method | None = None,
    *,
    k: int = 10,
    folds: Any = None,
    seed: int | None = None,
    executor: Executor | None = None,
) -> xr.Dataset:
    """Estimate how well each row is predicted by fits that have not seen it: one fit for each fold.

    Prior and standardisation stay those of the model, so every fit is of the same model to fewer rows.

    Parameters
    ----------
    bnn
        The model, with its training data.
    method
        As of `fit`.
    k
        Number of folds, of equal size up to one row, taken at random; of classes, each fold has its share of each.
    folds
        In place of `k`: the fold of each row `(obs,)`, whole numbers from 0, to keep rows that belong together in one.
    seed
        Of the folds and the fits.
    executor
        Any `concurrent.futures.Executor`: each fold is one task.

    Returns
    -------
    xarray.Dataset
        By `obs`, as from `pbnn.loo`: `elpd` in nats, `mcse`, `observed`, and `fold`. attrs: `elpd_total`, `se_total`,
        its standard error over rows; `k`, `n_obs`, `kind`, `estimator`, `method`, `seed`.

    Raises
    ------
    DataError
        If there are fewer rows than folds, or `folds` is not one number for each row.
    MethodError
        If the method is unknown, or a fit fails.

    References
    ----------
    Vehtari & Ojanen (2012), A survey of Bayesian predictive methods for model assessment, selection and comparison,
    10.1214/12-SS102.

    Examples
    --------
    >>> import numpy as np, pbnn
    >>> from pbnn import likelihoods
    >>> X = np.linspace(-1, 1, 30)[:, None]
    >>> bnn = pbnn.build(pbnn.Network([], likelihoods.Gaussian()), X, X[:, 0] + np.sin(9 * X[:, 0]))
    >>> table = pbnn.kfold(bnn, pbnn.MAP(starts=1, steps=100), k=3, seed=1)
    >>> dict(table.sizes), table.attrs["k"]
    ({'obs': 30}, 3)
    """
    if not isinstance(bnn, BNN):
        raise ModelError(f"kfold: the first argument must be a BNN (pbnn.build); got {type(bnn).__name__}.")
    options, seed = as_method(method, "kfold"), resolve_seed(seed, "kfold")
    X, y = current_data(bnn)
    of = _random_folds(bnn, y, k, seed) if folds is None else _given_folds(folds, len(y))
    k = int(of.max()) + 1
    jobs = _refits(X, y, of, seed)
    found = fit_each(bnn, options, jobs, _held_out, executor=executor, where="kfold")
    columns = {name: np.empty(len(y)) for name in ("elpd", "mcse")}
    for fold, values in enumerate(found):
        for name, column in columns.items():
            column[of == fold] = values[name]
    table = xr.Dataset(
        {name: ("obs", column) for name, column in columns.items()}, coords={"obs": np.arange(len(y))}
    )
    table["observed"] = observed_column(bnn, y)
    table["fold"] = ("obs", of)
    attrs = {"kind": bnn.response.kind, "k": k, "method": type(options).__name__, "seed": seed}
    return summed(table.assign_attrs(attrs), f"{k}-fold")


@final
class FoldByFold:
    """The folds of `kfold`, one at a time: the same fits, by one copy of the model.

    Parameters
    ----------
    bnn, method, k, seed
        As of `kfold`.
    """

    def __init__(self, bnn: BNN, method: str | Method | None, *, k: int, seed: int) -> None:
        X, y = current_data(bnn)
        self._refits = _refits(X, y, _random_folds(bnn, y, k, seed), seed)
        self._job = prepared(bnn, as_method(method, "kfold"), _held_out)

    def __call__(self, fold: int) -> dict[str, np.ndarray]:
        """Return `elpd` and `mcse` of the rows of a fold."""
        return run_refit(self._job, self._refits[fold])


def _refits(X: np.ndarray, y: np.ndarray, of: np.ndarray, seed: int) -> list[Refit]:
    """Return what is to be fitted for each fold; `of` are the folds of the rows."""
    return [
        Refit(X[of != fold], y[of != fold], s, (X[of == fold], y[of == fold]))
        for fold, s in enumerate(seeds(seed, int(of.max()) + 1))
    ]


def refitted(
    bnn: BNN,
    idata: xr.DataTree,
    X: np.ndarray,
    y: np.ndarray,
    rows: np.ndarray,
    method: bool | str | Method,
    seed: int,
) -> dict[int, dict[str, float]]:
    """Return `elpd` and `mcse` of some rows by fits without each of them; True takes the method of the fit."""
    options = method_of(idata) if method is True else as_method(method, "loo")
    jobs = [
        Refit(np.delete(X, row, 0), np.delete(y, row, 0), s, (X[[row]], y[[row]]))
        for row, s in zip(rows, seeds(seed, len(rows)), strict=True)
    ]
    found = fit_each(bnn, options, jobs, _held_out, where="loo")
    return {
        int(row): {name: float(v[0]) for name, v in values.items()}
        for row, values in zip(rows, found, strict=True)
    }


def method_of(idata: xr.DataTree) -> Method:
    """Return the method, with its options, that made a fit."""
    try:
        return METHODS[idata.attrs["method"]](**json.loads(idata.attrs["options"]))
    except (KeyError, TypeError, ValueError) as error:
        raise MethodError(
            "loo: the fit does not say how it was made; name the method, refit='mclmc'."
        ) from error


def _held_out(bnn: BNN, idata: xr.DataTree, one: Refit) -> dict[str, np.ndarray]:
    """Return `elpd` and `mcse` of the rows that a fit has not seen."""
    forward, posterior = read_draws(bnn, idata, "kfold", one.seed)
    elpd, mcse = log_mean_density(forward, forward.bind(*one.extra), chains_in(idata, posterior))
    return {"elpd": elpd, "mcse": mcse}


def log_mean_density(forward: Forward, data: Data, chains: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the log of the mean likelihood of each row `(obs,)`, and its Monte Carlo error."""
    n, parts = len(forward.z), []
    for rows in blocks(len(data["x"]), 8 * n):
        log_lik = forward.log_likelihood(take(data, rows)).astype(float)
        elpd = logsumexp(log_lik, axis=0) - np.log(n)
        with np.errstate(invalid="ignore"):
            parts.append((elpd, error_of_sum(np.expm1(log_lik - elpd).T / n, chains)))
    elpd, mcse = (np.concatenate(part) for part in zip(*parts, strict=True))
    return elpd, mcse


def _random_folds(bnn: BNN, y: np.ndarray, k: Any, seed: int) -> np.ndarray:
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 2:
        raise MethodError(f"kfold: k must be a whole number >= 2; got {k!r}.")
    if k > len(y):
        raise DataError(f"kfold: {len(y)} rows cannot be cut into {k} folds; take a smaller k.")
    order = np.random.default_rng(seed).permutation(len(y))
    if bnn.response.kind == "classes":
        order = order[np.argsort(y[order], kind="stable")]
    of = np.empty(len(y), int)
    of[order] = np.arange(len(y)) % k
    return of


def _given_folds(folds: Any, n: int) -> np.ndarray:
    of = np.asarray(folds)
    if of.shape != (n,) or of.dtype.kind not in "iu":
        raise DataError(
            f"kfold: folds must be one whole number for each of {n} rows; got shape {of.shape} of {of.dtype}."
        )
    if len(np.unique(of)) < 2 or not np.array_equal(np.unique(of), np.arange(of.max() + 1)):
        raise DataError("kfold: folds must be numbered 0, 1, ... with no gaps, and be at least two.")
    return of
