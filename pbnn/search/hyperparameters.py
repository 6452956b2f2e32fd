"""What the kernel of a search has to learn: one vector, with a normal prior for each entry."""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from pbnn.search.inputs import Layout

LENGTH_LOC, LENGTH_SCALE = 2**0.5, 3**0.5
WARP_SCALE = 0.75
WARP_SCALE_OF_MODE = 0.25
"""A mode does not average over warpings that the data leave open, so it needs a prior that bends less: held-out scores
of 20 to 100 points of Branin, Levy4, Hartmann6 and Ackley10 are told best with this one, and worse with none."""
NUGGET_LOC, NUGGET_SCALE = -4.0, 1.0
"""Of the log variance of noise that nobody told, in units of the variance of the scores: 2 % of it, give or take
a factor of three, so that a flat surrogate with much noise has to be earned by data."""
COMMON_LOC, COMMON_SCALE = -4.5, 1.5
"""Of the log variance of what a part adds to all scores, in the same units: 1 %, give or take a factor of five."""
OWN_LOC, OWN_SCALE = -4.0, 1.5
"""Of the log of how much a part's own function varies, beside the variance of the function common to all parts: 2 %,
give or take a factor of five. Softened scores of 48 networks of each of seven tables, with all their seeds, say from -2
to -6 of this, and from -3 to -7 of the one before."""
AMPLITUDE_SCALE = 1.0
MEAN_SCALE = 1.0


class Hyperparameters(NamedTuple):
    """Hyperparameters by name; each may have leading dimensions.

    Parameters
    ----------
    log_length
        Of each column, then of each gate.
    log_a, log_b
        Exponents of the warping, of each column that has one.
    log_amplitude
        Of the variance of the function, in units of the variance of the scores.
    log_nugget
        Of the variance of the noise beyond what is known, None where scores are exact; where parts are told, of what
        each point has of its own on each part, which another trial of it there finds again.
    mean
        The constant mean, in standardised units.
    log_common, log_own
        Where parts are told, else None: of the variance of what a part adds to all its scores, and of how much the
        part's own function varies beside that of all.
    """

    log_length: Any
    log_a: Any
    log_b: Any
    log_amplitude: Any
    log_nugget: Any
    mean: Any
    log_common: Any = None
    log_own: Any = None


def warped(layout: Layout) -> tuple[int, ...]:
    """Return the columns that are warped: numbers with three values or more, for two have no shape."""
    return tuple(j for j in layout.numeric if layout.levels[j] not in (1, 2))


def sizes(layout: Layout) -> Hyperparameters:
    """Return how many entries each kind has."""
    w = len(warped(layout))
    of_parts = int(layout.parts > 0)
    nugget = int(not layout.exact)
    return Hyperparameters(len(layout.choices) + len(layout.gates), w, w, 1, nugget, 1, of_parts, of_parts)


def unpack(theta: Any, layout: Layout) -> Hyperparameters:
    """Split the last dimension of a vector `(..., p)`."""
    ends = np.cumsum(sizes(layout))
    parts = [theta[..., end - size : end] for end, size in zip(ends, sizes(layout), strict=True)]
    return Hyperparameters(*parts[:3], *(part[..., 0] if part.shape[-1] else None for part in parts[3:]))


def pack(values: Hyperparameters) -> Any:
    """Join hyperparameters to a vector `(..., p)`."""
    single = [jnp.asarray(v)[..., None] for v in values[3:] if v is not None]
    return jnp.concatenate([*values[:3], *single], axis=-1)


def prior(layout: Layout) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation of each entry's normal prior, `(p,)` both.

    Length scales grow with the square root of the number of dimensions, so that the prior does not say that functions
    of many inputs are noise.

    References
    ----------
    Hvarfner, Hellsten & Nardi (2024), Vanilla Bayesian optimization performs great in high dimensions,
    arXiv:2402.02229; Snoek, Swersky, Zemel & Adams (2014), Input warping for Bayesian optimization of non-stationary
    functions, arXiv:1402.0929.
    """
    n = sizes(layout)
    length = LENGTH_LOC + 0.5 * np.log(max(layout.free, 1))
    loc = Hyperparameters(length, 0.0, 0.0, 0.0, NUGGET_LOC, 0.0, COMMON_LOC, OWN_LOC)
    of_parts = COMMON_SCALE, OWN_SCALE
    scale = Hyperparameters(
        LENGTH_SCALE, WARP_SCALE, WARP_SCALE, AMPLITUDE_SCALE, NUGGET_SCALE, MEAN_SCALE, *of_parts
    )
    return np.repeat(loc, n).astype(float), np.repeat(scale, n).astype(float)


def prior_of_mode(layout: Layout) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation of the prior as the posterior mode sees it, `(p,)` both.

    Modes depend on the scale one looks at. Of a length scale and of the nugget it is the mode of the density on their
    own scale, as in the paper; on the log scale the mode would be so smooth a function that few observations could say
    otherwise. Of the others it is the mode on the log scale, and the prior of warping is narrower.
    """
    loc, scale = prior(layout)
    n = sizes(layout)
    own = np.repeat([1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0], n)
    narrower = np.repeat([1.0, *[WARP_SCALE_OF_MODE / WARP_SCALE] * 2, 1.0, 1.0, 1.0, 1.0, 1.0], n)
    return loc - own * scale**2, scale * narrower
