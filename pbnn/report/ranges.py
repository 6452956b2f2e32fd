"""Whether the stated ranges hold what they promise: one number for the whole page, and what is wrong with them."""

from dataclasses import dataclass

import numpy as np
import xarray as xr
from scipy import stats

from pbnn.assess import coverage, pit_histogram
from pbnn.assess.calibration import BAND
from pbnn.report.facts import Facts
from pbnn.report.words import percent

LEVEL = 0.9
SLIGHT = 0.03
"""What the share inside ranges may be off by without a word: 89 of 90 in 100 is right."""
SHIFTED = 0.05
"""How far the average rank of what was observed may be from the middle without a word."""
FAR = 0.2
"""From which the shares inside ranges, or the chances of classes, are so far off that they are not to be trusted."""
WAYS = {"too narrow": -1, "too wide": 1}


@dataclass(frozen=True, slots=True)
class Departure:
    """What is wrong with the ranges of an output: those of `level` held `share`; `slight` if at one level only."""

    words: str
    output: str | None
    level: float
    share: float
    slight: bool


def share_inside(facts: Facts, output: str | None = None) -> float:
    """Return the share of the judged rows inside their 90 % intervals, on average over outputs, or of one."""
    inside = facts.scores["coverage"].sel(level=LEVEL, method="nearest")
    return float(inside.mean() if output is None else inside.sel(output=output))


def chance(facts: Facts, level: float = LEVEL) -> tuple[float, float]:
    """Return the ends between which that share lies 95 times in 100, if the ranges are right."""
    n = len(facts.X)
    low, high = stats.binom.interval(BAND, n, level)
    return float(low) / n, float(high) / n


def departures(facts: Facts) -> list[Departure]:
    """Return what is wrong with the ranges by more than chance, and by enough to matter.

    A fit has adapted to its training rows, so that its ranges are somewhat too wide for these and right for others:
    only ranges that are too narrow even there say something.
    """
    shapes = pit_histogram(facts.rows)["shape"]
    found = []
    for output in facts.outputs:
        shape = str(shapes.item() if output is None else shapes.sel(output=output).item())
        rows = facts.rows if output is None else facts.rows.sel(output=output)
        one = _departure(facts, rows, shape, output)
        if one is not None and (facts.held_out or one.words != "too wide"):
            found.append(one)
    return found


def chances_off(facts: Facts) -> bool:
    """Whether probabilities of classes are off by more than chance explains."""
    ece = facts.scores["ece"]
    return float(ece) > ece.attrs["limit"]


def far_off(facts: Facts) -> str:
    """Say by how much ranges or chances miss what they promise, if so far that they are worth nothing; else nothing."""
    if facts.kind == "classes":
        ece = facts.scores["ece"]
        if float(ece) <= ece.attrs["limit"] + FAR:
            return ""
        return (
            f"the probabilities of the predicted classes are off by {percent(float(ece))} on average on the "
            f"{facts.judged_on}"
        )
    worst = min((d for d in departures(facts) if d.level == LEVEL), key=lambda d: d.share, default=None)
    if worst is None or worst.share > LEVEL - FAR:
        return ""
    of = f" of {worst.output}" if worst.output else ""
    return f"only {percent(worst.share)} of the {facts.judged_on} lie inside the 90 % intervals{of}"


def _departure(facts: Facts, rows: xr.Dataset, shape: str, output: str | None) -> Departure | None:
    share = share_inside(facts, output)
    if shape in ("too low", "too high"):
        off = abs(float(rows["pit"].mean()) - 0.5)
        return Departure(shape, output, LEVEL, share, slight=False) if off > SHIFTED else None
    shares = _shares(facts, rows, share)
    ways = {level: _way(facts, level, held) for level, held in shares.items()}
    if shape in WAYS:
        # Of all levels rather the one that is spoken of elsewhere.
        at = next((level for level, way in ways.items() if way == WAYS[shape]), None)
        return None if at is None else Departure(shape, output, at, shares[at], slight=False)
    if not ways[LEVEL] or len(facts.outputs) > 1:
        return None
    words = next(words for words, way in WAYS.items() if way == ways[LEVEL])
    return Departure(words, output, LEVEL, share, slight=True)


def _shares(facts: Facts, rows: xr.Dataset, share: float) -> dict[float, float]:
    """Return the share inside ranges of some levels; intervals of counts hold more than they promise, ranks do not."""
    found = {level: float(coverage(rows, [level])["coverage"].item()) for level in (LEVEL, 0.5, 0.8)}
    return found if facts.kind == "counts" else {**found, LEVEL: share}


def _way(facts: Facts, level: float, share: float) -> int:
    low, high = chance(facts, level)
    if low <= share <= high or abs(share - level) < SLIGHT:
        return 0
    return int(np.sign(share - level))
