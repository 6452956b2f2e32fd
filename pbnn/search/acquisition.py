"""What a point is worth trying for, by name: each acquisition is a few facts computed once, and a score of points."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, final

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import log_ndtr, logsumexp

from pbnn.errors import MethodError, unknown
from pbnn.search.beliefs import Beliefs, joint_draws, means, paths
from pbnn.search.climb import Score
from pbnn.search.gp import marginals, padded_size
from pbnn.search.hypervolume import boxes, log_ehvi, reference_point
from pbnn.search.improvement import log_ei, log_mes, log_pi
from pbnn.search.inputs import Points

PATHS = 32
"""Draws of the function at known points, for `noisy_ei`, over all draws of the hyperparameters."""
MAXIMA = 32
"""Draws of the maximum, for `mes`, likewise."""
WIDTH = 2.0
"""Standard deviations above the mean, for `ucb`."""
POOL = 512
"""Candidates at which functions are drawn jointly, for `mes` and `thompson`."""

Facts = dict[str, Any]


@final
@dataclass(frozen=True, slots=True)
class Acquisition:
    """A way to say what a point is worth trying for.

    Parameters
    ----------
    facts
        `facts(beliefs, pool, rng)`: what is computed once for each suggestion; `pool` are candidates.
    score
        `score(facts, x, active) -> (m,)`, averaged over draws of the hyperparameters; None if the facts say which of
        the pool to take (`"values"`, one for each).
    several
        Whether it is for several objectives.
    """

    facts: Callable[[Beliefs, Points, np.random.Generator], Facts]
    score: Score | None
    several: bool = False


def known_best(beliefs: Beliefs, of: int = 0) -> tuple[Any, np.ndarray]:
    """Return the surrogate of an objective with pending points, and the highest mean at what may be best, `(h,)`.

    The mean rather than the score, for the highest of noisy scores is a lucky one; 0, the mean of all scores, if no
    point is feasible.
    """
    surrogate, may = beliefs.believers[of], beliefs.candidates_for_best()
    if not may.any():
        return surrogate.arrays, np.zeros(len(surrogate.theta))
    return surrogate.arrays, means(surrogate.arrays, beliefs.known[may]).max(-1)


def _improvement(beliefs: Beliefs, pool: Points, rng: np.random.Generator) -> Facts:
    arrays, best = known_best(beliefs)
    return {"objective": arrays, "best": best}


def _score_log_ei(facts: Facts, x: jax.Array, active: jax.Array) -> jax.Array:
    mean, variance = marginals(facts["objective"], x, active)
    return _log_mean(log_ei(mean, jnp.sqrt(variance), facts["best"][:, None]))


def _score_pi(facts: Facts, x: jax.Array, active: jax.Array) -> jax.Array:
    mean, variance = marginals(facts["objective"], x, active)
    # Without a margin it would always stay beside the best point, where the probability is a half.
    return _log_mean(log_pi(mean, jnp.sqrt(variance), facts["best"][:, None] + 0.01))


def _score_ucb(facts: Facts, x: jax.Array, active: jax.Array) -> jax.Array:
    mean, variance = marginals(facts["objective"], x, active)
    return (mean + WIDTH * jnp.sqrt(variance)).mean(0)


def _noisy(beliefs: Beliefs, pool: Points, rng: np.random.Generator) -> Facts:
    return {"paths": paths(beliefs, -(-PATHS // len(beliefs.objectives[0].theta)), rng)}


def _score_noisy_ei(facts: Facts, x: jax.Array, active: jax.Array) -> jax.Array:
    mean, variance = facts["paths"].marginals(x, active)
    gain = log_ei(mean, jnp.sqrt(variance), facts["paths"].best[..., None])
    return _log_mean(gain.reshape(-1, len(x)))


def _maxima(beliefs: Beliefs, pool: Points, rng: np.random.Generator) -> Facts:
    arrays, best = known_best(beliefs)
    believer = beliefs.believers[0]
    draws = joint_draws(believer, pool[slice(0, POOL)], -(-MAXIMA // len(best)), rng).max(-1)
    # The pool may have missed the hill that the best known point stands on.
    return {"objective": arrays, "maxima": np.maximum(draws, best[:, None])}


def _score_mes(facts: Facts, x: jax.Array, active: jax.Array) -> jax.Array:
    mean, variance = marginals(facts["objective"], x, active)
    maxima = jnp.broadcast_to(facts["maxima"][:, None], (*mean.shape, facts["maxima"].shape[-1]))
    return _log_mean(log_mes(mean, jnp.sqrt(variance), maxima))


def _thompson(beliefs: Beliefs, pool: Points, rng: np.random.Generator) -> Facts:
    """Draw one function; it needs no other care for pending points than that each suggestion draws its own."""
    draws = joint_draws(beliefs.objectives[0], pool[slice(0, 2 * POOL)], 1, rng)
    return {"values": draws[rng.integers(len(draws)), 0]}


def _front(beliefs: Beliefs, pool: Points, rng: np.random.Generator) -> Facts:
    may = beliefs.candidates_for_best()
    believers = beliefs.believers
    y = np.stack([means(s.arrays, beliefs.known).mean(0) for s in believers], axis=-1)
    lower, upper = boxes(y[may], reference_point(y[may] if may.any() else y))
    more = padded_size(len(lower)) - len(lower)
    nothing = np.zeros((more, len(believers)))
    return {
        "objectives": tuple(s.arrays for s in believers),
        "lower": np.concatenate([lower, nothing]),
        "upper": np.concatenate([upper, nothing]),
    }


def _score_ehvi(facts: Facts, x: jax.Array, active: jax.Array) -> jax.Array:
    beliefs = [marginals(arrays, x, active) for arrays in facts["objectives"]]
    h = max(len(mean) for mean, _ in beliefs)
    mean, variance = (
        jnp.stack([jnp.broadcast_to(b[i], (h, len(x))) for b in beliefs], axis=-1) for i in (0, 1)
    )
    return _log_mean(log_ehvi(mean, jnp.sqrt(variance), facts["lower"], facts["upper"]))


ACQUISITIONS = {
    "log_ei": Acquisition(_improvement, _score_log_ei),
    "noisy_ei": Acquisition(_noisy, _score_noisy_ei),
    "pi": Acquisition(_improvement, _score_pi),
    "ucb": Acquisition(_improvement, _score_ucb),
    "mes": Acquisition(_maxima, _score_mes),
    "thompson": Acquisition(_thompson, None),
    "ehvi": Acquisition(_front, _score_ehvi, several=True),
}
"""By the name that users type.

