"""A model as a log density on `R^d` in JAX: the heart of every inference method."""

from pbnn.target.jaxify import Precision
from pbnn.target.target import Data, Target, Variable

__all__ = ["Data", "Precision", "Target", "Variable"]
