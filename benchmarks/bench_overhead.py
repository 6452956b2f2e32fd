"""Share of the wall time of MCLMC on problem B that is spent outside compiled code.

Problem B: 5000 rows, 10 inputs, two hidden layers of 50 tanh units: 3152 parameters. Two chains on two cores, after
everything is compiled. Inside counts a call of a compiled piece until its result lies in NumPy arrays; what is left is
Python: the rules of the adaptation, keeping draws, threads that wait for each other.
"""

import time
from collections.abc import Sequence
from typing import Any

from common import options, record
from problems import problem_b

import pbnn
from pbnn.infer.mclmc import MclmcChains
from pbnn.infer.programs import InMemory, Single, run_programs
from pbnn.target import Target

CHAINS = 2
ASKED = 5.0


class Timed(Single):
    """Kernels that count the time spent in them."""

    inside = 0.0

    def __call__(self, name: str, inputs: Sequence[Any]) -> list[Any]:
        """Run, and count; two threads at once may lose a count, of milliseconds in minutes."""
        start = time.perf_counter()
        outputs = super().__call__(name, inputs)
        self.inside += time.perf_counter() - start
        return outputs


def main() -> None:
    """Run once to compile, then time."""
    args = options(__doc__, repeats=3)
    bnn, _ = problem_b(args.seed)
    target = Target.of(bnn, "float32")
    method = pbnn.MCLMC(draws=200, chains=CHAINS, thin=20, tune=2000)
    runs, single = [], None
    for seed in range(args.seed, args.seed + args.repeats + 1):
        program = MclmcChains(method, target, seed)
        single = single or Timed(program, target)
        single.inside = 0.0
        start = time.perf_counter()
        run_programs(program, target, range(CHAINS), InMemory(), lambda n: None, single=single)
        wall = time.perf_counter() - start
        runs.append(
            {
                "wall_s": round(wall, 3),
                "outside_percent": round(100 * (1 - single.inside / (CHAINS * wall)), 2),
            }
        )
    runs = runs[1:]  # the first compiled
    median = sorted(run["outside_percent"] for run in runs)[len(runs) // 2]
    problem = {"rows": 5000, "inputs": 10, "hidden": [50, 50], "parameters": target.dim}
    record(
        "overhead",
        {
            "problem": problem,
            "method": repr(method),
            "outside_percent": median,
            "asked_percent": ASKED,
            "met": median <= ASKED,
            "runs": runs,
        },
        args,
    )


if __name__ == "__main__":
    main()
