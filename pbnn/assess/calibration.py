"""Are probabilities and intervals what they say? Tables made of `pointwise`."""

from collections.abc import Sequence

import xarray as xr


def reliability(rows: xr.Dataset, *, label: object = None, bins: int = 10) -> xr.Dataset:
    """Compare predicted probabilities with observed frequencies, in bins of equal counts.

    Parameters
    ----------
    rows
        From `pointwise`, of a classifier.
    label
        A class: its probability against how often it occurs. None: the probability of the predicted class against
        how often it is right.
    bins
        At most this many bins.

    Returns
    -------
    xarray.Dataset
        By `bin`: `predicted` (mean probability), `observed` (frequency), `count`, and `lower`, `upper`: where the
        frequency would lie with probability 0.95 if the probabilities were right. attrs: `ece`, `bins`.
    """
    raise NotImplementedError


def confusion(rows: xr.Dataset) -> xr.Dataset:
    """Count predicted against observed classes.

    Returns
    -------
    xarray.Dataset
        `count` and `share` (of the row) `(observed_class, predicted_class)`.
    """
    raise NotImplementedError


def coverage(rows: xr.Dataset, levels: Sequence[float] | None = None) -> xr.Dataset:
    """Share of observations within central intervals, level by level.

    Returns
    -------
    xarray.Dataset
        By `level`: `coverage` and `lower`, `upper`: where it would lie with probability 0.95 if the predictions were
        right. Without `levels`: 0.05, 0.10, ..., 0.95.
    """
    raise NotImplementedError


def pit_histogram(rows: xr.Dataset, *, bins: int = 20) -> xr.Dataset:
    """Histogram of probability integral transforms: flat if the predictive distributions are right.

    Returns
    -------
    xarray.Dataset
        By `bin`: `left`, `right` (edges), `count`, `density`, and `lower`, `upper`: where the density of each bin
        would lie with probability 0.95. attrs: `p_value` of uniformity, `shape` in words ("too narrow", "too wide",
        "too low", "too high", "about right").
    """
    raise NotImplementedError
