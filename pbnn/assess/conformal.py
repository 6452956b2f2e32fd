"""`conformal`: intervals and sets with a guaranteed marginal coverage, around any fit."""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, floor
from typing import Any, Literal, final, get_args

import numpy as np
import xarray as xr

from pbnn.assess.rows import encode_both
from pbnn.assess.seen import warn_if_seen
from pbnn.errors import DataError, MethodError, count, of_estimator, unknown, warn
from pbnn.graph.build import BNN
from pbnn.predict.mixture import Average
from pbnn.predict.predictions import predict

Kind = Literal["split", "cv+", "jackknife+"]
Measure = Literal["standardized", "quantile", "absolute", "probability", "cumulative"]
Refit = Callable[[Any, Any], tuple[BNN, xr.DataTree]]
OF_NUMBERS, OF_CLASSES = ("standardized", "quantile", "absolute"), ("probability", "cumulative")


@final
@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Conformal:
    """Fits with the residuals of rows that they have not seen; call `predict` at new inputs.

    Attributes
    ----------
    fits
        Models and fits: one, or one for each fold.
    fold
        Of each residual `(row,)`, the number of the fit that has not seen its row.
    residuals
        `(row[, output])`: how far each response lies from what was predicted, by `measure`.
    measure, kind, level, seed
        As given to `conformal`.
    """

    fits: tuple[tuple[BNN | Average, xr.DataTree], ...]
    fold: np.ndarray
    residuals: np.ndarray
    measure: Measure
    kind: Kind
    level: float
    seed: int

    def __repr__(self) -> str:
        """Say in a line what it is: the residuals and fits would fill the screen."""
        return (
            f"Conformal({self.kind}, {self.measure}, level={self.level:g}, from {count(len(self.residuals), 'row')}; "
            "call predict(X))"
        )

    def predict(self, X: Any) -> xr.Dataset:
        """Return intervals or sets at inputs `(obs, feature)`.

        Returns
        -------
        xarray.Dataset
            Numbers: `lower` and `upper` `(obs[, output])`, in the units of `y`, for each output by itself; infinite
            where the rows are too few for the level. Classes: `contains` `(obs, class)`, whether a class belongs to
            the set, and `size` `(obs,)`; a set may be empty. attrs: `level`; `coverage_at_least` and
            `coverage_at_most`, the bounds of the marginal coverage that hold for exchangeable rows (the upper one, of
            split, for responses without ties; NaN of the others), and `n_calibration`.
        """
        bnn = self.fits[0][0]
        if bnn.response.kind == "classes":
            table = self._sets(X)
        else:
            table = self._split(X) if self.kind == "split" else self._plus(X)
            if bnn.response.kind == "counts":
                table = xr.Dataset({"lower": np.ceil(table["lower"]), "upper": np.floor(table["upper"])})
        for name, words in _WORDS.items():
            if name in table:
                units = "y" if name in ("lower", "upper") else "1"
                table[name] = table[name].assign_attrs(long_name=words, units=units)
        return table.assign_attrs(self._guarantee())

    def _guarantee(self) -> dict[str, Any]:
        n, miss = len(self.residuals), 1 - self.level
        if self.kind == "split":
            least, most = self.level, min(1.0, self.level + 1 / (n + 1))
        else:
            folds = len(self.fits)
            # Barber et al. (2021), theorems 1 and 4.
            excess = min(2 * (1 - 1 / folds) / (n / folds + 1), (1 - folds / n) / (folds + 1))
            least, most = max(0.0, 1 - 2 * miss - excess), float("nan")
        return {
            "kind": self.kind,
            "measure": self.measure,
            "level": self.level,
            "coverage_at_least": least,
            "coverage_at_most": most,
            "n_calibration": n,
        }

    def _threshold(self) -> np.ndarray:
        """Return the residual `([output])` that a new one exceeds with probability `1 - level` at most."""
        n = len(self.residuals)
        k = ceil((n + 1) * self.level - 1e-9)
        if k > n:
            return np.full(self.residuals.shape[1:], np.inf)
        return np.sort(self.residuals, axis=0)[k - 1]

    def _split(self, X: Any) -> xr.Dataset:
        pred, threshold = _summary(*self.fits[0], X, self.level, self.seed), self._threshold()
        if self.measure == "quantile":
            low, high = (pred["quantiles"].isel(quantile=i, drop=True) for i in (0, 1))
            return xr.Dataset({"lower": low - threshold, "upper": high + threshold})
        reach = threshold * (pred["sd"] if self.measure == "standardized" else 1.0)
        return xr.Dataset({"lower": pred["mean"] - reach, "upper": pred["mean"] + reach})

    def _plus(self, X: Any) -> xr.Dataset:
        n = len(self.residuals)
        preds = [_summary(*fit, X, self.level, self.seed) for fit in self.fits]
        like = preds[0]["mean"]
        mean = np.stack([p["mean"].to_numpy() for p in preds])
        sd = (
            np.stack([p["sd"].to_numpy() for p in preds])
            if self.measure == "standardized"
            else np.ones_like(mean)
        )
        lower, upper = np.empty(mean.shape[1:]), np.empty(mean.shape[1:])
        low, high = floor((n + 1) * (1 - self.level) + 1e-9), ceil((n + 1) * self.level - 1e-9)
        for row in range(mean.shape[1]):  # all residuals at one new row at a time
            centre, reach = mean[self.fold, row], self.residuals * sd[self.fold, row]
            lower[row] = np.sort(centre - reach, axis=0)[low - 1] if low >= 1 else -np.inf
            upper[row] = np.sort(centre + reach, axis=0)[high - 1] if high <= n else np.inf
        return xr.Dataset({"lower": like.copy(data=lower), "upper": like.copy(data=upper)})

    def _sets(self, X: Any) -> xr.Dataset:
        preds = [_summary(*fit, X, self.level, self.seed)["p"] for fit in self.fits]
        n = len(self.residuals)
        need = ceil((n + 1) * self.level - 1e-9)
        u = np.random.default_rng([self.seed, 1]).uniform(size=(preds[0].sizes["obs"], 1))
        distance = np.stack([_class_residuals(p.to_numpy(), u, self.measure) for p in preds])
        if self.kind == "split":
            contains = distance[0] <= self._threshold()
        else:
            # A class stays unless too many rows lie closer to their own prediction (Romano, Sesia & Candes 2020).
            closer = np.zeros(distance.shape[1:], dtype=int)
            for fold, residual in zip(self.fold, self.residuals, strict=True):
                closer += residual < distance[fold]
            contains = closer < need
        table = xr.Dataset({"contains": preds[0].copy(data=contains)})
        return table.assign(size=table["contains"].sum("class"))


