"""PyTensor graphs to JAX functions, without leaving a trace on anyone's global flags."""

import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Lock
from typing import Any, Literal

import jax
import pytensor.tensor as pt
from pytensor.compile.sharedvalue import SharedVariable
from pytensor.graph.replace import clone_replace
from pytensor.graph.traversal import graph_inputs

from pbnn.graph.draws import DRAWS
from pbnn.graph.family import ResponseRV

Precision = Literal["float32", "float64"]


@contextmanager
def flags_kept() -> Iterator[None]:
    """Put back `jax_enable_x64` and `XLA_FLAGS`, which PyTensor's and PyMC's JAX modules set when imported."""
    x64, flags = _users_x64(), os.environ.get("XLA_FLAGS")
    try:
        yield
    finally:
        jax.config.update("jax_enable_x64", x64)
        if flags is None:
            os.environ.pop("XLA_FLAGS", None)
        else:
            os.environ["XLA_FLAGS"] = flags


def _users_x64() -> bool:
    """Return the flag outside any `scope`: a scope concerns its own thread, so a fresh one sees what the user set."""
    with ThreadPoolExecutor(1) as fresh:
        return bool(fresh.submit(lambda: jax.config.jax_enable_x64).result())


def scope(precision: Precision) -> Any:
    """Trace and run in this precision: a context manager that concerns this thread only."""
    return jax.enable_x64(precision == "float64")


_tracing = Lock()
"""Held while a graph is rewritten or traced: neither PyTensor's rewriter nor Python's warning filters know threads."""


def jaxify(inputs: Sequence[Any], outputs: Sequence[Any], precision: Precision) -> Callable[..., list[Any]]:
    """Return the JAX function of a graph, to be called in the `scope` of this precision.

    Shared variables that are not inputs keep the values they have now. The graph is optimised at the first call: that
    takes most of the time, and few uses need all functions of a model.
    """
    graph = _with_constants(outputs, inputs)
    made: list[Callable[..., Any]] = []

    def function(*args: Any) -> list[Any]:
        # The graph asks for float64 throughout; in a float32 scope JAX says so each time it is traced.
        with _tracing, warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Explicitly requested dtype")
            if not made:
                made.append(_optimize(inputs, graph, precision))
            return list(made[0](*args))

    return function


def _with_constants(outputs: Sequence[Any], inputs: Sequence[Any]) -> list[Any]:
    shared = [v for v in graph_inputs(outputs) if isinstance(v, SharedVariable) and v not in inputs]
    constants: dict[Any, Any] = {v: pt.constant(v.get_value(borrow=True)) for v in shared}
    return list(clone_replace(list(outputs), replace=constants))


def _draw_response(op: ResponseRV, node: Any) -> Callable[..., Any]:
    """Say how JAX draws from our families: PyTensor asks for this function."""
    draw = DRAWS[op.family.name]
    return lambda key, size, dtype, *parameters: draw(key, *parameters)


def _optimize(inputs: Sequence[Any], outputs: Sequence[Any], precision: Precision) -> Callable[..., Any]:
    with flags_kept():
        from pymc.sampling.jax import get_jaxified_graph
        from pytensor.link.jax.dispatch.random import jax_sample_fn
    jax_sample_fn.register(ResponseRV, _draw_response)
    # The first call may come from within a trace of JAX, which the constants must outlive.
    with scope(precision), jax.ensure_compile_time_eval():
        function = get_jaxified_graph(inputs=list(inputs), outputs=list(outputs))
    # Traced once for each shape of its inputs: a method meets the same graph many times, and differentiates it twice.
    return jax.jit(function)
