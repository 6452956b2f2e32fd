"""MAP: the mode of the log density in unconstrained coordinates, by SciPy's L-BFGS from several starts."""

import numpy as np

from pbnn.errors import MethodError
from pbnn.infer.funnels import refuse_funnels
from pbnn.infer.methods import MAP
from pbnn.infer.progress import progress_bar
from pbnn.infer.run import Run, Session, run
from pbnn.infer.search import Search
from pbnn.target import Target
from pbnn.target.curvature import Subset


@run.register
def _(method: MAP, target: Target, session: Session) -> Run:
    refuse_funnels(target, "MAP")
    starts = target.starts(method.starts, session.seed)
    search = Search(Subset.of(target))
    interrupted, converged = False, []
    with progress_bar("MAP", method.starts * method.steps, show=session.progress) as bar:
        try:
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
