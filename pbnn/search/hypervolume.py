"""The volume of what is worse than a set of compromises, and what of the rest a new point is expected to add.

Everything is maximised. What no point of the front dominates is cut into boxes without overlap; in each the expected
gain is a product over objectives, so that it is exact for independent Gaussians, in any number of objectives.
"""

from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np

from pbnn.search.improvement import log_ei_between

MAX_BOXES = 2048
"""More, from many objectives, take longer than they gain: the front is thinned first."""


def pareto(y: np.ndarray) -> np.ndarray:
    """Return which rows of `y` `(n, k)` no other row dominates, `(n,)`; of equal rows the first.

    Examples
    --------
    >>> pareto(np.array([[0.0, 1.0], [1.0, 0.0], [0.0, 0.0], [1.0, 0.0]]))
    array([ True,  True, False, False])
    """
    better = (y[:, None] >= y[None]).all(-1) & (y[:, None] > y[None]).any(-1)
    equal = (y[:, None] == y[None]).all(-1) & (np.arange(len(y))[:, None] < np.arange(len(y)))
    return ~(better | equal).any(0)


def hypervolume(y: np.ndarray, reference: np.ndarray) -> float:
    """Return the volume that rows of `y` `(n, k)` dominate above `reference` `(k,)`.

    Examples
    --------
    >>> hypervolume(np.array([[1.0, 2.0], [2.0, 1.0]]), np.zeros(2))
    3.0
    """
    y = y[(y > reference).all(1)]
    if len(y) == 0:
        return 0.0
    if len(reference) == 1:
        return float(y.max() - reference[0])
    order = np.sort(np.unique(y[:, -1]))
    steps = np.diff(np.concatenate([reference[-1:], order]))
    return float(
        sum(
            h * hypervolume(y[y[:, -1] >= top, :-1], reference[:-1])
            for top, h in zip(order, steps, strict=True)
        )
    )


def boxes(front: np.ndarray, reference: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cut what `front` leaves undominated above `reference` into boxes.

    Parameters
    ----------
    front
        `(n, k)`; rows that others dominate, or that do not reach above `reference`, do not matter.
    reference
        `(k,)`: where volume begins to count.

    Returns
    -------
    lower, upper
        `(b, k)` each: corners of boxes that do not overlap and together are the whole; `upper` may be infinite. With so
        many objectives that there would be more than `MAX_BOXES`, those of a thinned front: the points kept are those
        that lie furthest from each other.

    References
    ----------
    Couckuyt, Deschrijver & Dhaene (2014), Fast calculation of multiobjective probability of improvement and expected
    improvement criteria for Pareto optimization, 10.1007/s10898-013-0118-2, cut boxes for the same purpose; so do
    Yang, Emmerich, Deutz & Bäck (2019), arXiv:1904.12672, with fewer of them.
    """
    front = front[(front > reference).all(1)]
    front = front[pareto(front)] if len(front) else front
    k = len(reference)
    keep = max(int(MAX_BOXES ** (1 / max(k - 1, 1))), 2)
    lower, upper = _slices(_spread(front, keep), reference)
    return np.array(lower).reshape(-1, k), np.array(upper).reshape(-1, k)


def _slices(front: np.ndarray, reference: np.ndarray) -> tuple[list, list]:
    if len(reference) == 1:
        return [[max(front[:, 0].max(initial=-np.inf), reference[0])]], [[np.inf]]
    edges = np.concatenate([reference[-1:], np.unique(front[:, -1]), [np.inf]])
    lower: list = []
    upper: list = []
    for low, high in pairwise(edges):
        below = front[front[:, -1] > low, :-1]  # these dominate the slice from `low` to `high`
        for a, b in zip(*_slices(below, reference[:-1]), strict=True):
            lower.append([*a, low])
            upper.append([*b, high])
    return lower, upper


def _spread(front: np.ndarray, keep: int) -> np.ndarray:
    if len(front) <= keep:
        return front
    scaled = (front - front.min(0)) / np.maximum(np.ptp(front, axis=0), 1e-300)
    kept = [int(scaled[:, 0].argmax())]
    distance = np.full(len(front), np.inf)
    while len(kept) < keep:
        distance = np.minimum(distance, ((scaled - scaled[kept[-1]]) ** 2).sum(1))
        kept.append(int(distance.argmax()))
    return front[kept]


def reference_point(y: np.ndarray) -> np.ndarray:
    """Return a point `(k,)` below the front of `y` `(n, k)` by a tenth of its range in each objective.

    So the ends of the front have a volume too; the rule is that of Ishibuchi, Imada, Setoguchi & Nojima (2018),
    10.1162/evco_a_00226.
    """
    front = y[pareto(y)]
    span = np.ptp(front, axis=0)
    return front.min(0) - 0.1 * np.where(span > 0, span, np.maximum(np.ptp(y, axis=0), 1.0))


def log_ehvi(mean: jax.Array, sd: jax.Array, lower: jax.Array, upper: jax.Array) -> jax.Array:
    """Return the logarithm of the expected hypervolume improvement, for independent Gaussian objectives.

    The gain of `f` is the volume of what lies below it in the boxes that the front leaves (`boxes`): in each box a
    product over objectives of `E[max(f - lower, 0) - max(f - upper, 0)]`.

    Parameters
    ----------
    mean, sd
        `(..., k)`.
    lower, upper
        `(b, k)`; boxes without width add nothing.

    Returns
    -------
    jax.Array
        `(...,)`.

    References
    ----------
    Emmerich, Deutz & Klinkenberg (2011), 10.1109/CEC.2011.5949880; the logarithm as in Ament et al. (2023),
    arXiv:2310.20708.
    """
    side = log_ei_between(mean[..., None, :], sd[..., None, :], lower, upper)
    return jax.scipy.special.logsumexp(_finite(side).sum(-1), axis=-1)


def _finite(log: jax.Array) -> jax.Array:
    """Sums of infinities have no gradient: a very small number does as well."""
    return jnp.maximum(log, -1e6)
