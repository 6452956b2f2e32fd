"""Priors to random variables, inside the `pm.Model` on the stack."""

from pbnn.graph.priors import families, given, levels, sparse
from pbnn.graph.priors.site import NonCentered, Site, draw_prior, float64, noncentered, resolve_scale

__all__ = [
    "NonCentered",
    "Site",
    "draw_prior",
    "families",
    "float64",
    "given",
    "levels",
    "noncentered",
    "resolve_scale",
    "sparse",
]
