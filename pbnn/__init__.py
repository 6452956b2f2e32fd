"""Bayesian neural networks, from a layer spec to an uncertainty report, on PyMC, JAX and ArviZ.

Names are loaded at first use: `import pbnn` alone is quick, and loads neither JAX nor PyMC nor matplotlib.
"""

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from pbnn.packages import Package

if TYPE_CHECKING:
    from pbnn import assess, datasets, errors, estimators, plots, priors, search, target
    from pbnn.assess.average import average
    from pbnn.assess.compare import compare
    from pbnn.assess.compare_models import compare_models
    from pbnn.assess.conformal import conformal
    from pbnn.assess.convergence import diagnose
    from pbnn.assess.kfold import kfold
    from pbnn.assess.loo import loo
    from pbnn.assess.recalibrate import recalibrate
    from pbnn.assess.relevance import relevance
    from pbnn.assess.sbc import sbc
    from pbnn.assess.scores import score
    from pbnn.assess.sensitivity import prior_sensitivity
    from pbnn.graph.build import BNN, build
    from pbnn.graph.censoring import censored, right_censored
    from pbnn.graph.nn import nn
    from pbnn.infer import (
        ADVI,
        MAP,
        MCLMC,
        NUTS,
        SGMCMC,
        SWAG,
        Ensemble,
        GaussNewtonVI,
        Laplace,
        PymcADVI,
        fit,
        resume,
    )
    from pbnn.persist import load, save
    from pbnn.predict import predict, prior_predict
    from pbnn.predict.gaussian_process import laplace_gp
    from pbnn.prior.check import check_prior
    from pbnn.report import report
    from pbnn.report.comparison import report_comparison
    from pbnn.report.study import report_study
    from pbnn.spec import likelihoods
    from pbnn.spec.layers import (
        GRU,
        LSTM,
        RBF,
        AveragePool,
        BatchNorm,
        Concat,
        Conv1D,
        Conv2D,
        Dense,
        Embedding,
        Flatten,
        FourierFeatures,
        Frozen,
        GroupDense,
        LayerNorm,
        MaxPool,
        Parallel,
        PositionalEncoding,
        Reshape,
        Residual,
        SelfAttention,
    )
    from pbnn.spec.network import Network
    from pbnn.target import Target

_HOMES = {
    "ADVI": "pbnn.infer",
    "BNN": "pbnn.graph.build",
    "AveragePool": "pbnn.spec.layers",
    "BatchNorm": "pbnn.spec.layers",
    "Concat": "pbnn.spec.layers",
    "Conv1D": "pbnn.spec.layers",
    "Conv2D": "pbnn.spec.layers",
    "Dense": "pbnn.spec.layers",
    "Flatten": "pbnn.spec.layers",
    "FourierFeatures": "pbnn.spec.layers",
    "Frozen": "pbnn.spec.layers",
    "GRU": "pbnn.spec.layers",
    "GroupDense": "pbnn.spec.layers",
    "LSTM": "pbnn.spec.layers",
    "MaxPool": "pbnn.spec.layers",
    "Parallel": "pbnn.spec.layers",
    "PositionalEncoding": "pbnn.spec.layers",
    "RBF": "pbnn.spec.layers",
    "Reshape": "pbnn.spec.layers",
    "SelfAttention": "pbnn.spec.layers",
    "Embedding": "pbnn.spec.layers",
    "Ensemble": "pbnn.infer",
    "Laplace": "pbnn.infer",
    "GaussNewtonVI": "pbnn.infer",
    "LayerNorm": "pbnn.spec.layers",
    "MAP": "pbnn.infer",
    "MCLMC": "pbnn.infer",
    "kfold": "pbnn.assess.kfold",
    "loo": "pbnn.assess.loo",
    "NUTS": "pbnn.infer",
    "Network": "pbnn.spec.network",
    "PymcADVI": "pbnn.infer",
    "Residual": "pbnn.spec.layers",
    "SGMCMC": "pbnn.infer",
    "SWAG": "pbnn.infer",
    "Target": "pbnn.target",
    "average": "pbnn.assess.average",
    "build": "pbnn.graph.build",
    "censored": "pbnn.graph.censoring",
    "check_prior": "pbnn.prior.check",
    "diagnose": "pbnn.assess.convergence",
    "fit": "pbnn.infer",
    "compare": "pbnn.assess.compare",
    "conformal": "pbnn.assess.conformal",
    "compare_models": "pbnn.assess.compare_models",
    "laplace_gp": "pbnn.predict.gaussian_process",
    "load": "pbnn.persist",
    "nn": "pbnn.graph.nn",
    "predict": "pbnn.predict",
    "prior_predict": "pbnn.predict",
    "prior_sensitivity": "pbnn.assess.sensitivity",
    "recalibrate": "pbnn.assess.recalibrate",
    "relevance": "pbnn.assess.relevance",
    "report": "pbnn.report",
    "report_comparison": "pbnn.report.comparison",
    "report_study": "pbnn.report.study",
    "resume": "pbnn.infer",
    "right_censored": "pbnn.graph.censoring",
    "save": "pbnn.persist",
    "sbc": "pbnn.assess.sbc",
    "score": "pbnn.assess.scores",
}
_MODULES = {
    "assess": "pbnn.assess",
    "datasets": "pbnn.datasets",
    "errors": "pbnn.errors",
    "estimators": "pbnn.estimators",
    "likelihoods": "pbnn.spec.likelihoods",
    "plots": "pbnn.plots",
    "priors": "pbnn.priors",
    "search": "pbnn.search",
    "target": "pbnn.target",
}

__all__ = [*_HOMES, *_MODULES]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        value = import_module(_MODULES[name])
    elif name in _HOMES:
        value = getattr(import_module(_HOMES[name]), name)
    else:
        raise AttributeError(
            f"module 'pbnn' has no attribute {name!r}; it has: {', '.join(sorted(__all__))}."
        )
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])


sys.modules[__name__].__class__ = Package
