"""Fit a Laplace approximation to a large network, and print the memory that it took: run by `bench_laplace.py`.

`python laplace_memory.py diag|kron|last_layer`: a million weights, ten classes, 10,000 rows.
"""

import json
import resource
import sys
import time

import numpy as np

import pbnn
from pbnn import likelihoods, priors

ROWS, INPUTS, HIDDEN, CLASSES = 10_000, 100, 950, 10


def main() -> None:
    """Fit, and print."""
    structure = sys.argv[1]
    rng = np.random.default_rng(1)
    X = rng.normal(size=(ROWS, INPUTS))
    y = np.argmax(X[:, :CLASSES] + rng.gumbel(size=(ROWS, CLASSES)), axis=1)
    weights = priors.Normal(scale=priors.FanIn(1.0))
    net = pbnn.Network(
        [pbnn.Dense(HIDDEN, "relu"), pbnn.Dense(HIDDEN, "relu")], likelihoods.Categorical(), weights=weights
    )
    bnn = pbnn.build(net, X, y)
    options = {"diag": {"structure": "diag"}, "kron": {"structure": "kron"}}.get(
        structure, {"structure": "full", "subset": "last_layer"}
    )
    start = time.perf_counter()
    # A few steps of training and few draws: it is the memory of the curvature that is asked.
    tree = pbnn.fit(bnn, pbnn.Laplace(draws=10, steps=5, tune=None, **options), seed=1, progress=False)
    found = {
        "weights": bnn.n_weights,
        "max_rss_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
        "wall_s": round(time.perf_counter() - start, 1),
        "structure": tree["gaussian"].attrs["structure"],
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
