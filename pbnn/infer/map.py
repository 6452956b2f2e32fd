"""MAP: the mode of the log density in unconstrained coordinates, by SciPy's L-BFGS from several starts."""

import jax
import numpy as np
from scipy.optimize import minimize
from threadpoolctl import threadpool_limits

from pbnn.errors import MethodError
from pbnn.infer.methods import MAP
from pbnn.infer.progress import Bar, progress_bar
from pbnn.infer.run import Run, Session, run
from pbnn.target import Target


@run.register
def _(method: MAP, target: Target, session: Session) -> Run:
    starts = target.starts(method.starts, session.seed)
    search = _Search(target)
    interrupted, converged = False, []
    with progress_bar("MAP", method.starts * method.steps, show=session.progress) as bar:
        try:
            # BLAS threads on matrices of a few rows only wait for each other: minutes on a busy machine.
            with threadpool_limits(1, "blas"):
                for z in starts:
                    converged.append(search.climb(z, method.steps, bar))
        except KeyboardInterrupt:
            interrupted = True
    lp, z = max(search.peaks, key=lambda peak: peak[0], default=(-np.inf, starts[0]))
    if lp == -np.inf:
        raise MethodError("fit: interrupted before the first step; there is nothing to return.")
    message = f"The best of {len(search.peaks)} starts has log density {lp:.2f}."
    if interrupted:
        message = f"Interrupted. {message}"
    elif not all(converged):
        message = f"{message} {converged.count(False)} had not converged; raise `steps`."
    return Run(
        z[None, None].astype(target.dtype),
        {"lp": np.full((1, 1), lp)},
        "approximate",
        trace={"log_density": np.asarray(search.trace)},
        n_gradients=search.n_gradients,
        converged=bool(converged) and all(converged),
        interrupted=interrupted,
        message=message,
    )


class _Search:
    """Climbs from one start after another; remembers the best point of each, also when interrupted."""

    def __init__(self, target: Target) -> None:
        self.target = target
        with target.scope():
            self._slope = jax.jit(jax.value_and_grad(target.log_density))
        self.peaks: list[tuple[float, np.ndarray]] = []
        self.trace: list[float] = []
        self.n_gradients = 0

    def climb(self, z: np.ndarray, steps: int, bar: Bar) -> bool:
        self.peaks.append((-np.inf, z))
        options = {"maxiter": steps, "maxfun": 10 * steps, "ftol": 1e-11, "gtol": 1e-5}

        def callback(_: np.ndarray) -> None:
            bar.advance(1, f"{self.peaks[-1][0]:.2f}")

        result = minimize(
            self._down, z.astype(float), jac=True, method="L-BFGS-B", options=options, callback=callback
        )
        return bool(result.success)

    def _down(self, z: np.ndarray) -> tuple[float, np.ndarray]:
        with self.target.scope():
            value, gradient = self._slope(z.astype(self.target.dtype), self.target.data)
        self.n_gradients += 1
        value, gradient = float(value), np.asarray(gradient, dtype=float)
        if not (np.isfinite(value) and np.isfinite(gradient).all()):
            # Far outside: send the line search back.
            return 1e300, np.zeros_like(gradient)
        self.trace.append(value)
        if value > self.peaks[-1][0]:
            self.peaks[-1] = (value, z.copy())
        return -value, -gradient
