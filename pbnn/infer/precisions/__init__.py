"""Gaussians given by their precision: dense, diagonal, Kronecker-factored, of low rank, and blocks of these."""

from pbnn.infer.precisions.assembled import Curvature, Gaussian
from pbnn.infer.precisions.block import CurvatureBlock, GaussianBlock
from pbnn.infer.precisions.dense import DenseCurvature, DenseGaussian
from pbnn.infer.precisions.diag import DiagCurvature, DiagGaussian
from pbnn.infer.precisions.kron import KronCurvature, KronGaussian
from pbnn.infer.precisions.lowrank import RootCurvature, RootGaussian

__all__ = [
    "Curvature",
    "CurvatureBlock",
    "DenseCurvature",
    "DenseGaussian",
    "DiagCurvature",
    "DiagGaussian",
    "Gaussian",
    "GaussianBlock",
    "KronCurvature",
    "KronGaussian",
    "RootCurvature",
    "RootGaussian",
]
