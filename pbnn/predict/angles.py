"""Angles as numbers: laid out to both sides of their mean direction, where mean, spread and ranks have a meaning."""

import numpy as np


def mean_direction(angles: np.ndarray, axis: int = 0) -> np.ndarray:
    """Return the direction of the mean of the unit vectors, in radians."""
    return np.arctan2(np.sin(angles).mean(axis=axis), np.cos(angles).mean(axis=axis))


def around(angles: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """Return the angles that equal `angles` up to whole turns, and lie within half a turn of `centre`.

    Examples
    --------
    >>> around(np.array([3.0]), np.array([-3.0])).round(3).tolist()
    [-3.283]
    """
    return centre + np.mod(angles - centre + np.pi, 2 * np.pi) - np.pi
