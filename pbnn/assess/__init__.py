"""Judge a fit: convergence in function space, scores on data, calibration, and where the uncertainty comes from.

Figures and reports draw what these functions return; they compute nothing themselves.
"""

from pbnn.assess.arviz import for_arviz
from pbnn.assess.average import average
from pbnn.assess.calibration import confusion, coverage, pit_histogram, reliability
from pbnn.assess.compare import compare
from pbnn.assess.compare_models import by_chain, compare_models
from pbnn.assess.convergence import diagnose
from pbnn.assess.decomposition import split_entropy, split_modes, split_variance
from pbnn.assess.kfold import kfold
from pbnn.assess.loo import PARETO_K, loo, pareto_k
from pbnn.assess.model_evidence import compare_evidence
from pbnn.assess.pointwise import pointwise
from pbnn.assess.relevance import relevance
from pbnn.assess.sbc import sbc
from pbnn.assess.scores import score, score_rows
from pbnn.assess.sensitivity import prior_sensitivity
from pbnn.assess.symmetry import canonicalize, weight_r_hat

__all__ = [
    "PARETO_K",
    "average",
    "by_chain",
    "canonicalize",
    "compare",
    "compare_evidence",
    "compare_models",
    "confusion",
    "coverage",
    "diagnose",
    "for_arviz",
    "kfold",
    "loo",
    "pareto_k",
    "pit_histogram",
    "pointwise",
    "prior_sensitivity",
    "relevance",
    "reliability",
    "sbc",
    "score",
    "score_rows",
    "split_entropy",
    "split_modes",
    "split_variance",
    "weight_r_hat",
]