- `log_ei`: expected improvement over the highest posterior mean (Ament et al. 2023, arXiv:2310.20708);
- `noisy_ei`: the same over what may be the best of the noisy points, integrated over what their true scores and those
  of pending points may be (Letham, Karrer, Ottoni & Bakshy 2019, 10.1214/18-BA1110);
- `pi`: probability of improvement (Kushner 1964, 10.1115/1.3653121);
- `ucb`: upper confidence bound (Srinivas, Krause, Kakade & Seeger 2010, arXiv:0912.3995);
- `mes`: max-value entropy search (Wang & Jegelka 2017, arXiv:1703.01968);
- `thompson`: the best candidate of a function drawn from the posterior (Thompson 1933, 10.1093/biomet/25.3-4.285);
- `ehvi`: expected hypervolume improvement, of several objectives (Emmerich et al. 2011, 10.1109/CEC.2011.5949880).
"""


def acquisition_of(name: str, objectives: int) -> Acquisition:
    """Return an acquisition by its name.

    Raises
    ------
    MethodError
        If there is none of this name, or it is not for so many objectives.

    Examples
    --------
    >>> acquisition_of("log_ei", 1).several
    False
    """
    if name not in ACQUISITIONS:
        raise MethodError(unknown("GPSampler", "acquisition", name, ACQUISITIONS))
    found = ACQUISITIONS[name]
    if found.several != (objectives > 1):
        fitting = ", ".join(repr(n) for n, a in ACQUISITIONS.items() if a.several == (objectives > 1))
        what = "one objective" if objectives == 1 else f"{objectives} objectives"
        raise MethodError(f"GPSampler: {name!r} is not for a study with {what}; take {fitting}.")
    return found


@final
@dataclass(frozen=True, slots=True)
class Constrained:
    """The score of an acquisition, and of how likely a point is feasible (Gardner et al. 2014, ICML, PMLR 32(2)).

    The logarithms are added; of a score that is no logarithm (`ucb`), that of its excess over the best mean.
    Where no point is feasible yet, the probability alone counts.
    """

    score: Score

    def __call__(self, facts: Facts, x: jax.Array, active: jax.Array) -> jax.Array:
        """Return the score of each point, `(m,)`."""
        value = self.score(facts, x, active)
        if self.score is _score_ucb:
            value = jnp.log(jax.nn.softplus(value - facts["best"].mean()))
        return facts["matters"] * value + log_feasible(facts, x, active)


def log_feasible(facts: Facts, x: jax.Array, active: jax.Array) -> jax.Array:
    """Return the logarithm of the probability that all constraints are at most 0, taken as independent: `(m,)`."""
    total = jnp.zeros(len(x))
    for arrays, limit in zip(facts["constraints"], facts["limits"], strict=True):
        mean, variance = marginals(arrays, x, active)
        total += _log_mean(log_ndtr((limit - mean) / jnp.sqrt(variance)))
    return total


def _score_feasible(facts: Facts, x: jax.Array, active: jax.Array) -> jax.Array:
    return log_feasible(facts, x, active)


def problem(
    acquisition: Acquisition, beliefs: Beliefs, pool: Points, rng: np.random.Generator
) -> tuple[Score | None, Facts]:
    """Return what `maximise` needs: a score and its facts; without a score the facts' `values` are of the pool."""
    facts = acquisition.facts(beliefs, pool, rng)
    if not beliefs.constraints:
        return acquisition.score, facts
    facts |= {
        "constraints": tuple(s.arrays for s in beliefs.constraints),
        "limits": tuple((0.0 - s.loc) / s.scale for s in beliefs.constraints),
        "matters": float(beliefs.feasible.any()),
    }
    if acquisition.score is not None:
        return Constrained(acquisition.score), facts
    # A drawn function is taken where drawn constraints hold; where none does, there where most is likely to.
    chosen = pool[slice(0, len(facts["values"]))]
    held = np.ones(len(chosen), bool)
    for s in beliefs.constraints:
        drawn = joint_draws(s, chosen, 1, rng)[0, 0]
        held &= s.loc + s.scale * drawn <= 0
    if held.any():
        return None, {"values": np.where(held, facts["values"], -np.inf)}
    return _score_feasible, facts


def _log_mean(log: jax.Array) -> jax.Array:
    """Return the logarithm of the mean over the first axis."""
    return logsumexp(log, axis=0) - np.log(len(log))