_WORDS = {
    "lower": "lower bound of the conformal interval",
    "upper": "upper bound of the conformal interval",
    "contains": "whether the conformal set contains the class",
    "size": "number of classes in the conformal set",
}


def conformal(
    bnn: BNN | Average,
    idata: xr.DataTree | None,
    X_cal: Any,
    y_cal: Any,
    *,
    level: float = 0.9,
    kind: Kind = "split",
    measure: Measure | None = None,
    refit: Refit | None = None,
    folds: int = 10,
    seed: int = 0,
) -> Conformal:
    """Make intervals or sets that contain a new response with a probability of `level`, whatever the model is worth.

    The probability is marginal: over new rows and calibration rows together, if these are exchangeable. It says nothing
    of a single input or a subgroup (see `pbnn.assess.by_group`), and does not hold where the data shift.

    Parameters
    ----------
    bnn, idata
        The model and its fit. `"cv+"` and `"jackknife+"` fit afresh, and take `idata=None`.
    X_cal, y_cal
        Inputs `(obs, feature)` and responses: for `"split"` those that the fit has not seen, else those to fit to.
    level
        The probability.
    kind
        `"split"` compares the fit with rows that it has not seen. `"cv+"` fits to all rows but those of each of
        `folds` folds, and compares each fit with the rows left out, so that no row is lost; `"jackknife+"` leaves out
        one row at a time. These guarantee about `1 - 2 * (1 - level)`, and give about `level`.
    measure
        How far a response is from its prediction. Numbers: `"standardized"`, in predictive standard deviations (the
        default: intervals are as wide as the model is unsure); `"quantile"`, beyond the predictive interval (of split
        only); `"absolute"`, from the mean, in the units of `y`. Classes: `"probability"`, one minus that of the class
        (the default: the smallest sets); `"cumulative"`, the probability of all more probable classes and a random
        share of its own, which makes coverage more even over inputs.
    refit
        For `"cv+"` and `"jackknife+"`: a function `(X, y) -> (bnn, idata)`.
    folds
        Of `"cv+"`.
    seed
        Of the draws of the response, the folds, and the random shares.

    Returns
    -------
    Conformal
        Its method `predict(X)` gives a Dataset of intervals or sets, with the guaranteed coverage in attrs.

    Raises
    ------
    MethodError
        If an option makes no sense, or `refit` is missing.
    DataError
        If the response is an angle or times known in part, or there are too few rows.

    References
    ----------
    Vovk, Gammerman & Shafer (2005), 10.1007/b106715. Lei et al. (2018), 10.1080/01621459.2017.1307116: split. Barber et
    al. (2021), 10.1214/20-AOS1965: jackknife+ and CV+. Romano, Patterson & Candes (2019), arXiv:1905.03222: quantile.
    Sadinle, Lei & Wasserman (2019), 10.1080/01621459.2017.1395341, and Romano, Sesia & Candes (2020), arXiv:2006.02544:
    sets of classes.

    Examples
    --------
    >>> import numpy as np, pbnn
    >>> from pbnn import likelihoods
    >>> rng = np.random.default_rng(0)
    >>> X = rng.uniform(-1, 1, size=(200, 1))
    >>> y = X[:, 0] + 0.3 * rng.normal(size=200)
    >>> net = pbnn.Network([], likelihoods.Gaussian(noise=0.01))  # far too sure
    >>> bnn = pbnn.build(net, X[:100], y[:100])
    >>> idata = pbnn.fit(bnn, "laplace", seed=1, progress=False)
    >>> bands = pbnn.conformal(bnn, idata, X[100:], y[100:], level=0.9).predict(np.array([[0.0], [0.5]]))
    >>> dict(bands.sizes), bands.attrs["coverage_at_least"]
    ({'obs': 2}, 0.9)
    """
    if kind not in get_args(Kind):
        raise MethodError(unknown("conformal", "kind", kind, get_args(Kind)))
    if not isinstance(bnn, BNN | Average):
        raise MethodError(
            f"conformal: the first argument must be a BNN (pbnn.build) or an average; got {type(bnn).__name__}."
            f"{of_estimator(bnn)}"
        )
    if not 0 < level < 1:
        raise MethodError(f"conformal: level must lie between 0 and 1; got {level!r}.")
    measure = _choose(bnn, measure, kind)
    inputs, y = encode_both(bnn, X_cal, y_cal, "conformal", ("X_cal", "y_cal"))
    n = len(y)
    if n < 2:
        raise DataError(f"conformal: X_cal has {count(n, 'row')}; 2 are needed at least, better hundreds.")
    if bnn.response.kind == "classes" and len(np.unique(y)) < 2:
        warn(
            "conformal: y_cal has rows of one class only, so the sets promise nothing for rows of the others; take "
            "rows of these too."
        )
    if kind == "split":
        if idata is None:
            raise MethodError("conformal: kind='split' needs the fit; pass idata.")
        warn_if_seen(bnn, idata, inputs, y, "conformal", "new ones will lie outside more often than promised")
        fits, fold = ((bnn, idata),), np.zeros(n, dtype=int)
    else:
        fits, fold = _refits(X_cal, y_cal, n if kind == "jackknife+" else folds, n, refit, seed)
    found: np.ndarray | None = None
    for number, fit in enumerate(fits):
        rows = np.flatnonzero(fold == number)
        here = _residuals(*fit, _take(X_cal, rows), _take(y_cal, rows), rows, measure, level, seed)
        found = np.empty((n, *here.shape[1:])) if found is None else found
        found[rows] = here
    if ceil((n + 1) * level - 1e-9) > n:
        warn(
            f"conformal: {n} rows are too few for level={level:g}, so everything is inside; "
            f"take {ceil(level / (1 - level) - 1e-9)}."
        )
    return Conformal(tuple(fits), fold, found, measure, kind, float(level), seed)


