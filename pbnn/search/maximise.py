"""Find the best point of a space for a score: gradients where columns are continuous, moves where they are not."""

from dataclasses import dataclass
from functools import partial
from typing import Any, final

import jax
import numpy as np

from pbnn.search.climb import STEPS, Score, climb
from pbnn.search.inputs import Inputs, Points
from pbnn.target.jaxify import scope

CHUNK = 256
"""Points are scored so many at once, in one compiled program; the last are filled up."""
RELAXED = 8
"""A grid of so many values is climbed as if it were continuous first; its neighbours decide afterwards."""
ENUMERATED = 2048
"""A space of no more points than this is scored whole."""
SAME = 1e-9
"""Points nearer than this in every column are one."""
ROUNDS = 4
"""Of moves and climbs in turn, at most: each ends where neither changes anything."""


@final
@dataclass(frozen=True, slots=True)
class Effort:
    """How hard `maximise` tries.

    Parameters
    ----------
    candidates
        Points that fill the space, scored first.
    near
        Points near those that are known to be good.
    starts
        How many of all these are improved further.
    steps
        Of each climb, at most; 0 for none, and nothing to compile for it.
    """

    candidates: int = 768
    near: int = 256
    starts: int = 8
    steps: int = STEPS


def maximise(
    score: Score,
    state: Any,
    inputs: Inputs,
    rng: np.random.Generator,
    *,
    good: Points,
    taken: Points,
    effort: Effort = Effort(),
) -> Points:
    """Return the admissible point with the highest score that could be found, `(1, d)`.

    Candidates fill the space and surround the good points; the best of them, and some others, are improved: continuous
    columns by gradients from all starts at once, categories and grids by trying every other category and steps of 1, 2,
    4, … along each grid, in turn until neither helps. A small space without continuous columns is scored whole.

    Parameters
    ----------
    score, state
        As of `climb`.
    inputs
        The space.
    rng
        Of the candidates.
    good
        Points near which to look.
    taken
        Points not to return while there is another.
    effort
        How hard to try.
    """
    whole = enumerated(inputs)
    pool = whole if whole is not None else candidates(inputs, rng, good, effort)
    values = scored(score, state, pool)
    if whole is None:
        starts = _chosen(values, effort.starts, rng)
        found = _improved(score, state, inputs, pool[starts], values[starts], effort.steps)
        pool, values = Points.joined([found[0], pool]), np.concatenate([found[1], values])
    best = best_free(pool, values, taken)
    if whole is None and among(best, taken).any():
        beside = inputs.neighbours(best)
        pool, values = Points.joined([pool, beside]), np.concatenate([values, scored(score, state, beside)])
        best = best_free(pool, values, taken)
    return best


def candidates(inputs: Inputs, rng: np.random.Generator, good: Points, effort: Effort = Effort()) -> Points:
    """Return points that fill the space, some near good ones, and the good ones themselves."""
    sets = [inputs.sample(effort.candidates, rng)]
    if len(good):
        base = good.x[rng.integers(len(good), size=effort.near)]
        # A few columns change at a time, by much or by little: good points are often good for most of their columns.
        moved = rng.random(base.shape) < np.maximum(rng.random((len(base), 1)), 1 / base.shape[1])
        width = 10 ** rng.uniform(-2.5, -0.5, (len(base), 1))
        nudged = np.clip(base + width * rng.normal(size=base.shape), 0.0, 1.0)
        drawn = inputs.sample(effort.near, rng).x
        categorical = np.array(inputs.layout.choices) > 0
        sets += [good, inputs.snap(np.where(moved, np.where(categorical, drawn, nudged), base))]
    return Points.joined(sets)


def enumerated(inputs: Inputs, limit: int = ENUMERATED) -> Points | None:
    """Return every point of a space without continuous columns, `(n, d)`; None if there are more than `limit`."""
    places = [inputs.grid(name) for name in inputs.names]
    if any(p is None for p in places) or np.prod([float(len(p)) for p in places]) > limit:
        return None
    x = np.stack([axis.ravel() for axis in np.meshgrid(*places, indexing="ij")], axis=-1)
    snapped = inputs.snap(x)
    # Where a parameter is inactive its column says nothing: such points are one.
    forgotten = np.where(snapped.active, snapped.x, 0.0)
    _, first = np.unique(np.hstack([forgotten, snapped.active]).round(9), axis=0, return_index=True)
    return snapped[np.sort(first)]


def best_free(points: Points, values: np.ndarray, taken: Points) -> Points:
    """Return the point of the highest value, `(1, d)`, that is none of those taken; of all if all are taken."""
    order = np.argsort(-values, kind="stable")
    for i in order:
        if not _same(taken, points.x[i], points.active[i]).any():
            return points[i]
    return points[order[0]]


