"""What a prior is: plain frozen data, turned into random variables by `pbnn.graph.priors`."""

from pbnn.spec.priors.families import Laplace, Normal, StudentT
from pbnn.spec.priors.given import Pretrained, PyMC, from_preliz
from pbnn.spec.priors.known import (
    DEFAULT_BIASES,
    DEFAULT_NOISE,
    DEFAULT_WEIGHTS,
    PRIORS,
    Prior,
    check_positive_prior,
    check_prior,
)
from pbnn.spec.priors.scales import (
    SCALES,
    FanIn,
    HalfNormal,
    LogNormal,
    RelevantInputs,
    ResponseSD,
    Scale,
    check_scale,
)
from pbnn.spec.priors.sparse import ARD, R2D2, Horseshoe, MatrixNormal, SpikeSlab

__all__ = [
    "ARD",
    "DEFAULT_BIASES",
    "DEFAULT_NOISE",
    "DEFAULT_WEIGHTS",
    "PRIORS",
    "R2D2",
    "SCALES",
    "FanIn",
    "HalfNormal",
    "Horseshoe",
    "Laplace",
    "LogNormal",
    "MatrixNormal",
    "Normal",
    "Pretrained",
    "Prior",
    "PyMC",
    "RelevantInputs",
    "ResponseSD",
    "Scale",
    "SpikeSlab",
    "StudentT",
    "check_positive_prior",
    "check_prior",
    "check_scale",
    "from_preliz",
]
