"""Work side by side: one thread for each core that this process may use."""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jax


def n_cores() -> int:
    """Return the number of cores that this process may use, which a container may limit."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def on_all_cores(function: Callable[[Any], Any], jobs: Iterable[Any]) -> list[Any]:
    """Map a function over jobs, one thread for each core; it gains where the function lets go of Python's lock."""
    jobs = list(jobs)
    threads = min(n_cores(), len(jobs)) if jax.default_backend() == "cpu" else 1
    if threads <= 1:
        return [function(job) for job in jobs]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(function, jobs))
