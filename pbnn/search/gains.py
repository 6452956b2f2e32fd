"""What another trial may gain, and how fast: between a new configuration and a stopped one, and when to end."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from optuna.trial import FrozenTrial, TrialState
from scipy.special import ndtr

from pbnn.search.attributes import CONTINUES, FAILED, STEPS
from pbnn.search.inputs import Points
from pbnn.search.lives import void
from pbnn.search.maximise import among, candidates, enumerated
from pbnn.search.prospects import Prospects

NEAR = 5
"""So many of the best points are surrounded with candidates."""
CHUNK = 255
"""Points whose covariance with the best is asked for at once."""


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

    The knowledge gradient of a look at one configuration, as far as it concerns this one and the best: `sd` is that of
    how the look will move the one against the other (`moved`).

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
    return np.maximum(sd * (density + z * ndtr(z)), 0.0)


def moved(covariance: np.ndarray, noise: float) -> np.ndarray:
    """Return how far a look at each point will move its posterior mean against that of the best: `(m,)`, in sd.

    A look at a point whose true score is tied to the best one's moves both, and tells little of which is better.

    Parameters
    ----------
    covariance
        `(1 + m, 1 + m)`: posterior covariance of the true scores, of the best first.
    noise
        Variance of the noise of the look.

    Examples
    --------
    >>> moved(np.array([[1.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 1.0]]), 3.0)
    array([0.5, 0. ])
    """
    own = np.diagonal(covariance)[1:]
    return np.abs(own - covariance[0, 1:]) / np.sqrt(np.maximum(own + noise, 1e-300))


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
    there, _ = surrogate.predict(pool)
    first, noise, best = found.points[int(mean.argmax())], _noise_of_whole(found), mean.max()
    chunks = (pool[slice(start, start + CHUNK)] for start in range(0, len(pool), CHUNK))
    look = np.concatenate([moved(_covariance(found, Points.joined([first, some])), noise) for some in chunks])
    return Gain(float((raised(there, look, best) + np.maximum(there - best, 0.0)).max()), seconds)


def gain_of_stopped(found: Prospects, place: int, n_steps: int, trials: Sequence[FrozenTrial]) -> Gain:
    """Return what a stopped trial may gain by the steps that it lacks."""
    trial = found.trials[place]
    # One that was stopped by a study of more steps lacks the last of fewer all the same.
    lacking = range(min(len(trial.user_attrs[STEPS]), n_steps - 1), n_steps)
    seconds = sum(_seconds_of_step(step, trials) for step in lacking)
    mean, _ = found.surrogate.predict(found.points)
    whole, now = _noise_of_whole(found), found.noise[place] + found.nugget
    others = found.configuration != found.configuration[place]
    # What remains is as good as one more score, whose noise turns the noise of now into that of a whole score.
    left = 1 / whole - 1 / max(now, 1e-300) if whole > 0 else 0.0
    if left <= 0 or not others.any():
        return Gain(0.0, seconds, trial.number)
    rival = int(np.flatnonzero(others)[mean[others].argmax()])
    look = moved(_covariance(found, found.points[[rival, place]]), 1 / left)
    return Gain(float(raised(mean[[place]], look, mean[rival])[0]), seconds, trial.number)


def gains_of_stopped(found: Prospects, trials: Sequence[FrozenTrial], n_steps: int) -> list[Gain]:
    """Return what each stopped trial that none goes on with may gain; one whose going on failed is left alone."""
    taken = {t.user_attrs.get(CONTINUES) for t in trials if not void(t)}
    left = {
        t.number
        for t in trials
        if t.state == TrialState.PRUNED
        and t.number not in taken
        and t.user_attrs.get(STEPS)
        and FAILED not in t.user_attrs
    }
    places = [i for i, t in enumerate(found.trials) if t.number in left]
    return [gain_of_stopped(found, i, n_steps, trials) for i in places]


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


def _covariance(found: Prospects, points: Points) -> np.ndarray:
    """Return the posterior covariance of the true scores, over the draws of the hyperparameters too."""
    means, covariances = found.surrogate.joint(points)
    apart = means - means.mean(0)
    return covariances.mean(0) + apart.T @ apart / len(means)


def _noise_of_whole(found: Prospects) -> float:
    """Return the variance of the noise of a score in full: that of those which have one."""
    known = found.noise[found.complete] if found.complete.any() else found.noise
    return float(np.median(known)) + found.nugget
