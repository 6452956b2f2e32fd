"""Data to try things on: three small real sets, four synthetic ones, and the UCI splits of the literature.

Where the real ones come from, and under which licence, says `data/README.md`.
"""

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from pbnn.errors import DataError, FileError, unknown

type Table = pd.DataFrame | np.ndarray
type Column = pd.Series | np.ndarray
type Seed = int | np.random.Generator


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Dataset:
    """Inputs and a response, with what is known about them.

    Attributes
    ----------
    name : str
    X : pandas.DataFrame
        Inputs, one row per observation.
    y : pandas.Series
        Response; its name is the column's name.
    description : str
        What was measured, in which units, in a sentence or two.
    truth : mapping of str to numpy.ndarray
        For synthetic data what generated them, such as the noiseless mean at each row; empty for real data.
    """

    name: str
    X: pd.DataFrame
    y: pd.Series
    description: str
    truth: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __repr__(self) -> str:
        columns = ", ".join(map(str, self.X.columns[:4])) + (", …" if self.X.shape[1] > 4 else "")
        return f"<Dataset {self.name}: {self.y.name} from {columns}; {len(self.X)} rows>"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Split:
    """A data set parted into rows to learn from and rows to be judged on.

    Attributes
    ----------
    name : str
    X_train, X_test : array or pandas.DataFrame
        Shape ``(obs, feature)``.
    y_train, y_test : array or pandas.Series
        Shape ``(obs,)``.
    """

    name: str
    X_train: Table
    y_train: Column
    X_test: Table
    y_test: Column

    def __repr__(self) -> str:
        n, d = self.X_train.shape
        return f"<Split {self.name}: {n} rows to train, {len(self.X_test)} to test, {d} features>"


# ------------------------------------------------------------------------------------------------- real data


def load_motorcycle() -> Dataset:
    """Head acceleration against time after a simulated motorcycle crash: 94 rows, one input, for regression.

    Flat at first, then a violent swing, with noise that grows and shrinks: a curve that a line, and a constant
    noise scale, cannot follow.

    References
    ----------
    Silverman, B. W. (1985). Some aspects of the spline smoothing approach to non-parametric regression curve
    fitting. *Journal of the Royal Statistical Society B* 47(1), 1-52. https://doi.org/10.1111/j.2517-6161.1985.tb01327.x

    Examples
    --------
    >>> load_motorcycle()
    <Dataset motorcycle: acceleration from time; 94 rows>
    """
    return _read(
        "motorcycle",
        "acceleration",
        "Head acceleration (g) against time after impact (ms) in simulated motorcycle crashes, "
        "measured to test helmets.",
    )


def load_breast_cancer() -> Dataset:
    """Tumours described by 30 measurements of their cell nuclei: 569 rows, for binary classification.

    The response `malignant` is 1 for the 212 malignant tumours and 0 for the 357 benign ones.

    References
    ----------
    Wolberg, W., Mangasarian, O., Street, N. and Street, W. (1993). Breast Cancer Wisconsin (Diagnostic).
    UCI Machine Learning Repository. https://doi.org/10.24432/C5DW2B

    Examples
    --------
    >>> load_breast_cancer().y.value_counts().to_dict()
    {0: 357, 1: 212}
    """
    return _read(
        "breast_cancer",
        "malignant",
        "Whether a breast tumour is malignant, from the shape of its cell nuclei in an image of a fine needle "
        "aspirate: mean, standard error and worst value of ten measurements.",
    )


def load_penguins(*, categorical: bool = False) -> Dataset:
    """Three species of penguins from body measurements: 333 rows, for multi-class classification.

    Parameters
    ----------
    categorical : bool
        Also give the text columns `island` and `sex`, which need an embedding layer.

    References
    ----------
    Gorman, K. B., Williams, T. D. and Fraser, W. R. (2014). Ecological sexual dimorphism and environmental
    variability within a community of Antarctic penguins (genus *Pygoscelis*). *PLoS ONE* 9(3), e90081.
    https://doi.org/10.1371/journal.pone.0090081

    Examples
    --------
    >>> load_penguins()
    <Dataset penguins: species from bill_length_mm, bill_depth_mm, flipper_length_mm, body_mass_g; 333 rows>
    >>> load_penguins(categorical=True).X["island"].unique().tolist()
    ['Torgersen', 'Biscoe', 'Dream']
    """
    return _read(
        "penguins",
        "species",
        "Species of adult penguins near Palmer Station, Antarctica, 2007-2009, from body measurements "
        "(mm and g).",
        leave_out=() if categorical else ("island", "sex"),
    )


# -------------------------------------------------------------------------------------------- synthetic data


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


# ---------------------------------------------------------------------------------------------------- splits


