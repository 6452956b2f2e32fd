"""The Laplace approximation of a general `pm.Model`: by the Hessian of its log density."""

from math import log, pi

import jax
import jax.numpy as jnp
import numpy as np

from pbnn.errors import MethodError
from pbnn.infer.methods import Laplace
from pbnn.infer.placed_gaussian import PlacedGaussian
from pbnn.infer.precisions import Curvature, DenseCurvature, DiagCurvature, Gaussian
from pbnn.infer.progress import progress_bar
from pbnn.infer.run import Run, Session
from pbnn.infer.search import Search
from pbnn.target import Target
from pbnn.target.curvature import Subset

LARGEST = 5000
"""Unconstrained variables whose Hessian is made."""
FAR = 0.5
"""Nats that a Newton step may promise at what is called a mode."""
FLAT = 1e-10
"""Of the largest curvature: less is none."""
FOR_NETWORKS = ("subset", "predictive", "tune", "prior_precision")


def fit_general(method: Laplace, target: Target, session: Session) -> Run:
    """Fit a Gaussian with the Hessian at the mode of the log density of all unconstrained variables."""
    _check(method, target)
    exact = Target.of(target.model, "float64")
    subset = Subset.of(exact)
    search = Search(subset)
    with progress_bar("Laplace", method.starts * method.steps, show=session.progress) as bar:
        ended = [search.climb(z, method.steps, bar) for z in exact.starts(method.starts, session.seed)]
    value, z = max(search.peaks, key=lambda peak: peak[0])
    gaussian, slope = _curvature(exact, z, method.structure)
    volume = 0.5 * exact.dim * log(2 * pi) - 0.5 * gaussian.logdet
    gain = 0.5 * float(gaussian.covariance(slope[None, None]).squeeze())
    evidence = value + volume
    placed = PlacedGaussian(Subset.of(target), z, gaussian)
    draws, stats = placed.draw(method.draws, session.seed)
    return Run(
        draws,
        stats,
        "approximate",
        trace={"log_density": np.asarray(search.trace)},
        n_gradients=search.n_gradients,
        converged=all(ended) and gain < FAR,
        gaussian=placed.to_dataset(
            structure=method.structure, predictive="mc", log_marginal_likelihood=evidence
        ),
        message=f"The log marginal likelihood is {evidence:.2f} nats, by the Hessian at the mode.",
    )


def _curvature(target: Target, z: np.ndarray, structure: str) -> tuple[Gaussian, np.ndarray]:
    """Return the Gaussian, and the gradient of the log density."""
    with target.scope():
        hessian = jax.jit(jax.hessian(lambda z: -target.log_density(z)))(jnp.asarray(z))
        slope = np.asarray(jax.grad(target.log_density)(jnp.asarray(z)))
    matrix = np.asarray(hessian)
    smallest = float(np.linalg.eigvalsh(matrix)[0])
    if not smallest > FLAT * max(float(np.diagonal(matrix).max()), 1e-300):
        raise MethodError(
            f"fit: the log density is not curved in every direction where the search ended: the smallest curvature is "
            f"{smallest:.2g} and the gradient has norm {np.linalg.norm(slope):.2g}. It is a saddle, or a prior is "
            "improper. Start elsewhere (seed), raise `steps`, or give every variable a proper prior."
        )
    block = DiagCurvature(np.diagonal(matrix)[None]) if structure == "diag" else DenseCurvature(matrix[None])
    curvature = Curvature(target.dim, (slice(0, target.dim),), (block,))
    return curvature.gaussian(np.ones(1), np.zeros(target.dim)), slope


def _check(method: Laplace, target: Target) -> None:
    if method.structure not in ("auto", "full", "diag"):
        raise MethodError(
            f"Laplace: structure {method.structure!r} needs a model made by pbnn.build; a general pm.Model has "
            "'full' and 'diag'."
        )
    for name in FOR_NETWORKS:
        if getattr(method, name) != getattr(Laplace(), name):
            raise MethodError(f"Laplace: {name} needs a model made by pbnn.build; leave it out.")
    if target.dim > LARGEST:
        raise MethodError(
            f"Laplace: the Hessian of {target.dim} variables is not made, only that of {LARGEST}; use ADVI."
        )
