"""Likelihoods to observed random variables, and the parameters of the response that predictions report."""

from pbnn.graph.likelihoods import classes, continuous, counts, positive
from pbnn.graph.likelihoods.base import Observing, Parameters, observe, output_labels

__all__ = [
    "Observing",
    "Parameters",
    "classes",
    "continuous",
    "counts",
    "observe",
    "output_labels",
    "positive",
]