def _choose(bnn: BNN | Average, measure: Measure | None, kind: Kind) -> Measure:
    response = bnn.response
    if response.censored or response.circular:
        what = "times known in part" if response.censored else "angles"
        raise DataError(
            f"conformal: there are no intervals around {what}; use a response of plain numbers or labels."
        )
    fitting = OF_CLASSES if response.kind == "classes" else OF_NUMBERS
    measure = fitting[0] if measure is None else measure
    if measure not in fitting:
        raise MethodError(unknown("conformal", f"measure of {response.kind}", measure, fitting))
    if measure == "quantile" and kind != "split":
        raise MethodError(f"conformal: measure='quantile' is of kind='split' only; got kind={kind!r}.")
    return measure


def _refits(X: Any, y: Any, folds: int, n: int, refit: Refit | None, seed: int) -> tuple[list, np.ndarray]:
    if refit is None:
        raise MethodError(
            "conformal: cv+ and jackknife+ fit again; pass refit, a function (X, y) -> (bnn, idata), such as one that "
            "calls pbnn.build and pbnn.fit."
        )
    if not 2 <= folds <= n:
        raise MethodError(f"conformal: folds must lie between 2 and the number of rows, {n}; got {folds}.")
    fold = np.random.default_rng([seed, 2]).permutation(np.arange(n) % folds)
    kept = (np.flatnonzero(fold != number) for number in range(folds))
    return [refit(_take(X, rows), _take(y, rows)) for rows in kept], fold


