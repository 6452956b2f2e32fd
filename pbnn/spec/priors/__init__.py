"""What a prior is: plain frozen data, turned into random variables by `pbnn.graph.priors`."""

from pbnn.spec.priors.families import Laplace, Normal, StudentT
from pbnn.spec.priors.known import (
    DEFAULT_BIASES,
    DEFAULT_NOISE,
    DEFAULT_WEIGHTS,
    PRIORS,
    Prior,
    check_positive_prior,
    check_prior,
)
from pbnn.spec.priors.scales import SCALES, FanIn, HalfNormal, LogNormal, ResponseSD, Scale, check_scale

__all__ = [
    "DEFAULT_BIASES",
    "DEFAULT_NOISE",
    "DEFAULT_WEIGHTS",
    "PRIORS",
    "SCALES",
    "FanIn",
    "HalfNormal",
    "Laplace",
    "LogNormal",
    "Normal",
    "Prior",
    "ResponseSD",
    "Scale",
    "StudentT",
    "check_positive_prior",
    "check_prior",
    "check_scale",
]
