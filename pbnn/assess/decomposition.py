"""Where uncertainty comes from: the weights (epistemic, shrinks with data) or the noise (aleatoric, does not)."""

from collections.abc import Callable, Sequence

import numpy as np
import xarray as xr
from scipy.special import entr

from pbnn.errors import DataError

SAMPLE_DIMS = ("chain", "draw")
STRETCHES = 8
"""Parts of the draws that are left out in turn, if there are fewer than 4 chains."""


def split_entropy(
    p: xr.DataArray,
    *,
    class_dim: str = "class",
    sample_dims: Sequence[str] = SAMPLE_DIMS,
    errors: bool = False,
) -> xr.Dataset:
    """Split the entropy of class probabilities into what the weights leave open and what the data do.

    Parameters
    ----------
    p
        Probabilities of classes for each draw of the weights.
    class_dim
        The dimension of the classes.
    sample_dims
        The dimensions of the draws.
    errors
        Also give `<name>_mcse`, the Monte Carlo error of each, by leaving out chains, or stretches of them, in turn
        (the jackknife); NaN for fewer than 4 draws. Needs the dims `chain` and `draw`.

    Returns
    -------
    xarray.Dataset
        `total`, the entropy of the mean of `p`; `aleatoric`, the mean of the entropies; `epistemic`, their
        difference: the mutual information of class and weights. In nats, over the remaining dimensions.

    Raises
    ------
    DataError
        If the probabilities of a draw do not sum to 1.

    References
    ----------
    Depeweg et al. (2018), Decomposition of uncertainty in Bayesian deep learning, arXiv:1710.07283.

    Examples
    --------
    >>> import xarray as xr
    >>> from pbnn.assess import split_entropy
    >>> sure_but_divided = xr.DataArray([[[1.0, 0.0], [0.0, 1.0]]], dims=("chain", "draw", "class"))
    >>> {name: round(float(part), 3) for name, part in split_entropy(sure_but_divided).items()}
    {'total': 0.693, 'aleatoric': 0.0, 'epistemic': 0.693}
    """
    _check_probabilities(p, class_dim)
    if errors:
        return jackknife(
            lambda p: split_entropy(p, class_dim=class_dim, sample_dims=sample_dims), p, modes=False
        )
    total = entropy(p.mean(sample_dims), class_dim)
    aleatoric = entropy(p, class_dim).mean(sample_dims)
    # Jensen's inequality makes the difference positive; rounding may not.
    epistemic = np.maximum(total - aleatoric, 0.0)
    return xr.Dataset(
        {"total": total, "aleatoric": aleatoric, "epistemic": epistemic}, attrs={"units": "nat"}
    )


def split_variance(
    mu: xr.DataArray,
    variance: xr.DataArray,
    *,
    sample_dims: Sequence[str] = SAMPLE_DIMS,
    errors: bool = False,
) -> xr.Dataset:
    """Split the variance of a response by the law of total variance.

    Parameters
    ----------
    mu, variance
        Mean and variance of the response for each draw of the weights, in the units of `y` and their square.
    sample_dims
        The dimensions of the draws.
    errors
        Also give `<name>_mcse`, as `split_entropy` does.

    Returns
    -------
    xarray.Dataset
        `aleatoric`, the mean of the variances; `epistemic`, the variance of the means; `total`, their sum. In squared
        units of `y`, over the remaining dimensions.

    Examples
    --------
    >>> import xarray as xr
    >>> from pbnn.assess import split_variance
    >>> mu = xr.DataArray([[0.0, 2.0]], dims=("chain", "draw"))
    >>> {name: float(part) for name, part in split_variance(mu, 0 * mu + 0.25).items()}
    {'total': 1.25, 'aleatoric': 0.25, 'epistemic': 1.0}
    """
    if errors:
        return jackknife(
            lambda mu, variance: split_variance(mu, variance, sample_dims=sample_dims),
            mu,
            variance,
            modes=False,
        )
    aleatoric, epistemic = variance.mean(sample_dims), mu.var(sample_dims)
    return xr.Dataset({"total": aleatoric + epistemic, "aleatoric": aleatoric, "epistemic": epistemic})


def split_modes(
    values: xr.DataArray, *, mode_dim: str = "chain", draw_dim: str = "draw", errors: bool = False
) -> xr.Dataset:
    """Split the variance of a prediction into that between modes of the posterior and that within them.

    Chains of a network often stay in the mode where they start, as members of an ensemble do. What lies between them
    is then known to as many draws as there are chains.

    Parameters
    ----------
    values
        A prediction for each draw of the weights, such as `mu` or `p`.
    mode_dim
        The dimension of the modes: chains, or members.
    draw_dim
        The dimension of the draws in each.
    errors
        Also give `<name>_mcse`, by leaving out each mode in turn (the jackknife): how well so few modes tell of all
        that the method would find; NaN for fewer than 3. Needs the dims `chain` and `draw`.

    Returns
    -------
    xarray.Dataset
        `within`, the mean of the variances in the modes; `between`, the variance of their means; `total`, their sum.
        In squared units of the values, over the remaining dimensions.

    Examples
    --------
    >>> import xarray as xr
    >>> from pbnn.assess import split_modes
    >>> mu = xr.DataArray([[0.0, 2.0], [4.0, 6.0]], dims=("chain", "draw"))
    >>> {name: float(part) for name, part in split_modes(mu).items()}
    {'total': 5.0, 'within': 1.0, 'between': 4.0}
    """
    if errors:
        return jackknife(
            lambda values: split_modes(values, mode_dim=mode_dim, draw_dim=draw_dim), values, modes=True
        )
    within, between = values.var(draw_dim).mean(mode_dim), values.mean(draw_dim).var(mode_dim)
    return xr.Dataset({"total": within + between, "within": within, "between": between})


def entropy(p: xr.DataArray, dim: str = "class") -> xr.DataArray:
    """Return the entropy of probabilities over a dim, in nats."""
    return xr.apply_ufunc(entr, p).sum(dim)


def _check_probabilities(p: xr.DataArray, dim: str) -> None:
    off = float(np.abs(p.sum(dim) - 1).max()) if p.size else 0.0
    if not (off < 1e-3 and float(p.min()) >= 0):
        raise DataError(
            f"split_entropy: probabilities must be >= 0 and sum to 1 over {dim!r}; some sum to 1 +- {off:.3g}, and the "
            f"least is {float(p.min()):.3g}."
        )


def jackknife(split: Callable[..., xr.Dataset], *values: xr.DataArray, modes: bool) -> xr.Dataset:
    """Return the parts with their Monte Carlo errors, by the jackknife over chains or stretches of them.

    With `modes`, over chains only.
    """
    for array in values:
        if not {"chain", "draw"} <= set(array.dims):
            raise DataError(f"errors=True needs the dims 'chain' and 'draw'; got {array.dims}.")
    chains, draws = values[0].sizes["chain"], values[0].sizes["draw"]
    dim, size = ("chain", chains) if modes or chains >= 4 else ("draw", draws)
    parts = np.array_split(np.arange(size), size if dim == "chain" else min(size, STRETCHES))
    table = split(*values)
    names = list(table.data_vars)
    if len(parts) < (3 if modes else 4):
        return table.assign({f"{name}_mcse": table[name] * np.nan for name in names})
    left = xr.concat(
        [split(*(v.drop_isel({dim: part}) for v in values)) for part in parts],
        "left_out",
        combine_attrs="drop",
    )
    spread = left.std("left_out") * np.sqrt(len(parts) - 1)
    return table.assign({f"{name}_mcse": spread[name] for name in names})
