"""What a data set is, and how to part it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from pbnn.errors import DataError

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
    >>> from pbnn.datasets import load_motorcycle
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
