"""Four processes that search alike, as on four machines; and one of them is killed in its first trial.

Run as `python -m tests.search.parents ADDRESS FOLDER BUDGET`; prints the status of each. What they import is imported
once, and they are forked before JAX has any threads: on a busy machine four interpreters take a minute to start.
"""

import faulthandler
import os
import signal
import sys
import time
from pathlib import Path

import numpy as np
from optuna.samplers import RandomSampler

from pbnn.search import optimize
from tests.search.objectives import KilledOnce, a_network, width_of

N = 4


class Noted:
    """Notes what is evaluated, and by which process; the first to come is killed in it."""

    def __init__(self, folder, seconds):
        self.folder, self.seconds = Path(folder), seconds
        self.killed = KilledOnce(self.folder / "mark")

    def __call__(self, network, method, X, y, seed):
        with open(self.folder / f"{os.getpid()}.txt", "a") as file:
            file.write(f"{width_of(network)}\n")
        time.sleep(self.seconds)
        return self.killed(network, method, X, y, seed)


def search(address, folder, budget):
    # Drawn at random, for this is about the counting: a surrogate would be compiled by each of them.
    sampler = RandomSampler()
    X = np.linspace(-1, 1, 10)[:, None]
    objective = Noted(folder, 0.2)
    optimize(a_network(), X, X[:, 0], objective=objective, budget=budget, storage=address, sampler=sampler)


def main(address, folder, budget):
    sys.modules["pbnn.search.optimize"].BEAT = 0.5
    faulthandler.register(signal.SIGUSR1)  # where they stand, when somebody asks
    pids = []
    for _ in range(N):
        if not (pid := os.fork()):
            search(address, folder, int(budget))
            os._exit(0)
        pids.append(pid)
    print(*(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids))


if __name__ == "__main__":
    main(*sys.argv[1:])
