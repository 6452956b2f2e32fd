"""Four synthetic data sets, whose truth is known."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from pbnn.datasets.dataset import Dataset, Seed
from pbnn.errors import DataError


def make_sine(n: int = 200, *, gap: tuple[float, float] = (-0.5, 1.0), seed: Seed = 0) -> Dataset:
    """Draw a sine whose noise grows from left to right, with a stretch that holds no data.

    ``y = sin(2 x) + (0.05 + 0.05 (x + 3)) e`` with `e` standard normal and `x` uniform on ``[-3, 3]`` outside `gap`.
    A good fit is uncertain about the mean inside the gap, and about the response on the right.

    Parameters
    ----------
    n : int
        Number of rows.
    gap : (float, float)
        Ends of the empty stretch, inside ``[-3, 3]``; equal ends for none.
    seed : int or numpy.random.Generator

    Returns
    -------
    Dataset
        With `truth["mean"]` and `truth["sd"]` at each row.

    Examples
    --------
    >>> data = make_sine(50, seed=1)
    >>> data.X["x"].between(-0.5, 1.0).sum()
    np.int64(0)
    """
    rng = _generator("make_sine", n, seed)
    low, high = gap
    if not -3 <= low <= high <= 3 or high - low == 6:
        raise DataError(
            f"make_sine: gap must lie inside [-3, 3], leave some of it, and be ordered; got {gap}."
        )
    # Draw on what is left of the interval, then move what lies beyond the gap's start to its other side.
    x = rng.uniform(-3, 3 - (high - low), n)
    x = np.sort(np.where(x < low, x, x + (high - low)))
    mean, sd = np.sin(2 * x), 0.05 + 0.05 * (x + 3)
    y = rng.normal(mean, sd)
    return _synthetic(
        "sine", {"x": x}, y, "A sine with noise that grows to the right and a gap.", mean=mean, sd=sd
    )


def make_linear(n: int = 100, features: int = 3, *, noise: float = 0.5, seed: Seed = 0) -> Dataset:
    """Draw a linear model with known weights, for checks against closed forms.

    ``y = X w + b + noise e`` with `X`, `w`, `b` and `e` standard normal.

    Parameters
    ----------
    n, features : int
        Numbers of rows and of inputs.
    noise : float
        Standard deviation of the noise.
    seed : int or numpy.random.Generator

    Returns
    -------
    Dataset
        With `truth["weights"]`, shape ``(feature,)``, `truth["bias"]` and `truth["noise"]`.

    Examples
    --------
    >>> data = make_linear(noise=0.0)
    >>> np.allclose(data.y, data.X @ data.truth["weights"] + data.truth["bias"])
    True
    """
    rng = _generator("make_linear", n, seed)
    if features < 1 or noise < 0:
        raise DataError(f"make_linear: features must be >= 1 and noise >= 0; got {features} and {noise}.")
    X, weights, bias = rng.normal(size=(n, features)), rng.normal(size=features), rng.normal()
    y = X @ weights + bias + noise * rng.normal(size=n)
    return _synthetic(
        "linear",
        {f"x{i}": X[:, i] for i in range(features)},
        y,
        f"A linear function of {features} inputs with noise of standard deviation {noise:g}.",
        weights=weights,
        bias=np.array(bias),
        noise=np.array(noise),
    )


def make_moons(n: int = 200, *, noise: float = 0.2, seed: Seed = 0) -> Dataset:
    """Draw two interleaved half circles in the plane, one per class.

    Parameters
    ----------
    n : int
        Number of rows.
    noise : float
        Standard deviation of the points around their half circle, whose radius is 1.
    seed : int or numpy.random.Generator

    Examples
    --------
    >>> sorted(make_moons(10).y)
    [0, 0, 0, 0, 0, 1, 1, 1, 1, 1]
    """
    rng = _generator("make_moons", n, seed)
    if noise < 0:
        raise DataError(f"make_moons: noise must be >= 0; got {noise}.")
    label = rng.permutation(np.arange(n) % 2)
    angle = rng.uniform(0, np.pi, n)
    side = 1 - 2 * label  # the second moon is the first one upside down, moved into its mouth
    x0 = side * np.cos(angle) + label
    x1 = side * np.sin(angle) + 0.5 * label
    columns = {"x0": rng.normal(x0, noise), "x1": rng.normal(x1, noise)}
    return _synthetic("moons", columns, label, "Two interleaved half circles.")


def make_counts(n: int = 200, *, seed: Seed = 0) -> Dataset:
    """Draw Poisson counts whose rate, ``exp(1 + sin(x))``, swings between 1 and 7.4.

    Parameters
    ----------
    n : int
        Number of rows.
    seed : int or numpy.random.Generator

    Returns
    -------
    Dataset
        With `truth["mean"]`, the rate at each row.

    Examples
    --------
    >>> make_counts(5).y.dtype
    dtype('int64')
    """
    rng = _generator("make_counts", n, seed)
    x = np.sort(rng.uniform(-5, 5, n))
    rate = np.exp(1 + np.sin(x))
    return _synthetic("counts", {"x": x}, rng.poisson(rate), "Counts with a rate that swings.", mean=rate)


def _generator(where: str, n: int, seed: Seed) -> np.random.Generator:
    if n < 1:
        raise DataError(f"{where}: n must be at least 1; got {n}.")
    return np.random.default_rng(seed)


def _synthetic(
    name: str, columns: Mapping[str, np.ndarray], y: np.ndarray, description: str, **truth: np.ndarray
) -> Dataset:
    return Dataset(name, pd.DataFrame(columns), pd.Series(y, name="y"), description, truth)
