"""`recalibrate`: correct the predictive distributions of a fit by what held-out data say of them."""

from typing import Any, get_args

import numpy as np
import xarray as xr
from scipy.optimize import isotonic_regression, minimize_scalar

from pbnn.assess.pointwise import pointwise, rows_and_batches
from pbnn.assess.rows import encode_both
from pbnn.assess.seen import warn_if_seen
from pbnn.errors import DataError, MethodError, ModelError, unknown
from pbnn.graph.build import BNN
from pbnn.graph.response import Response
from pbnn.predict.mixture import Average
from pbnn.predict.recalibration import Method, Recalibration

FEWEST = 10
"""Rows from which something can be learned."""
ROWS_A_KNOT, MOST_KNOTS = 20, 20


def recalibrate(
    bnn: BNN, idata: xr.DataTree, X_val: Any, y_val: Any, *, method: Method | None = None, seed: int = 0
) -> xr.DataTree:
    """Correct the predictive distributions of a fit by what held-out data say of them.

    The result is a fit like any other: `predict`, `score` and all that judge predictions apply the correction, and
    `save` keeps it. `diagnose` and `prior_sensitivity` look through it, as they judge the draws of the weights.

    Parameters
    ----------
    bnn, idata
        The model and its fit. An earlier recalibration is replaced.
    X_val, y_val
        Inputs `(obs, feature)` and responses that the fit has not seen, and on which it will not be scored.
    method
        `"temperature"`, of classes: probabilities to the power `1 / T`, normalised; one number, so little to overfit.
        `"variance"`, of a continuous response: the predictive standard deviation of each output times a factor.
        `"isotonic"`, of classes: an increasing map of the probability of each class, normalised over classes; of one
        continuous output: an increasing map of the predictive distribution function, that is of quantile levels, after
        `"variance"` where that can be, since ranks alone reach no further than the outermost draw. It needs some
        hundred rows. None takes the first or the second.
    seed
        Of the draws of the response.

    Returns
    -------
    DataTree
        The fit with a group `recalibration`: `temperature` or `factor`, each with its standard error `<name>_se`, or
        the knots `before` and `after` of the map; attrs `method` and `n_obs`.

    Raises
    ------
    DataError
        If there are fewer than 10 rows, or rows of one class only.
    ModelError
        If the model is an average, or `idata` is the fit of another one.
    MethodError
        If the method is unknown, or not made for this response; counts, angles and times known in part have none.

    References
    ----------
    Guo et al. (2017), arXiv:1706.04599: temperature. Levi et al. (2022), 10.3390/s22155540: variance. Zadrozny & Elkan
    (2002), 10.1145/775047.775151, and Kuleshov, Fenner & Ermon (2018), arXiv:1807.00263: isotonic.

    Examples
    --------
    >>> import numpy as np, pbnn
    >>> from pbnn import likelihoods
    >>> X = np.linspace(-1, 1, 60)[:, None]
    >>> y = X[:, 0] + 0.3 * np.random.default_rng(0).normal(size=60)
    >>> sure = pbnn.Network([], likelihoods.Gaussian(noise=0.1))
    >>> bnn = pbnn.build(sure, X[::2], y[::2])
    >>> idata = pbnn.fit(bnn, pbnn.MAP(starts=1), seed=1, progress=False)
    >>> better = pbnn.recalibrate(bnn, idata, X[1::2], y[1::2])
    >>> 2 < float(better["recalibration"]["factor"][0]) < 4
    True
    """
    if isinstance(bnn, Average):
        raise ModelError(
            "recalibrate: an average has no correction of its own; recalibrate each model, and average those."
        )
    kind = bnn.response.kind
    method = ("temperature" if kind == "classes" else "variance") if method is None else method
    _check(bnn.response, method)
    raw = without_recalibration(idata)
    if X_val is None or y_val is None:
        raise DataError("recalibrate: pass both X_val and y_val, data that the fit has not seen.")
    X, y = encode_both(bnn, X_val, y_val, "recalibrate", ("X_val", "y_val"))
    warn_if_seen(bnn, raw, X, y, "recalibrate", "what is learned is how it fits, and not how it predicts")
    rows, _ = rows_and_batches(bnn, raw, X_val, y_val, seed=seed, batches=False, where="recalibrate")
    n = rows.sizes["obs"]
    if n < FEWEST:
        raise DataError(f"recalibrate: needs at least {FEWEST} held-out rows, better hundreds; got {n}.")
    if kind == "classes":
        p, codes = rows["p"].to_numpy(), rows["observed_code"].to_numpy()
        if len(set(codes.tolist())) < 2:
            raise DataError("recalibrate: y_val has rows of one class only; take rows of the others too.")
        table = (
            _temperature(p, codes) if method == "temperature" else _isotonic_classes(p, codes, rows["class"])
        )
    else:
        table = _variance(rows) if "variance" in _fitting(bnn.response) else xr.Dataset()
        if method == "isotonic":
            if "factor" in table:
                stretched = _with(raw, table, "variance", n)
                rows = pointwise(bnn, stretched, X_val, y_val, seed=seed)
            table = table.assign(_isotonic_ranks(rows["pit"].to_numpy()))
    return _with(raw, table, method, n)


