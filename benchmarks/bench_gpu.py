"""MCLMC on problems S and B with many chains in one batch on an accelerator, beside one chain per core.

Needs a GPU that JAX sees (`pip install "pbnn[cuda]"`); without one it says so and writes nothing.
"""

import sys
import time
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from arviz_stats.base import array_stats
from common import options, record
from problems import problem_b, problem_s
from sampling_peers import forward

import pbnn
from pbnn.infer.mclmc import MclmcChains
from pbnn.infer.programs import InMemory, run_programs
from pbnn.target import Target

CHAINS = (2, 8, 32, 128)
METHOD = {"draws": 500, "thin": 40, "tune": 8000}


def measure(problem: Callable[[int], Any], chains: int, seed: int) -> dict[str, float]:
    """Run so many chains in one batch; the time includes compilation."""
    bnn, X_new = problem(1)
    target = Target.of(bnn, "float32")
    program = MclmcChains(pbnn.MCLMC(chains=chains, **METHOD), target, seed)
    keeper = InMemory()
    start = time.perf_counter()
    run_programs(program, target, range(chains), keeper, lambda n: None)
    wall = time.perf_counter() - start
    found = [keeper.draws(i, "draws") for i in range(chains)]
    z = np.stack([d["z"] for d in found if d])
    mean = np.moveaxis(forward(target, z, target.inputs(X_new)).astype(float), -1, 0)
    gradients = sum((keeper.state(i) or {}).get("n_gradients", 0) for i in range(chains))
    ess = min(float(array_stats.ess(s, method="bulk")) for s in mean)
    return {
        "chains": chains,
        "chains_with_draws": len(z),
        "wall_s": round(wall, 2),
        "gradients_per_s": round(gradients / wall),
        "ess_per_s": round(ess / wall, 2),
        "r_hat_max": round(max(float(array_stats.rhat(s)) for s in mean), 4),
    }


def main() -> None:
    """Measure both problems with more and more chains."""
    args = options(__doc__, repeats=1)
    if jax.default_backend() == "cpu":
        print('No GPU: JAX runs on the CPU. Install the extra, pip install "pbnn[cuda]".', file=sys.stderr)
        return
    problems = {"S": problem_s, "B": problem_b}
    results = {name: [measure(problem, n, args.seed) for n in CHAINS] for name, problem in problems.items()}
    device = jax.devices()[0].device_kind
    record("gpu", {"device": device, "method": METHOD, **results}, args)


if __name__ == "__main__":
    main()
