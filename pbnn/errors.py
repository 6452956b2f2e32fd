"""Exceptions that every room may raise, and what else users are told or spared.

Each derives from `PbnnError`, so that one `except` catches all, and from the built-in that a caller would expect
(`ValueError`, `OSError`), so that ordinary code catches it too. A message says where, what was expected, what came,
and what to do.
"""

import logging
import sys
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from types import FrameType


class PbnnError(Exception):
    """Base of all exceptions raised on purpose by `pbnn`."""


class SpecError(PbnnError, ValueError):
    """A network, layer, prior or likelihood that cannot mean anything."""


class DataError(PbnnError, ValueError):
    """Data that cannot be used: missing, infinite, of an unknown category, outside the trained classes."""


class ShapeError(DataError):
    """Data of the wrong shape, or with the wrong columns."""


class ModelError(PbnnError, ValueError):
    """A `pm.Model` that cannot be fitted: discrete variables, or no finite log density at the start."""


class MethodError(PbnnError, ValueError):
    """An inference method that is unknown, badly configured, or not made for this model."""


class FileError(PbnnError, OSError):
    """A run file that cannot be written, or read, or is not one of ours."""


class MissingExtraError(PbnnError, ImportError):
    """An optional library that is not installed; the message names the extra that brings it."""


class PbnnWarning(UserWarning):
    """Something to know that is no reason to stop."""


def unknown(where: str, kind: str, got: object, known: Iterable[str]) -> str:
    """Say that a name is unknown, list the known ones, and point to the nearest.

    Examples
    --------
    >>> unknown("Dense", "activation", "tan", ["relu", "tanh"])
    "Dense: unknown activation 'tan'; known: relu, tanh. Did you mean 'tanh'?"
    """
    names = sorted(known)
    near = get_close_matches(str(got), names, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return f"{where}: unknown {kind} {got!r}; known: {', '.join(names)}.{hint}"


def of_estimator(given: object) -> str:
    """Say what to pass in the place of a scikit-learn estimator; nothing of anything else.

    Examples
    --------
    >>> of_estimator(3)
    ''
    """
    if not hasattr(given, "get_params"):
        return ""
    return " Of a fitted estimator pass est.bnn_ and est.idata_ (of a search, those of its best_estimator_)."


def count(n: int, noun: str) -> str:
    """Write a number of things, for messages: `1 row`, `1,200 rows`."""
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def warn(message: str) -> None:
    """Warn the user, blaming the first line outside this package."""
    level = 1
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_globals.get("__name__", "").startswith("pbnn."):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, PbnnWarning, stacklevel=level + 1)


@contextmanager
def quiet(logger: str, level: int = logging.WARNING) -> Iterator[None]:
    """Keep a logger to what is at least of some level, while another library is at work."""
    log = logging.getLogger(logger)
    before = log.level
    log.setLevel(level)
    try:
        yield
    finally:
        log.setLevel(before)