def split(data: Dataset, test: float = 0.2, *, seed: Seed = 0) -> Split:
    """Part a data set at random into rows to train on and rows to test on.

    Parameters
    ----------
    data : Dataset
    test : float
        Share of the rows to test on, between 0 and 1; at least one row goes to each side.
    seed : int or numpy.random.Generator

    Examples
    --------
    >>> split(load_motorcycle(), 0.25, seed=1)
    <Split motorcycle: 70 rows to train, 24 to test, 1 features>
    """
    n = len(data.X)
    if not 0 < test < 1 or n < 2:
        raise DataError(f"split: needs 0 < test < 1 and at least 2 rows; got test={test} and {n} rows.")
    n_test = min(max(round(n * test), 1), n - 1)
    chosen = np.zeros(n, dtype=bool)
    chosen[np.random.default_rng(seed).choice(n, n_test, replace=False)] = True
    return Split(data.name, data.X[~chosen], data.y[~chosen], data.X[chosen], data.y[chosen])


def load_uci(name: str, folder: str | Path, split: int = 0) -> Split:
    """Read one train/test split of a UCI regression set from a folder of your own.

    The splits are those that papers on Bayesian neural networks share, so that results compare.

    Parameters
    ----------
    name : str
        Such as ``"yacht"``, for the file ``folder/yacht.npz``.
    folder : str or pathlib.Path
        Holds one file ``<name>.npz`` per set, with arrays `X` of shape ``(obs, feature)``, `y` ``(obs,)`` and a
        boolean `test_mask` ``(split, obs)``.
    split : int
        Which of the splits, counted from 0.

    Raises
    ------
    FileError
        If the folder or its files cannot be read.
    DataError
        If there is no such set in the folder, or no such split.

    References
    ----------
    Hernández-Lobato, J. M. and Adams, R. P. (2015). Probabilistic backpropagation for scalable learning of
    Bayesian neural networks. *ICML*. https://doi.org/10.48550/arXiv.1502.05336

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     masks = np.eye(4, dtype=bool)
    ...     np.savez(Path(folder) / "toy.npz", X=np.ones((4, 2)), y=np.arange(4.0), test_mask=masks)
    ...     load_uci("toy", folder, split=3)
    <Split toy/3: 3 rows to train, 1 to test, 2 features>
    """
    folder = Path(folder)
    known = [file.stem for file in folder.glob("*.npz")]
    if not known:
        raise FileError(
            f"load_uci: expected files such as {name}.npz in the folder {str(folder)!r}; found none."
        )
    if name not in known:
        raise DataError(unknown(f"load_uci: in the folder {str(folder)!r}", "data set", name, known))

    X, y, masks = _read_uci(folder / f"{name}.npz")
    if not 0 <= split < len(masks):
        raise DataError(
            f"load_uci: {name} has {len(masks)} splits, 0 to {len(masks) - 1}; got split={split}."
        )
    test = masks[split]
    return Split(f"{name}/{split}", X[~test], y[~test], X[test], y[test])


# --------------------------------------------------------------------------------------------------- helpers


def _read(name: str, target: str, description: str, leave_out: tuple[str, ...] = ()) -> Dataset:
    here = Path(__file__).parent
    # Inside the package when it was installed from a wheel, beside it in a checkout.
    places = [folder / "data" / f"{name}.csv" for folder in (here, here.parent)]
    file = next((place for place in places if place.is_file()), None)
    if file is None:
        raise FileError(f"load_{name}: no file at {places[0]} nor {places[1]}; install pbnn again.")
    table = pd.read_csv(file).drop(columns=list(leave_out))
    return Dataset(name, table.drop(columns=target), table[target], description)


def _generator(where: str, n: int, seed: Seed) -> np.random.Generator:
    if n < 1:
        raise DataError(f"{where}: n must be at least 1; got {n}.")
    return np.random.default_rng(seed)


def _synthetic(
    name: str, columns: Mapping[str, np.ndarray], y: np.ndarray, description: str, **truth: np.ndarray
) -> Dataset:
    return Dataset(name, pd.DataFrame(columns), pd.Series(y, name="y"), description, truth)


def _read_uci(file: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    try:
        # allow_pickle stays off: a data file must not run code.
        with file.open("rb") as handle, np.load(handle, allow_pickle=False) as arrays:
            X, y, masks = arrays["X"], arrays["y"], arrays["test_mask"]
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise FileError(
            f"load_uci: {file} does not hold readable arrays X, y and test_mask: {error}"
        ) from error
    shapes_agree = (X.ndim, y.ndim, masks.ndim) == (2, 1, 2) and len(X) == len(y) == masks.shape[1]
    if not shapes_agree or masks.dtype != bool:
        raise FileError(
            f"load_uci: {file} must hold X (obs, feature), y (obs,) and a boolean test_mask (split, obs); "
            f"got {X.shape}, {y.shape} and {masks.dtype} {masks.shape}."
        )
    return X, y, masks
