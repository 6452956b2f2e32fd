"""Are probabilities and intervals what they say? Tables made of `pointwise`."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from arviz_stats.base import array_stats
from scipy import stats

from pbnn.errors import DataError, unknown
from pbnn.graph.labels import Label

MOST_BINS = 50
"""Of the sweep: where all rows are alike, frequencies never decrease."""
BAND = 0.95
"""Probability that a table's `lower` and `upper` enclose, point by point."""


def reliability(rows: xr.Dataset, *, label: Label | None = None, bins: int | None = None) -> xr.Dataset:
    """Compare predicted probabilities with observed frequencies, in bins of about equal counts.

    Parameters
    ----------
    rows
        From `pointwise`, of a classifier.
    label
        A class: its probability against how often it occurs. None: the probability of the predicted class against
        how often it is right.
    bins
        At most this many bins; None: one for every 20 rows, and at most 15. Equal probabilities share a bin.

    Returns
    -------
    xarray.Dataset
        By `bin`: `predicted` (mean probability), `observed` (frequency), `count`, and `lower`, `upper`: where the
        frequency would lie with probability 0.95 if the probabilities were right; `lower_all`, `upper_all`: the same
        for all bins together. Scalars `ece`, the expected calibration error (mean absolute gap, weighted by counts),
        `ece_se`, its standard error given the bins, `ece_if_calibrated`: what it would be by chance alone, as it is
        never 0 in finite data, and `ece_limit`, what it then exceeds once in a hundred times at most (three standard
        deviations of what chance gives); `ece_debiased`, less what the scatter of the frequencies adds to it; and
        `ece_sweep`, in as many bins of equal counts, 50 at most, as leave the frequencies increasing. attrs: `bins`.

    Raises
    ------
    DataError
        If the rows are not those of a classifier, or `label` is none of its classes.

    References
    ----------
    Guo et al. (2017), On calibration of modern neural networks, arXiv:1706.04599. Roelofs et al. (2022), Mitigating
    bias in calibration error estimation, arXiv:2012.08668: bins of equal counts, and the sweep. Kumar, Liang & Ma
    (2019), Verified uncertainty calibration, arXiv:1909.10155: the debiased error, by a normal approximation.
    """
    p, hit = _probability(rows, label)
    n = len(p)
    bins = min(15, max(1, n // 20)) if bins is None else bins
    bin_of, count, predicted, observed = _binned(p, hit, bins)
    gap = observed - predicted
    spread = np.sqrt(np.bincount(bin_of, p * (1 - p))) / count
    lower, upper = stats.binom.interval(BAND, count, np.clip(predicted, 0, 1))
    # Frequencies of different bins are independent, so the bands of all together are Sidak's.
    lower_all, upper_all = stats.binom.interval(BAND ** (1 / len(count)), count, np.clip(predicted, 0, 1))
    # |gap| of a bin is the mean of these over its rows, so their mean over all rows is the ECE.
    signed = np.sign(gap)[bin_of] * (hit - p)
    by_chance = np.sqrt(2 / np.pi) * (count * spread).sum() / n
    by_bin = {
        "predicted": predicted,
        "observed": observed,
        "count": count,
        "lower": lower / count,
        "upper": upper / count,
        "lower_all": lower_all / count,
        "upper_all": upper_all / count,
    }
    return xr.Dataset(
        {
            **{name: ("bin", values) for name, values in by_bin.items()},
            "ece_debiased": _debiased(gap, observed, count),
            "ece_sweep": _sweep(p, hit),
            "ece": signed.mean(),
            "ece_se": signed.std(ddof=1) / np.sqrt(n) if n > 1 else np.nan,
            "ece_if_calibrated": by_chance,
            "ece_limit": by_chance + 3 * np.sqrt((1 - 2 / np.pi) * ((count * spread) ** 2).sum()) / n,
        },
        attrs={"bins": len(count)},
    )


def _binned(
    p: np.ndarray, hit: np.ndarray, bins: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return the bin of each row, and of each bin its count, mean probability and frequency."""
    inner = np.unique(np.quantile(p, np.linspace(0, 1, bins + 1)[1:-1]))
    # A bin holds its upper edge; empty ones go.
    _, bin_of, count = np.unique(np.searchsorted(inner, p), return_inverse=True, return_counts=True)
    return bin_of, count, np.bincount(bin_of, p) / count, np.bincount(bin_of, hit) / count


def _debiased(gap: np.ndarray, observed: np.ndarray, count: np.ndarray) -> float:
    """Return the mean absolute gap less what it grows by if frequencies scatter about those observed."""
    ece = np.abs(gap) @ count
    # Laplace's rule keeps the scatter of a bin of hits alone above 0.
    share = (observed * count + 1) / (count + 2)
    spread = np.sqrt(share * (1 - share) / count)
    grown = (spread * np.sqrt(2 / np.pi) * np.exp(-((gap / spread) ** 2) / 2)) + gap * (
        1 - 2 * stats.norm.cdf(-gap / spread)
    )
    return float(max(2 * ece - grown @ count, 0.0) / count.sum())


def _sweep(p: np.ndarray, hit: np.ndarray) -> float:
    """Return the error in the most bins of equal counts whose frequencies increase (Roelofs et al. 2022)."""
    best = 1
    for bins in range(2, min(len(p), MOST_BINS) + 1):
        if (np.diff(_binned(p, hit, bins)[3]) < 0).any():
            break
        best = bins
    _, count, predicted, observed = _binned(p, hit, best)
    return float(np.abs(observed - predicted) @ count / len(p))


def class_calibration(rows: xr.Dataset, *, bins: int | None = None) -> xr.Dataset:
    """Compare the predicted probability of each class with how often it occurs.

    Parameters
    ----------
    rows
        From `pointwise`, of a classifier.
    bins
        Of equal counts, and so adaptive; see `reliability`.

    Returns
    -------
    xarray.Dataset
        By `class`: `count` of its rows, `ece`, `ece_se`, `ece_if_calibrated`, `ece_limit`, `ece_debiased`,
        `ece_sweep`; scalars `mean_ece`, `mean_ece_debiased` and `mean_ece_if_calibrated` over classes: the class-wise
        error.

    References
    ----------
    Kull et al. (2019), Beyond temperature scaling, arXiv:1910.12656: class-wise. Nixon et al. (2019), Measuring
    calibration in deep learning, arXiv:1904.01685: adaptive bins.
    """
    _need(rows, "classes", "class_calibration")
    labels = rows["class"].to_numpy()
    names = ("ece", "ece_se", "ece_if_calibrated", "ece_limit", "ece_debiased", "ece_sweep")
    found = [reliability(rows, label=label, bins=bins)[list(names)] for label in labels.tolist()]
    table = xr.concat(found, "class", combine_attrs="drop").assign_coords({"class": labels})
    table["count"] = ("class", np.bincount(rows["observed_code"].to_numpy(), minlength=len(labels)))
    for name in ("ece", "ece_debiased", "ece_if_calibrated"):
        table[f"mean_{name}"] = table[name].mean("class")
    for name in table.data_vars:
        about = "number of rows" if name == "count" else f"{str(name).replace('_', ' ')}, class by class"
        table[name].attrs = {"long_name": about, "units": "1"}
    return table


def confusion(rows: xr.Dataset) -> xr.Dataset:
    """Count predicted against observed classes.

    Parameters
    ----------
    rows
        From `pointwise`, of a classifier.

    Returns
    -------
    xarray.Dataset
        `count`, and `share` of the observed class (NaN if it never occurs), `(observed_class, predicted_class)`.
    """
    _need(rows, "classes", "confusion")
    labels = rows["class"].to_numpy()
    count = np.zeros((len(labels), len(labels)), dtype=int)
    np.add.at(count, (rows["observed_code"].to_numpy(), rows["predicted_code"].to_numpy()), 1)
    table = xr.Dataset(
        {"count": (("observed_class", "predicted_class"), count)},
        coords={"observed_class": labels, "predicted_class": labels},
    )
    total = table["count"].sum("predicted_class")
    table["share"] = table["count"] / total.where(total > 0)
    return table


def coverage(rows: xr.Dataset, levels: Sequence[float] | None = None) -> xr.Dataset:
    """Share of observations within central intervals, level by level.

    Parameters
    ----------
    rows
        From `pointwise`, of a regression or of counts.
    levels
        Probabilities of the intervals; 0.05, 0.10, ..., 0.95 if None.

    Returns
    -------
    xarray.Dataset
        By `level` (and `output`): `coverage`, and `lower`, `upper`: where it would lie with probability 0.95 if the
        predictions were right. By randomised ranks, so counts too should cover `level`.
    """
    _need(rows, "numbers", "coverage")
    levels = np.arange(1, 20) / 20 if levels is None else np.asarray(levels, dtype=float)
    level = xr.DataArray(levels, dims="level", coords={"level": levels})
    n = rows.sizes["obs"]
    lower, upper = stats.binom.interval(BAND, n, levels)
    inside = 2 * np.abs(rows["pit"] - 0.5) <= level
    return xr.Dataset(
        {
            "coverage": inside.mean("obs").transpose("level", ...),
            "lower": ("level", lower / n),
            "upper": ("level", upper / n),
        }
    )


def pit_histogram(rows: xr.Dataset, *, bins: int = 20) -> xr.Dataset:
    """Histogram of probability integral transforms: flat if the predictive distributions are right.

    Parameters
    ----------
    rows
        From `pointwise`, of a regression or of counts.
    bins
        Number of bins.

    Returns
    -------
    xarray.Dataset
        By `bin` (and `output`): `count`, `density`; `left`, `right`, the edges; `lower`, `upper`: where the density of
        a bin would lie with probability 0.95. Scalars (by `output`): `p_value` of uniformity (NaN for fewer than 20
        rows), and `shape` in words: what the predictive distributions are, "about right", "too narrow", "too wide",
        "too low" or "too high".
    """
    _need(rows, "numbers", "pit_histogram")
    edges = np.linspace(0, 1, bins + 1)
    pit, n = rows["pit"].transpose("obs", ...), rows.sizes["obs"]

    def by_output(function, *new_dims: str) -> xr.DataArray:
        return xr.apply_ufunc(
            function, pit, input_core_dims=[["obs"]], output_core_dims=[list(new_dims)], vectorize=True
        )

    count = by_output(lambda u: np.histogram(u, edges)[0], "bin").transpose("bin", ...)
    lower, upper = stats.binom.interval(BAND, n, 1 / bins)
    return xr.Dataset(
        {
            "count": count,
            "density": count * bins / n,
            "left": ("bin", edges[:-1]),
            "right": ("bin", edges[1:]),
            "lower": lower * bins / n,
            "upper": upper * bins / n,
            "p_value": by_output(_uniformity),
            "shape": by_output(_shape),
        }
    )


def _uniformity(pit: np.ndarray) -> float:
    return float(array_stats.uniformity_test(pit)[0]) if len(pit) >= 20 else np.nan


def _shape(pit: np.ndarray) -> str:
    """Say in words how ranks depart from uniform, by their mean and spread, at the 1 % level each."""
    n, centred = len(pit), pit - 0.5
    spread = (np.mean(centred**2) - 1 / 12) * np.sqrt(180 * n)
    shift = np.mean(centred) * np.sqrt(12 * n)
    if max(abs(spread), abs(shift)) < stats.norm.isf(0.005):
        return "about right"
    if abs(spread) > abs(shift):
        return "too narrow" if spread > 0 else "too wide"
    return "too low" if shift > 0 else "too high"


def _probability(rows: xr.Dataset, label: Label | None) -> tuple[np.ndarray, np.ndarray]:
    _need(rows, "classes", "reliability")
    if label is None:
        return rows["confidence"].to_numpy(), rows["correct"].to_numpy()
    labels = rows["class"].to_numpy().tolist()
    if label not in labels:
        raise DataError(unknown("reliability", "class", label, map(str, labels)))
    code = labels.index(label)
    return rows["p"].to_numpy()[:, code], (rows["observed_code"].to_numpy() == code).astype(float)


def _need(rows: xr.Dataset, kind: str, where: str) -> None:
    if ("p" in rows) != (kind == "classes"):
        wanted = "a classifier" if kind == "classes" else "a regression or of counts"
        raise DataError(f"{where}: needs the rows (pbnn.assess.pointwise) of {wanted}.")
