"""What many draws say of one row: mean, spread and its two sources, quantiles. NumPy only; draws come first."""

from collections.abc import Sequence

import numpy as np
from scipy.special import entr

from pbnn.predict.angles import around, mean_direction


def summarize_numbers(
    y: np.ndarray,
    mu: np.ndarray,
    variance: np.ndarray,
    quantiles: Sequence[float],
    *,
    circular: bool = False,
) -> dict[str, np.ndarray]:
    """Summarise a numeric response; all arrays are `(draw, obs, ...)`.

    The law of total variance splits the predictive variance: that of `mu` over draws of the weights is epistemic, the
    mean of the response's own variance is aleatoric. Angles are laid out around the mean direction of `y` first, so
    that quantiles may lie beyond +-pi.
    """
    if circular:
        centre = mean_direction(y)
        y, mu = around(y, centre), around(mu, centre)
    epistemic = mu.var(axis=0, dtype=np.float64)
    aleatoric = variance.mean(axis=0, dtype=np.float64)
    whole = np.issubdtype(y.dtype, np.integer)
    return {
        "mean": mu.mean(axis=0, dtype=np.float64),
        "sd": np.sqrt(epistemic + aleatoric),
        "epistemic_sd": np.sqrt(epistemic),
        "aleatoric_sd": np.sqrt(aleatoric),
        "quantiles": quantiles_over_draws(y, quantiles, method="inverted_cdf" if whole else "linear"),
        "mu_quantiles": quantiles_over_draws(mu, quantiles),
    }


def summarize_classes(p: np.ndarray, quantiles: Sequence[float]) -> dict[str, np.ndarray]:
    """Summarise class probabilities `(draw, obs, class)`; entropies are in nats.

    The entropy of the mean splits into the mean entropy of the draws, which is aleatoric, and the mutual information
    between response and weights, which is epistemic (Depeweg et al. 2018, arXiv:1710.07283).
    """
    mean = p.mean(axis=0, dtype=np.float64)
    mean /= mean.sum(axis=-1, keepdims=True)
    total = entr(mean).sum(axis=-1)
    aleatoric = entr(p).sum(axis=-1).mean(axis=0, dtype=np.float64)
    aleatoric = np.minimum(aleatoric, total)  # it is smaller, up to rounding
    return {
        "p": mean,
        "entropy": total,
        "aleatoric_entropy": aleatoric,
        "epistemic_entropy": total - aleatoric,
        "p_quantiles": quantiles_over_draws(p, quantiles),
    }


def quantiles_over_draws(
    values: np.ndarray, quantiles: Sequence[float], method: str = "linear"
) -> np.ndarray:
    """Return quantiles `(quantile, obs, ...)` over the first axis.

    NumPy sorts contiguous rows with vector instructions: three times faster than its own selection.
    """
    if not len(quantiles):
        return np.empty((0, *values.shape[1:]))
    rows = np.sort(np.moveaxis(values, 0, -1).copy(), axis=-1)
    return np.quantile(rows, quantiles, axis=-1, method=method)
