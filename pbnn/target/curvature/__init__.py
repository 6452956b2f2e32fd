"""Curvature of the log-likelihood of a network: Jacobians, Fisher information, and the Gauss–Newton matrix."""

from pbnn.target.curvature.explicit import Kron, ggn_diag, ggn_full, ggn_kron, ggn_rows, no_kron
from pbnn.target.curvature.fisher import fisher_information, fisher_roots, same_everywhere
from pbnn.target.curvature.jacobian import ggn_product, jacobian, jacobian_product
from pbnn.target.curvature.subset import Subset, weight_scales

__all__ = [
    "Kron",
    "Subset",
    "fisher_information",
    "fisher_roots",
    "ggn_diag",
    "ggn_full",
    "ggn_kron",
    "ggn_product",
    "ggn_rows",
    "jacobian",
    "jacobian_product",
    "no_kron",
    "same_everywhere",
    "weight_scales",
]
