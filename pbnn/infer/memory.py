"""How much a fit will keep, computed before it begins."""

import sys
from functools import singledispatch
from math import prod

import jax
import numpy as np

from pbnn.errors import MethodError
from pbnn.infer.ensemble import RESAMPLED
from pbnn.infer.mclmc import CHECK_SHARE
from pbnn.infer.methods import ADVI, MCLMC, Ensemble, Method, PymcADVI
from pbnn.target import Target

STATS = 6
"""Numbers beside each draw, about: its log density, its energy error, ..."""


@singledispatch
def draws_kept(method: Method) -> tuple[int, int]:
    """Return the number of chains, and of draws in each."""
    chains = getattr(method, "chains", None) or getattr(method, "members", 1)
    return chains, getattr(method, "draws", None) or 1


@draws_kept.register
def _(method: Ensemble) -> tuple[int, int]:
    if method.weighting == "held_out":
        return 1, method.draws or RESAMPLED * method.members
    return 1, method.members


@draws_kept.register
def _(method: ADVI | PymcADVI) -> tuple[int, int]:
    return 1, method.draws


def bytes_kept(method: Method, target: Target) -> int:
    """Return the size of the draws that the result holds. While it is made, flat copies of them take as much again."""
    with target.scope():
        named = jax.eval_shape(target.constrain, jax.ShapeDtypeStruct((target.dim,), target.dtype))
    one = STATS * target.dtype.itemsize + sum(
        prod(v.shape) * np.dtype(v.dtype).itemsize for v in named.values()
    )
    chains, draws = draws_kept(method)
    again = -(-draws // CHECK_SHARE) if isinstance(method, MCLMC) and not method.adjusted else 0
    return chains * (draws + again) * one


def check_memory(method: Method, target: Target, limit: float | None, *, show: bool) -> None:
    """Say what will be kept, and refuse if that is more than `limit` bytes.

    Raises
    ------
    MethodError
        If it is; the message proposes options that fit.
    """
    size, (chains, draws) = bytes_kept(method, target), draws_kept(method)
    what = (
        f"{type(method).__name__} keeps {chains} × {draws} draws of {target.dim} numbers: {_in_words(size)}."
    )
    if limit is not None and size > limit:
        raise MethodError(f"fit: {what} That is over memory={limit:g} bytes. {_remedy(method, size, limit)}")
    if show and chains * draws > 1:
        print(what, file=sys.stderr)


def check_limit(memory: object) -> None:
    """Check the option `memory` of `fit`."""
    fine = isinstance(memory, int | float | np.integer | np.floating) and not isinstance(memory, bool)
    if memory is not None and not (fine and memory > 0):
        raise MethodError(f"fit: memory must be a positive number of bytes, or None; got {memory!r}.")


def _remedy(method: Method, size: int, limit: float) -> str:
    _, draws = draws_kept(method)
    fits = int(draws * limit / size) - (1 if isinstance(method, MCLMC) else 0)  # for the rounding of `again`
    if fits < 1 or not hasattr(method, "draws"):
        return "Not even one draw of each chain fits; allow more, or take a smaller network or fewer chains."
    thin = getattr(method, "thin", None)
    if hasattr(method, "chains") and isinstance(thin, int):
        return f"Keep fewer draws, farther apart: draws={fits}, thin={-(-thin * draws // fits)}."
    if hasattr(method, "thin"):
        return f"Keep fewer draws, and with `thin` farther apart: draws={fits}."
    return f"Keep fewer: draws={fits}."


def _in_words(size: int) -> str:
    for unit, power in (("GB", 9), ("MB", 6), ("kB", 3)):
        if size >= 10**power:
            value = size / 10**power
            return f"{value:.0f} {unit}" if value >= 10 else f"{value:.1f} {unit}"
    return f"{size} bytes"
