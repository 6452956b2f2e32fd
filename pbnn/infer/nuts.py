"""NUTS: BlackJAX's kernel on the target, one compiled chunk that every chain runs in a thread of its own."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import blackjax
import jax
import jax.numpy as jnp
import numpy as np
from blackjax.adaptation.mass_matrix import mass_matrix_adaptation
from blackjax.adaptation.step_size import dual_averaging_adaptation
from blackjax.adaptation.window_adaptation import build_schedule

from pbnn.errors import MethodError, count
from pbnn.infer.methods import NUTS
from pbnn.infer.progress import progress_bar
from pbnn.infer.pymc_samplers import sample_with_pymc
from pbnn.infer.run import Run, Session, alike, run, run_side_by_side, timed_chunks
from pbnn.target import Target

LARGEST_CHUNK = 256
FIRST_STEP_SIZE = 0.1


@run.register
def _(method: NUTS, target: Target, session: Session) -> Run:
    if method.sampler != "blackjax":
        return sample_with_pymc(method, target, session)
    kernel = target.once(method, lambda: _compile(method, target))
    starts = target.starts(method.chains, session.seed)
    total = method.chains * (method.tune + method.draws)
    chains = [_Chain(method, target, kernel, z, session.seed, i) for i, z in enumerate(starts)]
    with progress_bar("NUTS", total, show=session.progress) as bar:
        interrupted = run_side_by_side([chain.run() for chain in chains], bar.advance)
    return _collect(method, chains, interrupted)


@dataclass(frozen=True, slots=True)
class _Kernel:
    """Compiled functions: `init(z, data)`, and `warm` and `draw`, which take up to `LARGEST_CHUNK` steps."""

    init: Callable[..., Any]
    warm: Callable[..., Any]
    draw: Callable[..., Any]
    begin: Callable[..., Any]
    tuned: Callable[..., Any]


def _compile(method: NUTS, target: Target) -> _Kernel:
    nuts = blackjax.nuts.build_kernel()
    step_init, step_update, step_final = dual_averaging_adaptation(method.target_accept)
    mass_init, mass_update, mass_final = mass_matrix_adaptation(True)

    def begin() -> Any:
        return step_init(FIRST_STEP_SIZE), mass_init(target.dim)

    def tuned(adapted: Any) -> tuple[jax.Array, jax.Array]:
        step, mass = adapted
        return step_final(step), mass.inverse_mass_matrix

    def adapt(adapted: Any, stage: jax.Array, last: jax.Array, z: jax.Array, accepted: jax.Array) -> Any:
        # Stan's windows: the step size always, the metric in slow windows (stage 1), renewed at the end of each.
        step, mass = adapted
        step = step_update(step, accepted)
        mass = jax.lax.cond(stage == 1, lambda m: mass_update(m, z), lambda m: m, mass)

        def renew(pair: Any) -> Any:
            step, mass = pair
            return step_init(step_final(step)), mass_final(mass)

        return jax.lax.cond(last, renew, lambda pair: pair, (step, mass))

    def move(key: jax.Array, state: Any, step_size: jax.Array, metric: jax.Array, data: Any) -> Any:
        log_density = partial(target.log_density, data=data)
        return nuts(key, state, log_density, step_size, metric, method.max_treedepth)

    def warm(
        key: jax.Array, first: jax.Array, n: jax.Array, schedule: jax.Array, carry: Any, data: Any
    ) -> Any:
        def body(i: jax.Array, carry: Any) -> Any:
            state, adapted, gradients = carry
            step, mass = adapted
            at = first + i
            state, info = move(
                jax.random.fold_in(key, at),
                state,
                jnp.exp(step.log_step_size),
                mass.inverse_mass_matrix,
                data,
            )
            stage, last = schedule[at]
            adapted = adapt(adapted, stage, last == 1, state.position, info.acceptance_rate)
            return state, adapted, gradients + info.num_integration_steps

        return jax.lax.fori_loop(0, n, body, carry)

    def draw(key: jax.Array, first: jax.Array, n: jax.Array, tuned: Any, state: Any, data: Any) -> Any:
        step_size, metric = tuned
        # NUTS draws differ in length, so a chunk is a loop of `n` steps that fills a buffer: compiled once for all n.
        empty = {
            "z": jnp.zeros((LARGEST_CHUNK, target.dim), target.dtype),
            "lp": jnp.zeros(LARGEST_CHUNK, target.dtype),
            "energy": jnp.zeros(LARGEST_CHUNK, target.dtype),
            "acceptance_rate": jnp.zeros(LARGEST_CHUNK, target.dtype),
            "diverging": jnp.zeros(LARGEST_CHUNK, bool),
            "tree_depth": jnp.zeros(LARGEST_CHUNK, jnp.int32),
            "n_steps": jnp.zeros(LARGEST_CHUNK, jnp.int32),
        }

        def body(i: jax.Array, carry: Any) -> Any:
            state, out = carry
            state, info = move(jax.random.fold_in(key, first + i), state, step_size, metric, data)
            new = {
                "z": state.position,
                "lp": state.logdensity,
                "energy": info.energy,
                "acceptance_rate": info.acceptance_rate,
                "diverging": info.is_divergent,
                "tree_depth": info.num_trajectory_expansions,
                "n_steps": info.num_integration_steps,
            }
            return state, {name: out[name].at[i].set(new[name].astype(out[name].dtype)) for name in out}

        return jax.lax.fori_loop(0, n, body, (state, empty))

    def init(z: jax.Array, data: Any) -> Any:
        return blackjax.nuts.init(z, partial(target.log_density, data=data))

    # Compiled here, ahead of the threads, which would otherwise each compile their own.
    with target.scope():
        key, zero = jax.random.PRNGKey(0), jnp.int32(0)
        z = jnp.zeros(target.dim, target.dtype)
        state = jax.eval_shape(init, z, target.data)
        adapted = jax.eval_shape(begin)
        schedule = jax.ShapeDtypeStruct((max(method.tune, 1), 2), jnp.int32)
        carry = (state, adapted, jax.ShapeDtypeStruct((), jnp.int32))
        return _Kernel(
            jax.jit(init).lower(z, target.data).compile(),
            jax.jit(warm).lower(key, zero, zero, schedule, carry, target.data).compile(),
            jax.jit(draw)
            .lower(key, zero, zero, jax.eval_shape(tuned, adapted), state, target.data)
            .compile(),
            begin,
            tuned,
        )


class _Chain:
    """One chain: what it has drawn so far, and how it goes on."""

    def __init__(
        self, method: NUTS, target: Target, kernel: _Kernel, start: np.ndarray, seed: int, index: int
    ) -> None:
        self.method, self.target, self.kernel, self.start = method, target, kernel, start
        self.seed, self.index = seed, index
        self.chunks: list[dict[str, np.ndarray]] = []
        self.n_gradients = 0
        self.step_size = float("nan")

    def run(self) -> Iterator[int]:
        """Warm up, then draw, in chunks; yield the number of steps after each."""
        method, target, kernel = self.method, self.target, self.kernel
        with target.scope():
            key = jax.random.fold_in(jax.random.PRNGKey(self.seed), self.index)
            warm_key, draw_key = jax.random.split(key)
            state = kernel.init(jnp.asarray(self.start), target.data)
            carry = (state, kernel.begin(), jnp.int32(0))
            schedule = jnp.asarray(_schedule(method.tune))

            def warm(first: int, n: int) -> None:
                nonlocal carry
                ends = (jnp.int32(first), jnp.int32(n))
                carry = jax.block_until_ready(kernel.warm(warm_key, *ends, schedule, carry, target.data))

        yield from self._in_scope(method.tune, warm)
        with target.scope():
            state, adapted, gradients = carry
            tuned = kernel.tuned(adapted)
            if method.tune == 0:  # nothing was averaged
                tuned = (jnp.full_like(tuned[0], FIRST_STEP_SIZE), tuned[1])
            self.n_gradients, self.step_size = int(gradients), float(tuned[0])

            def draw(first: int, n: int) -> None:
                nonlocal state
                ends = (jnp.int32(first), jnp.int32(n))
                state, out = kernel.draw(draw_key, *ends, tuned, state, target.data)
                self.chunks.append({name: np.asarray(values)[:n] for name, values in out.items()})

        yield from self._in_scope(method.draws, draw)

    def _in_scope(self, total: int, chunk: Callable[[int, int], None]) -> Iterator[int]:
        def scoped(first: int, n: int) -> None:
            with self.target.scope():
                chunk(first, n)

        yield from timed_chunks(total, LARGEST_CHUNK, scoped)

    def draws(self) -> dict[str, np.ndarray]:
        return {name: np.concatenate([c[name] for c in self.chunks]) for name in self.chunks[0]}


def _schedule(tune: int) -> np.ndarray:
    """Return Stan's warm-up schedule: for each step its stage, and whether a window of the metric ends there."""
    if tune == 0:
        return np.zeros((1, 2), dtype=np.int32)
    return np.asarray(build_schedule(tune), dtype=np.int32)


