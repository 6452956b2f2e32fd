"""Bayesian optimisation of networks on Optuna: the space, the surrogate, what to try next, and what to recommend."""

import sys
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from pbnn.errors import MissingExtraError
from pbnn.packages import Package

if find_spec("optuna") is None:
    raise MissingExtraError('search: Optuna is not installed. Install it with: pip install "pbnn[search]"')

_HOMES = {
    "ACQUISITIONS": "pbnn.search.acquisition",
    "Choice": "pbnn.spec.unknowns",
    "Condition": "pbnn.search.inputs",
    "Draws": "pbnn.search.fidelity",
    "Float": "pbnn.spec.unknowns",
    "Folds": "pbnn.search.fidelity",
    "GPPruner": "pbnn.search.pruner",
    "GPSampler": "pbnn.search.sampler",
    "Inputs": "pbnn.search.inputs",
    "Int": "pbnn.spec.unknowns",
    "Observations": "pbnn.search.observations",
    "Points": "pbnn.search.inputs",
    "Recommendation": "pbnn.search.recommend",
    "Repeat": "pbnn.spec.unknowns",
    "Score": "pbnn.search.objective",
    "Search": "pbnn.search.found",
    "Space": "pbnn.search.space",
    "best": "pbnn.search.facts.best",
    "fit_surrogate": "pbnn.search.gp",
    "fitted": "pbnn.search.fitted",
    "history": "pbnn.search.facts.history",
    "importance": "pbnn.search.facts.importance",
    "optimize": "pbnn.search.optimize",
    "parallel": "pbnn.search.facts.parallel",
    "part_of": "pbnn.search.trials",
    "recommend": "pbnn.search.recommend",
    "report_part": "pbnn.search.pruner",
    "slices": "pbnn.search.facts.slices",
    "surrogate": "pbnn.search.bayes",
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


sys.modules[__name__].__class__ = Package
