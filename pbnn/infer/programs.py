"""A chain as a program: it asks for one compiled piece of work after another, and keeps its whole state in between.

So a chain can stop after any piece and go on later, in another process or on another machine, and draw the same; and
chains that ask for the same work can be given it side by side, one to a core, or in one batch on an accelerator.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from threading import Lock
from typing import Any, Protocol, final

import jax
import numpy as np

from pbnn.infer.run import run_side_by_side
from pbnn.target import Target

State = dict[str, Any]
"""NumPy arrays and plain numbers and texts, by name: what a file can hold."""
Draws = dict[str, np.ndarray]
"""Arrays `(draw, ...)` by name."""
Kernel = Callable[..., Any]
"""`(inputs, data)` to outputs: a pure JAX function of one chain."""


@final
@dataclass(frozen=True, slots=True)
class Kept:
    """Draws to keep: `group` says of what, and `first` is the number of the first of them."""

    group: str
    first: int
    draws: Draws


class Program(Protocol):
    """How a chain runs, whatever runs it. All methods are pure, so the same state leads to the same draws.

    It is made from `(method, target, seed)`, so that another process can make it too.
    """

    kernels: Mapping[str, Kernel]
    """The pieces of work by name."""
    pieces: int
    """How many pieces a chain takes, about: for the progress bar."""

    def first(self, index: int) -> State:
        """Return the state in which chain `index` begins."""

    def ask(self, state: State) -> tuple[str, Any] | None:
        """Return the name and the inputs of the next piece of work; None when the chain is done."""

    def tell(self, state: State, outputs: Any) -> tuple[State, Kept | None]:
        """Return the state after that piece, and the draws it gave."""


class Keeper(Protocol):
    """Where states and draws go."""

    def state(self, index: int) -> State | None:
        """Return the state in which a chain was left; None if it has not begun."""

    def keep(self, index: int, state: State, kept: Kept | None) -> None:
        """Keep a chain's state, and the draws that came with it."""

    def draws(self, index: int, group: str) -> Draws:
        """Return the draws of a chain, as many as its state says it has (`drawn_<group>`)."""


@final
class Until:
    """A program that asks for no more work once a chain has so many draws."""

    def __init__(self, program: Program, draws: int) -> None:
        self._program, self._draws = program, draws
        self.kernels = program.kernels
        self.pieces = program.pieces

    def first(self, index: int) -> State:
        """Return the state in which chain `index` begins."""
        return self._program.first(index)

    def ask(self, state: State) -> tuple[str, Any] | None:
        """Return the name and the inputs of the next piece of work; None when there are enough draws."""
        return None if state.get("drawn_draws", 0) >= self._draws else self._program.ask(state)

    def tell(self, state: State, outputs: Any) -> tuple[State, Kept | None]:
        """Return the state after that piece, and the draws it gave."""
        return self._program.tell(state, outputs)


class InMemory:
    """A keeper for as long as the process lives."""

    def __init__(self) -> None:
        self._states: dict[int, State] = {}
        self._parts: dict[tuple[int, str], list[Kept]] = {}

    def state(self, index: int) -> State | None:
        """Return the state in which a chain was left; None if it has not begun."""
        return self._states.get(index)

    def keep(self, index: int, state: State, kept: Kept | None) -> None:
        """Keep a chain's state, and the draws that came with it."""
        if kept is not None:
            parts = self._parts.setdefault((index, kept.group), [])
            # A chain that was restarted begins again at draw 0.
            parts[:] = [part for part in parts if part.first < kept.first]
            parts.append(kept)
        self._states[index] = state

    def draws(self, index: int, group: str) -> Draws:
        """Return the draws of a chain, as many as its state says it has."""
        n = self._states.get(index, {}).get(f"drawn_{group}", 0)
        parts = self._parts.get((index, group), [])
        if n == 0:
            return {}
        names = parts[0].draws
        return {name: np.concatenate([part.draws[name] for part in parts])[:n] for name in names}


def run_programs(
    program: Program,
    target: Target,
    indices: Sequence[int],
    keeper: Keeper,
    advance: Callable[[int], None],
    *,
    batched: bool | None = None,
    single: "Single | None" = None,
) -> bool:
    """Run chains to their end; return whether the user interrupted.

    Parameters
    ----------
    program, target
        What each chain does, and on what.
    indices
        Numbers of the chains.
    keeper
        Where they left off, and where their draws go.
    advance
        Told the number of pieces done.
    batched
        All chains in one batch, rather than one to a thread; None: on an accelerator.
    single
        Kernels that are compiled already, for chains that are not in a batch.
    """
    if batched is None:
        batched = jax.default_backend() != "cpu"
    work = _Batch(program, target, len(indices)) if batched else single or Single(program, target)
    chains = {i: keeper.state(i) or program.first(i) for i in indices}
    if batched:
        return run_side_by_side([_in_step(program, work, chains, keeper)], advance)
    return run_side_by_side([_in_step(program, work, {i: s}, keeper) for i, s in chains.items()], advance)


def _in_step(
    program: Program, work: "Single | _Batch", chains: dict[int, State], keeper: Keeper
) -> Iterator[int]:
    """Advance chains together, those that ask for the same work in one call; yield the pieces done."""
    while True:
        asked = {i: asking for i, state in chains.items() if (asking := program.ask(state)) is not None}
        if not asked:
            return
        for name in dict.fromkeys(name for name, _ in asked.values()):
            these = [i for i, (n, _) in asked.items() if n == name]
            for i, outputs in zip(these, work(name, [asked[i][1] for i in these]), strict=True):
                chains[i], kept = program.tell(chains[i], outputs)
                keeper.keep(i, chains[i], kept)
            yield len(these)


class Single:
    """Compiled kernels of one chain, shared by all threads."""

    def __init__(self, program: Program, target: Target) -> None:
        self._target, self._kernels = target, program.kernels
        self._compiled: dict[str, Kernel] = {}
        self._compiling = Lock()

    def __call__(self, name: str, inputs: Sequence[Any]) -> list[Any]:
        """Return the outputs of a kernel for each of the inputs."""
        data = self._target.data
        with self._target.scope():
            with self._compiling:  # or each thread would compile its own
                if name not in self._compiled:
                    self._compiled[name] = jax.jit(self._kernels[name]).lower(inputs[0], data).compile()
            return [jax.device_get(self._compiled[name](one, data)) for one in inputs]


class _Batch:
    """The same kernels over all chains at once; missing ones are filled up, so that each is compiled once."""

    def __init__(self, program: Program, target: Target, size: int) -> None:
        self._target, self._size = target, size
        self._kernels = {
            name: target.once(("batch", k), partial(jax.jit, jax.vmap(k, (0, None))))
            for name, k in program.kernels.items()
        }

    def __call__(self, name: str, inputs: Sequence[Any]) -> list[Any]:
        filled = [*inputs, *[inputs[-1]] * (self._size - len(inputs))]
        stacked = jax.tree.map(lambda *leaves: np.stack(leaves), *filled)
        with self._target.scope():
            outputs = jax.device_get(self._kernels[name](stacked, self._target.data))
        return [jax.tree.map(lambda leaf, i=i: leaf[i], outputs) for i in range(len(inputs))]
