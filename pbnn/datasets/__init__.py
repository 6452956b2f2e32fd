"""Data to try things on: three small real sets, four synthetic ones, and the UCI splits of the literature."""

from pbnn.datasets.dataset import Dataset, Split, split
from pbnn.datasets.real import load_breast_cancer, load_motorcycle, load_penguins
from pbnn.datasets.synthetic import make_counts, make_linear, make_moons, make_sine
from pbnn.datasets.uci import load_uci

__all__ = [
    "Dataset",
    "Split",
    "load_breast_cancer",
    "load_motorcycle",
    "load_penguins",
    "load_uci",
    "make_counts",
    "make_linear",
    "make_moons",
    "make_sine",
    "split",
]
