"""The UCI splits of the literature, from a folder of the user's own."""

import zipfile
from pathlib import Path

import numpy as np

from pbnn.datasets.dataset import Split
from pbnn.errors import DataError, FileError, unknown


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
