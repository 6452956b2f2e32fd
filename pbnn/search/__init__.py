"""Bayesian optimisation of networks on Optuna: the space, the surrogate, what to try next, and what to recommend."""

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from pbnn.errors import MissingExtraError

if find_spec("optuna") is None:
    raise MissingExtraError('search: Optuna is not installed. Install it with: pip install "pbnn[search]"')

_HOMES = {
    "Choice": "pbnn.spec.unknowns",
    "Float": "pbnn.spec.unknowns",
    "Int": "pbnn.spec.unknowns",
    "Recommendation": "pbnn.search.recommend",
    "Repeat": "pbnn.spec.unknowns",
    "Score": "pbnn.search.objective",
    "Search": "pbnn.search.optimize",
    "Space": "pbnn.search.space",
    "optimize": "pbnn.search.optimize",
    "recommend": "pbnn.search.recommend",
}

__all__ = [*_HOMES]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'pbnn.search' has no attribute {name!r}; it has: {', '.join(__all__)}.")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
