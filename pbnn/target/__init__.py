"""A model as a log density on `R^d` in JAX: the heart of every inference method."""

from pbnn.target.data import Data
from pbnn.target.graphs import Variable
from pbnn.target.jaxify import Precision
from pbnn.target.target import Target

__all__ = ["Data", "Precision", "Target", "Variable"]
