"""The search for a mode: SciPy's L-BFGS on the log density of some of the variables, the others held."""

from typing import Any

import numpy as np
from scipy.optimize import minimize

from pbnn.infer.placed_gaussian import PlacedGaussian
from pbnn.infer.progress import Bar
from pbnn.target.curvature import Subset
from pbnn.threads import one_blas_thread

GAIN = 1e-4
"""Nats that a Newton step may still gain at a mode."""


class Search:
    """Climbs from one start after another; remembers the best point of each, also when interrupted.

    Attributes
    ----------
    peaks
        For each climb the highest log density and its point `(dim,)`.
    trace
        The log density at each evaluation.
    n_gradients
        How many there were.
    """

    def __init__(self, subset: Subset) -> None:
        self.subset = subset
        self._slope = subset.target.slope()
        self.peaks: list[tuple[float, np.ndarray]] = []
        self.trace: list[float] = []
        self.n_gradients = 0

    def climb(self, z: np.ndarray, steps: int, bar: Bar, metric: PlacedGaussian | None = None) -> bool:
        """Climb from `z` `(dim,)`, and return whether it got to a mode; the last of `peaks` says where.

        With a `metric`, a Gaussian of about the log density's curvature, it climbs in coordinates in which that is
        white, and ends where a Newton step would gain little.
        """
        self.peaks.append((-np.inf, z))
        options: dict[str, Any] = {"maxiter": steps, "maxfun": 10 * steps, "ftol": 1e-11, "gtol": 1e-5}
        if metric is not None:
            inner = np.isin(self.subset.positions, metric.subset.positions)
            # The largest derivative at which half of their sum of squares, which a step gains, is still small.
            options["gtol"] = (2 * GAIN / inner.sum()) ** 0.5

        def callback(_: np.ndarray) -> None:
            bar.advance(1, f"{self.peaks[-1][0]:.2f}")

        start = z[self.subset.positions].astype(float)

        def down(u: np.ndarray) -> tuple[float, np.ndarray]:
            if metric is None:
                return self._down(start + u, z)
            step = u.copy()
            step[inner] = metric.gaussian.sample(u[None, inner])[0]
            value, slope = self._down(start + step, z)
            slope[inner] = metric.gaussian.whiten(slope[None, inner])[0]
            return value, slope

        with one_blas_thread():
            result = minimize(
                down,
                np.zeros_like(start),
                jac=True,
                method="L-BFGS-B",
                options=options,
                callback=callback,
            )
        return bool(result.success)

    def _down(self, u: np.ndarray, z: np.ndarray) -> tuple[float, np.ndarray]:
        target, point = self.subset.target, z.copy()
        point[self.subset.positions] = u
        with target.scope():
            value, gradient = self._slope(point, target.data)
        self.n_gradients += 1
        value, gradient = float(value), np.asarray(gradient, dtype=float)[self.subset.positions]
        if not (np.isfinite(value) and np.isfinite(gradient).all()):
            # Far outside: send the line search back.
            return 1e300, np.zeros_like(gradient)
        self.trace.append(value)
        if value > self.peaks[-1][0]:
            self.peaks[-1] = (value, point)
        return -value, -gradient