def _residuals(
    bnn: BNN | Average,
    idata: xr.DataTree,
    X: Any,
    y: Any,
    rows: np.ndarray,
    measure: Measure,
    level: float,
    seed: int,
) -> np.ndarray:
    pred, y = _summary(bnn, idata, X, level, seed), bnn.response.encode(y, "conformal")
    if measure in OF_CLASSES:
        u = np.random.default_rng([seed, 3]).uniform(size=rows.max() + 1)[rows, None]
        return _class_residuals(pred["p"].to_numpy(), u, measure)[np.arange(len(y)), y.astype(int)]
    if measure == "quantile":
        low, high = pred["quantiles"].to_numpy()
        return np.maximum(low - y, y - high)
    away = np.abs(y - pred["mean"].to_numpy())
    return away / pred["sd"].to_numpy() if measure == "standardized" else away


def _class_residuals(p: np.ndarray, u: np.ndarray, measure: Measure) -> np.ndarray:
    """Return how far each class `(obs, class)` is from the prediction; `u` `(obs, 1)` is uniform."""
    if measure == "probability":
        return 1 - p
    order = np.argsort(-p, axis=1, kind="stable")
    ordered = np.take_along_axis(p, order, axis=1)
    found = np.empty_like(p, dtype=float)
    np.put_along_axis(found, order, ordered.cumsum(axis=1) - (1 - u) * ordered, axis=1)
    return found


def _summary(bnn: BNN | Average, idata: xr.DataTree, X: Any, level: float, seed: int) -> xr.Dataset:
    tails = ((1 - level) / 2, (1 + level) / 2)
    return predict(bnn, idata, X, seed=seed, kind="summary", quantiles=tails)["predictions"].to_dataset()


def _take(values: Any, rows: np.ndarray) -> Any:
    """Return some rows of anything that `build` takes."""
    if isinstance(values, xr.DataArray):
        return values.isel({values.dims[0]: rows})
    return values.iloc[rows] if hasattr(values, "iloc") else np.asarray(values)[rows]
