"""The Laplace approximation: a Gaussian at a mode, with the curvature there."""

from dataclasses import dataclass
from math import log, pi
from typing import final

import jax
import jax.numpy as jnp
import numpy as np

from pbnn.errors import MethodError, unknown
from pbnn.infer.funnels import refuse_funnels
from pbnn.infer.laplace.evidence import Hyperparameters, log_evidence, tune
from pbnn.infer.laplace.general import FAR, fit_general
from pbnn.infer.laplace.saddle import SADDLE, SmallestCurvature
from pbnn.infer.laplace.structures import Builder, builder, choose, require_memory
from pbnn.infer.methods import Laplace
from pbnn.infer.placed_gaussian import PlacedGaussian
from pbnn.infer.precisions import Gaussian
from pbnn.infer.prior_curvature import prior_curvature
from pbnn.infer.progress import Bar, progress_bar
from pbnn.infer.run import Run, Session, run
from pbnn.infer.search import Search
from pbnn.target import Target
from pbnn.target.curvature import Subset
from pbnn.target.curvature.blocks import MEMORY
from pbnn.target.curvature.explicit import n_parts
from pbnn.target.graphs import log_terms

ONLINE_ROUNDS, HALVINGS = 60, 4
"""Rounds of tuning in turn with training, and how often a step is halved until the evidence rises."""
SETTLED, STILL = 0.01, 0.002
"""It ends at smaller changes of the logs of hyperparameters, or of the evidence (nats), or where no step raises it."""
ESCAPES = 3
"""Saddles that are left, one after another."""
AUTO_FLOPS = 2e13
"""Work that `structure="auto"` allows: about a minute on two cores."""


@run.register
def _(method: Laplace, target: Target, session: Session) -> Run:
    if target.bnn is None:
        return fit_general(method, target, session)
    if method.predictive == "probit" and target.bnn.response.kind != "classes":
        raise MethodError("Laplace: predictive='probit' is for classes; use 'glm' or 'mc'.")
    refuse_funnels(target, "Laplace")
    subset = chosen(method, target)
    structure, said = method.structure, ""
    if structure == "auto":
        structure, said = choose(subset, method.memory, AUTO_FLOPS, method.rank)
    require_memory(subset, structure, method.rank, method.memory)
    build = builder(subset, structure, method.rank, min(MEMORY, int(method.memory)))
    training = Training(method, target, subset, build)
    with progress_bar("Laplace", method.starts * method.steps, show=session.progress) as bar:
        found, smallest = training.off_saddles(
            training.best(target.starts(method.starts, session.seed), bar), bar
        )
    z, stats = found.placed.draw(method.draws, session.seed)
    return Run(
        z,
        stats,
        "approximate",
        trace={"log_evidence_and_prior": np.asarray(found.trace)} if found.trace else {},
        n_gradients=training.search.n_gradients,
        converged=found.settled and found.gain < FAR and not smallest < SADDLE,
        interrupted=training.interrupted,
        gaussian=found.placed.to_dataset(
            structure=structure,
            predictive=method.predictive,
            log_marginal_likelihood=found.log_marginal_likelihood,
            smallest_curvature=smallest,
            newton_gain=found.gain,
        ),
        message=_message(found, smallest, said, interrupted=training.interrupted),
    )


@final
@dataclass(frozen=True, slots=True)
class Found:
    """A Laplace approximation.

    Attributes
    ----------
    placed
        The Gaussian at the mode.
    log_marginal_likelihood
        Of the data given the hyperparameters (nats).
    value
        The same, times the density of all that is held at its value: by this starts are compared.
    gain
        What a Newton step would add to the log density (nats): about 0 at a mode.
    settled
        Whether the tuning came to an end.
    trace
        The value after each round of tuning.
    """

    placed: PlacedGaussian
    log_marginal_likelihood: float
    value: float
    gain: float
    settled: bool
    trace: tuple[float, ...]


def _message(found: Found, smallest: float, said: str, *, interrupted: bool) -> str:
    sentences = [f"The log marginal likelihood is {found.log_marginal_likelihood:.2f} nats."]
    if interrupted:
        sentences.insert(0, "Interrupted: this is at the best point reached by then.")
    elif not found.settled:
        sentences.append(f"Prior scales and noise were still moving after {ONLINE_ROUNDS} rounds of tuning.")
    if found.gain >= FAR:
        sentences.append(f"The mode is still {found.gain:.2g} nats away; raise `steps`.")
    if smallest < SADDLE:
        sentences.append(
            f"The point is a saddle: the Hessian's smallest eigenvalue is {smallest:.2g}; try more `starts`."
        )
    sentences += [f"{note[0].upper()}{note[1:]}." for note in found.placed.gaussian.notes]
    if said:
        sentences.append(f"{said[0].upper()}{said[1:]}")
    return " ".join(sentences)


