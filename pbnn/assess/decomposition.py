"""Where uncertainty comes from: the weights (epistemic, shrinks with data) or the noise (aleatoric, does not)."""

from collections.abc import Sequence

import xarray as xr

SAMPLE_DIMS = ("chain", "draw")


def split_entropy(
    p: xr.DataArray, *, class_dim: str = "class", sample_dims: Sequence[str] = SAMPLE_DIMS
) -> xr.Dataset:
    """Split the entropy of class probabilities.

    Returns
    -------
    xarray.Dataset
        `total`, `aleatoric`, `epistemic` (the mutual information of class and weights), in nats.
    """
    raise NotImplementedError


def split_variance(
    mu: xr.DataArray, variance: xr.DataArray, *, sample_dims: Sequence[str] = SAMPLE_DIMS
) -> xr.Dataset:
    """Split the variance of a response, given its mean and variance for each draw of the weights.

    Returns
    -------
    xarray.Dataset
        `total`, `aleatoric`, `epistemic`, variances in squared units of the response.
    """
    raise NotImplementedError
