"""Inference: one file per method, all on the same `Target`, all ending in the same `DataTree`."""

from pbnn.infer.fit import fit
from pbnn.infer.methods import (
    ADVI,
    MAP,
    MCLMC,
    METHODS,
    NUTS,
    SGMCMC,
    SWAG,
    Ensemble,
    GaussNewtonVI,
    Laplace,
    PymcADVI,
    as_method,
)
from pbnn.infer.resume import resume

__all__ = [
    "ADVI",
    "MAP",
    "MCLMC",
    "METHODS",
    "NUTS",
    "SGMCMC",
    "SWAG",
    "Ensemble",
    "GaussNewtonVI",
    "Laplace",
    "PymcADVI",
    "as_method",
    "fit",
    "resume",
]