def among(points: Points, others: Points) -> np.ndarray:
    """Return which points are one of `others`, `(n,)`."""
    found = np.zeros(len(points), bool)
    for x, active in zip(others.x, others.active, strict=True):
        found |= _same(points, x, active)
    return found


def _same(points: Points, x: np.ndarray, active: np.ndarray) -> np.ndarray:
    """Return which points are the one at `x`, `(n,)`: what is inactive does not matter."""
    near = (np.abs(points.x - x) < SAME) | ~active
    return (points.active == active).all(1) & near.all(1)


def scored(score: Score, state: Any, points: Points) -> np.ndarray:
    """Return the score of each point, `(n,)`; -inf where it is not a number."""
    values = []
    with scope("float64"):
        for start in range(0, len(points), CHUNK):
            chunk = points[slice(start, start + CHUNK)]
            missing = CHUNK - len(chunk)
            x, active = (np.pad(a, ((0, missing), (0, 0)), mode="edge") for a in (chunk.x, chunk.active))
            values.append(np.asarray(_scores(score, state, x, active))[: len(chunk)])
    joined = np.concatenate(values) if values else np.zeros(0)
    return np.where(np.isnan(joined), -np.inf, joined)


@partial(jax.jit, static_argnames="score")
def _scores(score: Score, state: Any, x: jax.Array, active: jax.Array) -> jax.Array:
    return score(state, x, active)


def _chosen(values: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """Return the best half of the starts, and others the likelier the better they are."""
    order = np.argsort(-values, kind="stable")
    best, rest = order[: n - n // 2], order[n - n // 2 :]
    rest = rest[np.isfinite(values[rest])]
    if len(rest) <= n // 2:
        return order[:n]
    spread = values[rest].std()
    weight = np.exp((values[rest] - values[rest].max()) / spread) if spread > 0 else np.ones(len(rest))
    return np.concatenate([best, rng.choice(rest, n // 2, replace=False, p=weight / weight.sum())])


def _improved(
    score: Score, state: Any, inputs: Inputs, points: Points, values: np.ndarray, steps: int
) -> tuple[Points, np.ndarray]:
    choices = np.array([column.choices for column in inputs.columns])
    levels = np.array([column.levels for column in inputs.columns])
    continuous = (choices == 0) & (levels == 0)
    grids = ~continuous & np.array([c > 1 or n > 1 for c, n in zip(choices, levels, strict=True)])
    relaxed = continuous | (levels >= RELAXED)
    if (relaxed & ~continuous).any():
        points, values = _climbed(score, state, inputs, points, values, relaxed, steps)
    for turn in range(ROUNDS):
        before = values
        if continuous.any():
            points, values = _climbed(score, state, inputs, points, values, continuous, steps)
        if not grids.any() or (turn > 0 and not (values > before).any()):
            break
        points, moved, values = _moved(score, state, inputs, points, values)
        if not moved:
            break
    return points, values


def _climbed(
    score: Score,
    state: Any,
    inputs: Inputs,
    points: Points,
    values: np.ndarray,
    columns: np.ndarray,
    steps: int,
) -> tuple[Points, np.ndarray]:
    if steps == 0:
        return points, values
    with scope("float64"):
        found = climb(score, state, points.x, points.active, points.active & columns, steps)
        x, reached = (np.asarray(a) for a in found)
    ended = inputs.snap(x)
    # Grids that were climbed as if they were continuous end beside their values, and conditions may hang on those.
    if not (np.array_equal(ended.x, x) and np.array_equal(ended.active, points.active)):
        reached = scored(score, state, ended)
    return _better(points, values, ended, reached)


def _moved(
    score: Score, state: Any, inputs: Inputs, points: Points, values: np.ndarray
) -> tuple[Points, bool, np.ndarray]:
    """Go from each point to its best neighbour, as long as that is better."""
    moved = False
    for _ in range(ROUNDS):
        sets = [inputs.neighbours(points[i]) for i in range(len(points))]
        ends = np.cumsum([len(s) for s in sets])
        beside = scored(score, state, Points.joined(sets))
        best, best_values = [], []
        for i, part in enumerate(np.split(beside, ends[:-1])):
            j = int(part.argmax()) if len(part) else -1
            best.append(sets[i][j] if len(part) else points[i])
            best_values.append(part[j] if len(part) else -np.inf)
        before = values
        points, values = _better(points, values, Points.joined(best), np.array(best_values))
        if not (values > before).any():
            break
        moved = True
    return points, moved, values


def _better(points: Points, values: np.ndarray, others: Points, new: np.ndarray) -> tuple[Points, np.ndarray]:
    ahead = new > values
    keep = ahead[:, None]
    return (
        Points(np.where(keep, others.x, points.x), np.where(keep, others.active, points.active)),
        np.where(ahead, new, values),
    )
