"""Priors: of weights (`Normal`, `LogNormal`, ...), over functions (`GP`, `FunctionPrior`), and from one to the other.

A door to `pbnn.spec.priors`, `pbnn.spec.functions` and `pbnn.prior`, whose machinery loads at first use.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from pbnn.spec.functions import GP, RBF, FunctionPrior, Matern, Periodic
from pbnn.spec.priors import (
    ARD,
    R2D2,
    FanIn,
    HalfNormal,
    Horseshoe,
    Laplace,
    LogNormal,
    MatrixNormal,
    Normal,
    Pretrained,
    Prior,
    PyMC,
    RelevantInputs,
    ResponseSD,
    SpikeSlab,
    StudentT,
    from_preliz,
)

if TYPE_CHECKING:
    from pbnn.prior.calibrate import Calibration, calibrate
    from pbnn.prior.elicit import elicit
    from pbnn.prior.mean_field import depth_width

__all__ = [
    "ARD",
    "GP",
    "R2D2",
    "RBF",
    "Calibration",
    "FanIn",
    "FunctionPrior",
    "HalfNormal",
    "Horseshoe",
    "Laplace",
    "LogNormal",
    "Matern",
    "MatrixNormal",
    "Normal",
    "Periodic",
    "Pretrained",
    "Prior",
    "PyMC",
    "RelevantInputs",
    "ResponseSD",
    "SpikeSlab",
    "StudentT",
    "calibrate",
    "depth_width",
    "elicit",
    "from_preliz",
]

_HOMES = {
    "Calibration": "pbnn.prior.calibrate",
    "calibrate": "pbnn.prior.calibrate",
    "depth_width": "pbnn.prior.mean_field",
    "elicit": "pbnn.prior.elicit",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'pbnn.priors' has no attribute {name!r}; it has: {', '.join(__all__)}.")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return list(__all__)
