"""Run the chains of a program, with a progress bar, and stack what they drew."""

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Literal, final

import numpy as np

from pbnn.errors import MethodError
from pbnn.infer.executors import run_on
from pbnn.infer.programs import Draws, InMemory, Keeper, Program, State, Until, run_programs
from pbnn.infer.progress import progress_bar
from pbnn.infer.run import Run, Session, alike
from pbnn.target import Target


@final
@dataclass(frozen=True, slots=True)
class Chains:
    """What some chains left behind.

    Attributes
    ----------
    states
        Their last states, of those that drew anything, in order.
    draws
        Arrays `(chain, draw, ...)` by name: so many draws of each chain that most are kept.
    check
        The same of the draws in group `check`, if there are any.
    failed
        Why a chain was given up, by its number.
    n_gradients
        Gradients that were evaluated, by all.
    restarts
        How often a chain began anew, in all.
    reasons
        Why.
    interrupted
        Whether the user stopped them.
    """

    states: list[State]
    draws: Draws
    check: Draws
    failed: dict[int, str]
    n_gradients: int
    restarts: int
    reasons: tuple[str, ...]
    interrupted: bool

    def of_each(self, name: str, dtype: Any = float) -> np.ndarray:
        """Return a number in the state of each chain, repeated for each of its draws."""
        each = np.asarray([state[name] for state in self.states], dtype)
        n = len(next(iter(self.draws.values()))[0])
        return np.repeat(each[:, None], n, axis=1)

    def run(
        self,
        z: np.ndarray,
        stats: Mapping[str, np.ndarray],
        sampling: Literal["mcmc", "approximate"],
        message: str,
    ) -> Run:
        """Return what a method found, with what the chains say of themselves."""
        return Run(
            z,
            dict(stats),
            sampling,
            check=self.check.get("z"),
            n_gradients=self.n_gradients,
            interrupted=self.interrupted,
            lost=len(self.failed),
            message=message,
        )


def run_chains(title: str, program: Program, n_chains: int, target: Target, session: Session) -> Chains:
    """Run chains `0..n_chains - 1` to their end, or to where the user interrupts.

    Raises
    ------
    MethodError
        If no chain drew anything.
    """
    if session.until is not None:
        program = Until(program, session.until)
    with session.keeper() if session.keeper else nullcontext(InMemory()) as keeper:
        with progress_bar(title, n_chains * program.pieces, show=session.progress) as bar:
            interrupted = _run(program, n_chains, target, session, keeper, bar.advance)
        states = {i: keeper.state(i) or {} for i in range(n_chains)}
        failed = {i: str(s["reason"]) for i, s in states.items() if s.get("stage") == "failed"}
        drawn = {i: d for i in states if i not in failed and (d := keeper.draws(i, "draws"))}
        checked = {i: keeper.draws(i, "check") for i in drawn}
    if not drawn:
        raise MethodError(_why_nothing(title, failed, session))
    n = alike([_length(d) for d in drawn.values()])
    kept = [i for i in drawn if _length(drawn[i]) >= n]
    # Of the same chains: others would be compared with those of another mode.
    n_checked = min(_length(checked[i]) for i in kept)
    return Chains(
        [states[i] for i in kept],
        _stacked([drawn[i] for i in kept], n),
        _stacked([checked[i] for i in kept], n_checked),
        failed,
        n_gradients=sum(s.get("n_gradients", 0) for s in states.values()),
        restarts=sum(s.get("restarts", 0) for s in states.values()),
        reasons=tuple(dict.fromkeys(str(s["reason"]) for s in states.values() if s.get("reason"))),
        interrupted=interrupted,
    )


def _run(
    program: Program,
    n_chains: int,
    target: Target,
    session: Session,
    keeper: Keeper,
    advance: Callable[[int], None],
) -> bool:
    if session.executor is None:
        return run_programs(program, target, range(n_chains), keeper, advance)
    # A chain that a store holds to its end needs no task.
    open_ends = [i for i in range(n_chains) if (s := keeper.state(i)) is None or program.ask(s) is not None]
    return run_on(session.executor, program, target, session, open_ends, keeper, advance)


def _length(draws: Draws) -> int:
    return len(draws["lp"]) if draws else 0


def _stacked(drawn: list[Draws], n: int) -> Draws:
    """Stack the first `n` draws of each chain."""
    return {name: np.stack([d[name][:n] for d in drawn]) for name in drawn[0]} if n else {}


def _why_nothing(title: str, failed: dict[int, str], session: Session) -> str:
    if failed:
        return (
            f"{title}: no chain could be run, however often restarted: {next(iter(failed.values()))}. Is the posterior "
            "proper, and smooth? Are there values of extreme size in the data? Try precision='float64', or pbnn.NUTS()."
        )
    shorter = " Lower `tune` for a quick look." if hasattr(session.method, "tune") else ""
    later = " What the store holds is kept: go on with pbnn.resume." if session.keeper else shorter
    return f"fit: interrupted before the first draw, during warm-up; there is nothing to return.{later}"
