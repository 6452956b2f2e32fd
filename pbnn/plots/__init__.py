"""Figures, one per file. A figure computes nothing: it draws what `predict`, `assess` and `search` return.

Each takes `ax=` and returns the axes it drew on; without `ax` it makes a pyplot figure, as in a notebook. The
figures that ArviZ has (trace, rank, energy, predictive check, rootogram, LOO-PIT, Pareto k, comparison of models) are
drawn by `arviz_plots`, and take `backend="plotly"` or `"bokeh"` too: then they return its `PlotCollection`.
"""

from pbnn.plots.bands import plot_bands
from pbnn.plots.best import plot_best
from pbnn.plots.by_group import plot_by_group
from pbnn.plots.calibration import plot_calibration
from pbnn.plots.class_calibration import plot_class_calibration
from pbnn.plots.comparison import plot_comparison
from pbnn.plots.conformal import plot_conformal
from pbnn.plots.confusion import plot_confusion
from pbnn.plots.convergence import plot_convergence
from pbnn.plots.coverage import plot_coverage
from pbnn.plots.decomposition_map import plot_decomposition_map
from pbnn.plots.energy import plot_energy
from pbnn.plots.history import plot_history
from pbnn.plots.importance import plot_importance
from pbnn.plots.loo_pit import plot_loo_pit
from pbnn.plots.models import plot_models
from pbnn.plots.observed import plot_observed
from pbnn.plots.ood import plot_ood
from pbnn.plots.optimization import plot_optimization
from pbnn.plots.parallel import plot_parallel
from pbnn.plots.pareto_k import plot_pareto_k
from pbnn.plots.pit import plot_pit
from pbnn.plots.pit_ecdf import plot_pit_ecdf
from pbnn.plots.pointwise_difference import plot_pointwise_difference
from pbnn.plots.predictive_check import plot_predictive_check
from pbnn.plots.prior import plot_prior
from pbnn.plots.prior_check import plot_prior_check
from pbnn.plots.probabilities import plot_probabilities
from pbnn.plots.rank import plot_rank
from pbnn.plots.relevance import plot_relevance
from pbnn.plots.reliability import plot_reliability
from pbnn.plots.residuals import plot_residuals
from pbnn.plots.risk_coverage import plot_risk_coverage
from pbnn.plots.rootogram import plot_rootogram
from pbnn.plots.sbc import plot_sbc
from pbnn.plots.sensitivity import plot_sensitivity
from pbnn.plots.slice import plot_slice
from pbnn.plots.surface import plot_surface
from pbnn.plots.trace import plot_trace
from pbnn.plots.uncertainty import plot_uncertainty

__all__ = [
    "plot_bands",
    "plot_best",
    "plot_by_group",
    "plot_calibration",
    "plot_class_calibration",
    "plot_comparison",
    "plot_conformal",
    "plot_confusion",
    "plot_convergence",
    "plot_coverage",
    "plot_decomposition_map",
    "plot_energy",
    "plot_history",
    "plot_importance",
    "plot_loo_pit",
    "plot_models",
    "plot_observed",
    "plot_ood",
    "plot_optimization",
    "plot_parallel",
    "plot_pareto_k",
    "plot_pit",
    "plot_pit_ecdf",
    "plot_pointwise_difference",
    "plot_predictive_check",
    "plot_prior",
    "plot_prior_check",
    "plot_probabilities",
    "plot_rank",
    "plot_relevance",
    "plot_reliability",
    "plot_residuals",
    "plot_risk_coverage",
    "plot_rootogram",
    "plot_sbc",
    "plot_sensitivity",
    "plot_slice",
    "plot_surface",
    "plot_trace",
    "plot_uncertainty",
]
