"""Judge a fit: convergence in function space, scores on data, calibration, and where the uncertainty comes from.

Figures and reports draw what these functions return; they compute nothing themselves.
"""

from pbnn.assess.arviz import for_arviz
from pbnn.assess.average import average
from pbnn.assess.calibration import class_calibration, confusion, coverage, pit_histogram, reliability
from pbnn.assess.compare import compare
from pbnn.assess.compare_models import (
    by_chain,
    compare_models,
    is_clear,
    of_mixture,
    own_columns,
    side_by_side,
)
from pbnn.assess.conformal import Conformal, conformal
from pbnn.assess.convergence import diagnose
from pbnn.assess.decompose import decompose
from pbnn.assess.decomposition import split_entropy, split_modes, split_variance
from pbnn.assess.decomposition_map import decomposition_map
from pbnn.assess.disagreement import disagreement
from pbnn.assess.groups import by_group, members_of
from pbnn.assess.kfold import kfold
from pbnn.assess.loo import PARETO_K, loo, pareto_k
from pbnn.assess.model_evidence import compare_evidence
from pbnn.assess.ood import ood, separation
from pbnn.assess.pit import loo_pit, loo_pit_of, pit_ecdf
from pbnn.assess.pointwise import class_table, pointwise, rows_and_batches
from pbnn.assess.recalibrate import recalibrate, without_recalibration
from pbnn.assess.relevance import relevance
from pbnn.assess.sbc import sbc
from pbnn.assess.scores import score, score_rows
from pbnn.assess.selective import risk_coverage
from pbnn.assess.sensitivity import prior_sensitivity
from pbnn.assess.symmetry import canonicalize, weight_r_hat

__all__ = [
    "PARETO_K",
    "Conformal",
    "average",
    "by_chain",
    "by_group",
    "canonicalize",
    "class_calibration",
    "class_table",
    "compare",
    "compare_evidence",
    "compare_models",
    "conformal",
    "confusion",
    "coverage",
    "decompose",
    "decomposition_map",
    "diagnose",
    "disagreement",
    "for_arviz",
    "is_clear",
    "kfold",
    "loo",
    "loo_pit",
    "loo_pit_of",
    "members_of",
    "of_mixture",
    "ood",
    "own_columns",
    "pareto_k",
    "pit_ecdf",
    "pit_histogram",
    "pointwise",
    "prior_sensitivity",
    "recalibrate",
    "relevance",
    "reliability",
    "risk_coverage",
    "rows_and_batches",
    "sbc",
    "score",
    "score_rows",
    "separation",
    "side_by_side",
    "split_entropy",
    "split_modes",
    "split_variance",
    "weight_r_hat",
    "without_recalibration",
]