class Training:
    """Finds a mode and the curvature there, with the hyperparameters fixed, tuned after, or on the way."""

    def __init__(self, method: Laplace, target: Target, subset: Subset, build: Builder) -> None:
        self.method, self.target, self.subset, self.build = method, target, subset, build
        self.interrupted = False
        bnn = target.bnn
        assert bnn is not None
        # The search for the mode takes float64: in float32 it ends where the log density no longer resolves a step.
        self.exact = Target.of(bnn, "float64")
        self.hyper = Hyperparameters(subset, tied=method.prior_precision == "one") if method.tune else None
        tuned = self.hyper.names if self.hyper is not None and method.tune == "online" else ()
        self.search = Search(
            Subset(self.exact, tuple(v.name for v in target.variables if v.name not in tuned))
        )
        self._terms = log_terms(target.model, "float64", leave_out="y")
        self._prior = prior_curvature(subset)
        with self.exact.scope():
            self._slope = jax.jit(jax.value_and_grad(self.exact.log_density))
            self._likelihood = jax.jit(lambda z: self.exact.log_likelihood(z).sum())

    def best(self, starts: np.ndarray, bar: Bar) -> Found:
        """Return the best of all starts."""
        ended = []
        try:
            for z in starts:
                ended.append(self.one(z.astype(float), bar))
        except KeyboardInterrupt:
            self.interrupted = True
            if not ended:
                if not self.search.peaks:
                    raise MethodError(
                        "fit: interrupted before the first step; there is nothing to return."
                    ) from None
                ended = [self.at(self.search.peaks[-1][1], settled=False)]
        return max(ended, key=lambda found: found.value)

    def off_saddles(self, found: Found, bar: Bar) -> tuple[Found, float]:
        """Return what lies uphill of a saddle, both ways along the direction in which it is one; else the same.

        And the smallest curvature there. L-BFGS ends at saddles too, where a unit does nothing.
        """
        probe = SmallestCurvature(Subset(self.exact, self.subset.names))
        smallest, along = probe.at(found.placed.z)
        for _ in range(ESCAPES):
            # What was tuned after training stays as it is, with the weights that it was tuned for.
            if not smallest < SADDLE or found.gain > FAR or self.interrupted or self.method.tune == "after":
                break
            step = np.zeros(self.exact.dim)
            step[self.subset.positions] = along / abs(smallest) ** 0.5
            try:
                for sign in (1, -1):
                    self._climb(found.placed.z + sign * step, bar)
            except KeyboardInterrupt:
                self.interrupted = True
                break
            value, z = max(self.search.peaks[-2:], key=lambda peak: peak[0])
            if value <= self._log_density(found.placed.z)[0]:
                break
            found = self.at(z, settled=found.settled, trace=found.trace)
            smallest, along = probe.at(z)
        return found, smallest

    def one(self, z: np.ndarray, bar: Bar) -> Found:
        """Return the Laplace approximation that a start leads to."""
        z = self._climb(z, bar)
        if self.hyper is None or not self.hyper.names:
            return self.at(z)
        curvature, prior = self.build(z), self._prior(z)
        if self.method.tune == "after":
            tuned = tune(self.hyper, curvature, prior, z)
            return self.at(self.hyper.moved(z, tuned.theta), trace=(tuned.value,))
        gaussian = best = curvature.gaussian(np.ones(n_parts(self.subset)), prior)
        value = log_evidence(self.hyper.at(z, self.hyper.of(z))[0], gaussian)
        trace = [value]
        for _ in range(ONLINE_ROUNDS):
            # With the weights held the evidence may rise, and fall when they follow: so a step is tried with training.
            theta = self.hyper.of(z)
            step = tune(self.hyper, curvature, prior, z).theta - theta
            metric = PlacedGaussian(self.subset, z, gaussian)
            for _ in range(HALVINGS):
                new = self._climb(self.hyper.moved(z, theta + step), bar, metric)
                curvature, prior = self.build(new), self._prior(new)
                gaussian = curvature.gaussian(np.ones(n_parts(self.subset)), prior)
                new_value = log_evidence(self.hyper.at(new, self.hyper.of(new))[0], gaussian)
                if new_value > value:
                    break
                step = step / 2
            else:
                return self.at(z, best, trace=tuple(trace))
            gained = new_value - value
            z, value, best = new, new_value, gaussian
            trace.append(value)
            if gained < STILL or np.abs(step).max() < SETTLED:
                return self.at(z, best, trace=tuple(trace))
        return self.at(z, best, settled=False, trace=tuple(trace))

    def at(
        self,
        z: np.ndarray,
        gaussian: Gaussian | None = None,
        *,
        settled: bool = True,
        trace: tuple[float, ...] = (),
    ) -> Found:
        """Return the Laplace approximation at a point, where `gaussian` is made if it is not at hand."""
        exact, subset = self.exact, self.subset
        if gaussian is None:
            gaussian = self.build(z).gaussian(np.ones(n_parts(subset)), self._prior(z))
        volume = 0.5 * subset.dim * log(2 * pi) - 0.5 * gaussian.logdet
        value, slope = self._log_density(z)
        with exact.scope():
            terms = self._terms(exact.split(z))
            likelihood = float(self._likelihood(jnp.asarray(z)))
        prior = sum(float(terms[name]) for name in subset.names)
        along = slope[subset.positions].astype(self.target.dtype)
        gain = 0.5 * float(gaussian.covariance(along[None, None]).squeeze())
        placed = PlacedGaussian(subset, z, gaussian)
        return Found(placed, likelihood + prior + volume, value + volume, gain, settled, trace)

    def _log_density(self, z: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the log density and its gradient."""
        with self.exact.scope():
            value, slope = self._slope(jnp.asarray(z), self.exact.data)
        return float(value), np.asarray(slope)

    def _climb(self, z: np.ndarray, bar: Bar, metric: PlacedGaussian | None = None) -> np.ndarray:
        self.search.climb(z, self.method.steps, bar, metric)
        return self.search.peaks[-1][1]


def chosen(method: Laplace, target: Target) -> Subset:
    """Return the variables that the approximation is of."""
    bnn = target.bnn
    assert bnn is not None
    if method.subset == "all":
        return Subset.of(target, target.weights)
    if method.subset == "last_layer":
        last = bnn.affines[-1]
        return Subset.of(target, [name for name in (last.weight, last.bias) if name is not None])
    for name in method.subset:
        if name not in target.weights:
            raise MethodError(unknown("Laplace", "weight in subset", name, target.weights))
    return Subset.of(target, method.subset)