def _collect(method: NUTS, chains: list[_Chain], interrupted: bool) -> Run:
    """Stack the chains; after an interruption, those and so many draws of each that most draws are kept."""
    drawn = {chain: chain.draws() for chain in chains if chain.chunks}
    if not drawn:
        raise MethodError(
            "fit: interrupted before the first draw, during warm-up; there is nothing to return. "
            "Lower `tune` for a quick look."
        )
    lengths = [len(d["lp"]) for d in drawn.values()]
    n = alike(lengths)
    begun = [chain for chain, d in drawn.items() if len(d["lp"]) >= n]
    stacked = {name: np.stack([drawn[c][name][:n] for c in begun]) for name in drawn[begun[0]]}
    z = stacked.pop("z")
    stacked["step_size"] = np.broadcast_to([[c.step_size] for c in begun], stacked["lp"].shape).copy()
    gradients = sum(c.n_gradients for c in begun) + int(stacked["n_steps"].sum())
    message = f"NUTS, {count(len(begun), 'chain')} of {n} draws after {method.tune} steps of adaptation."
    if interrupted:
        message = f"Interrupted: {len(begun)} of {method.chains} chains, {n} of {method.draws} draws."
    return Run(z, stacked, "mcmc", n_gradients=gradients, interrupted=interrupted, message=message)
