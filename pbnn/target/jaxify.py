"""PyTensor graphs to JAX functions, without leaving a trace on anyone's global flags."""

import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import jax

Precision = Literal["float32", "float64"]


@contextmanager
def flags_kept() -> Iterator[None]:
    """Put back `jax_enable_x64` and `XLA_FLAGS`, which PyTensor's and PyMC's JAX modules set when imported."""
    x64, flags = jax.config.jax_enable_x64, os.environ.get("XLA_FLAGS")
    try:
        yield
    finally:
        jax.config.update("jax_enable_x64", x64)
        if flags is None:
            os.environ.pop("XLA_FLAGS", None)
        else:
            os.environ["XLA_FLAGS"] = flags


def scope(precision: Precision) -> Any:
    """Trace and run in this precision: a context manager that concerns this thread only."""
    return jax.enable_x64(precision == "float64")


def jaxify(inputs: Sequence[Any], outputs: Sequence[Any], precision: Precision) -> Callable[..., list[Any]]:
    """Return the JAX function of a graph, to be called in the `scope` of this precision.

    Its constants, and shared variables that are not inputs, are kept in that precision.
    """
    with flags_kept():
        from pymc.sampling.jax import get_jaxified_graph
    with scope(precision):
        function = get_jaxified_graph(inputs=list(inputs), outputs=list(outputs))

    def quiet(*args: Any) -> list[Any]:
        # Runs while tracing only. The graph asks for float64 throughout; in a float32 scope JAX says so each time.
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Explicitly requested dtype")
            return list(function(*args))

    return quiet
