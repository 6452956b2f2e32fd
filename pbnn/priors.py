"""Priors: of weights (`Normal`, `LogNormal`, ...), over functions (`GP`, `FunctionPrior`), and from one to the other.

A door to `pbnn.spec.priors`, `pbnn.spec.functions` and `pbnn.prior`, whose machinery loads at first use.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from pbnn.spec import functions
from pbnn.spec import priors as of_weights

if TYPE_CHECKING:
    pass

_HOMES = {
    "Calibration": "pbnn.prior.calibrate",
    "calibrate": "pbnn.prior.calibrate",
    "depth_width": "pbnn.prior.mean_field",
    "elicit": "pbnn.prior.elicit",
}
_FUNCTIONS = ("GP", "FunctionPrior", "Matern", "Periodic", "RBF")


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    if name in _FUNCTIONS:
        return getattr(functions, name)
    if name.startswith("__") or not hasattr(of_weights, name):
        known = ", ".join(n for n in __dir__() if not n.startswith("_"))
        raise AttributeError(f"module 'pbnn.priors' has no attribute {name!r}; it has: {known}.")
    return getattr(of_weights, name)


def __dir__() -> list[str]:
    return sorted({*_HOMES, *_FUNCTIONS, *of_weights.PRIORS, *of_weights.SCALES})
