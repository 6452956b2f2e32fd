"""What another trial may gain, and how fast: between a new configuration and a stopped one, and when to end."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from optuna.trial import FrozenTrial, TrialState
from scipy.special import log_ndtr

from pbnn.search.attributes import STEPS
from pbnn.search.maximise import among, candidates, enumerated
from pbnn.search.prospects import Prospects

NEAR = 5
"""So many of the best points are surrounded with candidates."""


@final
@dataclass(frozen=True, slots=True)
class Gain:
    """What a trial may gain.

    Parameters
    ----------
    amount
        By how much it is expected to raise the true score of the configuration that is recommended.
    seconds
        That it takes.
    number
        Of the stopped trial that it takes up; None of a new configuration.
    """

    amount: float
    seconds: float
    number: int | None = None

    @property
    def per_second(self) -> float:
        """Its speed."""
        return self.amount / max(self.seconds, 1e-9)


def raised(mean: np.ndarray, sd: np.ndarray, best: float) -> np.ndarray:
    """Return `E max(m, best) - max(mean, best)` of a posterior mean `m ~ N(mean, sd^2)` that is not known yet.

    The knowledge gradient of a look at one configuration, as far as it concerns this one and the best.

    References
    ----------
    Frazier, Powell & Dayanik (2009), The knowledge-gradient policy for correlated normal beliefs,
    10.1287/ijoc.1080.0314; Scott, Frazier & Powell (2011), The correlated knowledge gradient for simulation
    optimization of continuous parameters using Gaussian process regression, 10.1137/100801275.

    Examples
    --------
    >>> raised(np.array([0.0, -1.0]), np.array([1.0, 0.0]), 0.0).round(4)
    array([0.3989, 0.    ])
    """
    sd = np.maximum(np.asarray(sd, float), 1e-300)
    z = np.maximum(
        -np.abs(np.asarray(mean, float) - best) / sd, -40.0
    )  # further off there is nothing to gain
    density = np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
    return np.maximum(sd * (density + z * np.exp(log_ndtr(z))), 0.0)


def gain_of_new(found: Prospects, trials: Sequence[FrozenTrial], rng: np.random.Generator) -> Gain:
    """Return what the best configuration that was not tried may gain, scored in full.

    Only what was tried is recommended, so what is believed of it now, if that is more than of the best, is gained too.
    """
    surrogate = found.surrogate
    mean, _ = surrogate.predict(found.points)
    pool = enumerated(surrogate.inputs)
    if pool is None:
        pool = candidates(surrogate.inputs, rng, found.points[np.argsort(-mean)[:NEAR]])
    pool = pool[~among(pool, found.points)]
    seconds = seconds_of_whole(trials)
    if not len(pool):
        return Gain(0.0, seconds)
    there, sd = surrogate.predict(pool)
    look = sd**2 / np.sqrt(sd**2 + _noise_of_whole(found))
    best = mean.max()
    return Gain(float((raised(there, look, best) + np.maximum(there - best, 0.0)).max()), seconds)


def gain_of_stopped(found: Prospects, place: int, n_steps: int, trials: Sequence[FrozenTrial]) -> Gain:
    """Return what a stopped trial may gain by the steps that it lacks."""
    trial = found.trials[place]
    seconds = sum(_seconds_of_step(step, trials) for step in range(len(trial.user_attrs[STEPS]), n_steps))
    mean, sd = found.surrogate.predict(found.points)
    whole, now = _noise_of_whole(found), found.noise[place] + found.nugget
    others = found.configuration != found.configuration[place]
    # What remains is as good as one more score, whose noise turns the noise of now into that of a whole score.
    left = 1 / whole - 1 / max(now, 1e-300) if whole > 0 else 0.0
    if left <= 0 or not others.any():
        return Gain(0.0, seconds, trial.number)
    look = sd[place] ** 2 / np.sqrt(sd[place] ** 2 + 1 / left)
    amount = raised(mean[place : place + 1], np.array([look]), mean[others].max())[0]
    return Gain(float(amount), seconds, trial.number)


def seconds_of_whole(trials: Sequence[FrozenTrial]) -> float:
    """Return how long a trial takes that is scored in full: the median; of trials in steps, that of each step."""
    n_steps = max((len(t.user_attrs.get(STEPS, ())) for t in trials), default=0)
    if n_steps:
        return sum(_seconds_of_step(step, trials) for step in range(n_steps))
    took = [t.duration.total_seconds() for t in trials if t.state == TrialState.COMPLETE and t.duration]
    return float(np.median(took)) if took else 0.0


def _seconds_of_step(step: int, trials: Sequence[FrozenTrial]) -> float:
    done = [t.user_attrs.get(STEPS, ()) for t in trials]
    took = [steps[step]["seconds"] for steps in done if len(steps) > step]
    took = took or [one["seconds"] for steps in done for one in steps]
    return float(np.median(took)) if took else 0.0


def _noise_of_whole(found: Prospects) -> float:
    """Return the variance of the noise of a score in full: that of those which have one."""
    known = found.noise[found.complete] if found.complete.any() else found.noise
    return float(np.median(known)) + found.nugget