def _with(idata: xr.DataTree, table: xr.Dataset, method: str, n: int) -> xr.DataTree:
    tree = idata.copy()
    tree["recalibration"] = xr.DataTree(table.assign_attrs(method=method, n_obs=n))
    return tree


def without_recalibration(idata: xr.DataTree) -> xr.DataTree:
    """Return the fit as it was before `recalibrate`."""
    if not isinstance(idata, xr.DataTree):
        return idata  # what follows says what is wrong with it
    return idata.drop_nodes("recalibration", errors="ignore")


def _check(response: Response, method: str) -> None:
    if method not in get_args(Method):
        raise MethodError(unknown("recalibrate", "method", method, get_args(Method)))
    fitting = _fitting(response)
    if method not in fitting:
        can = (
            f"use {' or '.join(map(repr, fitting))}"
            if fitting
            else "there is none for it; see pbnn.conformal"
        )
        raise MethodError(
            f"recalibrate: method {method!r} is not made for {response.likelihood} here; {can}."
        )


def _fitting(response: Response) -> list[str]:
    if response.kind == "classes":
        return ["temperature", "isotonic"]
    if response.kind == "counts" or response.circular or response.censored:
        return []
    # A stretched distribution of positive numbers would reach below 0.
    stretchable = response.support.units == "shift and scale"
    return (["variance"] if stretchable else []) + (["isotonic"] if response.vector else [])


def _temperature(p: np.ndarray, codes: np.ndarray) -> xr.Dataset:
    def loss(log_t: float) -> float:
        moved = Recalibration("temperature", float(np.exp(log_t)), *3 * [np.empty(0)]).probabilities(p)
        return -float(np.log(np.maximum(moved[np.arange(len(p)), codes], np.finfo(float).tiny)).mean())

    best = float(minimize_scalar(loss, bounds=(-4, 4), method="bounded", options={"xatol": 1e-6}).x)
    step = 1e-2
    bend = (loss(best + step) - 2 * loss(best) + loss(best - step)) / step**2
    se = np.exp(best) / np.sqrt(len(p) * bend) if bend > 0 else np.nan
    return xr.Dataset({"temperature": np.exp(best), "temperature_se": se})


def _isotonic_classes(p: np.ndarray, codes: np.ndarray, labels: xr.DataArray) -> xr.Dataset:
    n, maps = len(p), []
    for code in range(p.shape[1]):
        # Rows of equal probability stand at one place, whatever order they come in.
        values, place, count = np.unique(p[:, code], return_inverse=True, return_counts=True)
        share = isotonic_regression(np.bincount(place, codes == code) / count, weights=count).x
        # No probability becomes 0 or 1: that is more than n rows can say (Laplace's rule of succession).
        share = np.clip(share, 1 / (n + 2), (n + 1) / (n + 2))
        edge = np.flatnonzero(np.diff(share) > 0)
        ends = np.unique(np.r_[0, edge, edge + 1, len(values) - 1])  # first and last value of each step
        maps.append((values[ends], share[ends]))
    most = max(len(before) for before, _ in maps)
    knots = np.array([[np.pad(part, (0, most - len(part)), "edge") for part in pair] for pair in maps])
    both = ("class", "knot")
    return xr.Dataset(
        {"before": (both, knots[:, 0]), "after": (both, knots[:, 1])}, coords={"class": labels.to_numpy()}
    )


def _variance(rows: xr.Dataset) -> xr.Dataset:
    square = (rows["standardized"] ** 2).to_numpy().reshape(rows.sizes["obs"], -1)
    factor = np.sqrt(square.mean(axis=0))
    se = square.std(axis=0, ddof=1) / np.sqrt(len(square)) / (2 * factor)
    return xr.Dataset({"factor": ("output", factor), "factor_se": ("output", se)})


def _isotonic_ranks(ranks: np.ndarray) -> xr.Dataset:
    """Return the distribution function of the ranks, which increases as it is, at a few knots."""
    knots = int(np.clip(len(ranks) // ROWS_A_KNOT, 2, MOST_KNOTS))
    after = np.linspace(0, 1, knots + 1)
    # A hundredth of the identity keeps knots apart, and so densities finite.
    before = 0.99 * np.r_[0.0, np.quantile(ranks, after[1:-1]), 1.0] + 0.01 * after
    return xr.Dataset({"before": ("knot", before), "after": ("knot", after)})
