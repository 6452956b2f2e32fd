"""Leave-one-out predictive density: `pbnn.loo` against ArviZ's loop over rows.

10,000 rows and 10 columns, one hidden layer of 50 tanh units, learned Gaussian noise; 2000 draws of the weights, near
one another as those of a posterior. `pbnn.loo` computes the log-likelihood and smooths the weights; its first call
compiles. ArviZ smooths random numbers in the place of the log-likelihood of 200 rows, and its time for all rows is in
proportion. Memory is the largest resident set of the process, less that before the first call, measured before ArviZ
runs.
"""

import resource

import jax
import numpy as np
import xarray as xr
from arviz_stats.base import array_stats
from common import options, race, record, seconds

from pbnn.assess.loo import leave_one_out
from pbnn.assess.psis import smooth_weights
from pbnn.graph.build import BNN, build
from pbnn.spec.layers import Dense
from pbnn.spec.likelihoods import Gaussian
from pbnn.spec.network import Network
from pbnn.target import Target

ROWS, DRAWS, CHAINS, PEER_ROWS = 10_000, 2000, 4, 200
SECONDS, BYTES = 10, 2e9


def main() -> None:
    args = options(__doc__, repeats=3)
    rng = np.random.default_rng(args.seed)
    X = rng.normal(size=(ROWS, 10))
    y = np.sin(2 * X[:, 0]) + X[:, 1] * X[:, 2] + 0.3 * rng.normal(size=ROWS)
    bnn = build(Network([Dense(50, "tanh")], Gaussian()), X, y)
    idata = near_one_point(bnn, args.seed)
    before = peak_bytes()
    tables: list[xr.Dataset] = []
    first = seconds(lambda: tables.append(leave_one_out(bnn, idata)))
    grown = peak_bytes() - before
    log_lik = rng.normal(size=(PEER_ROWS, DRAWS))
    times = race(
        {
            "pbnn": lambda: leave_one_out(bnn, idata),
            "smoothing_of_200_rows": lambda: smooth_weights(-log_lik),
            "arviz_smoothing_of_200_rows": lambda: array_stats.psislw(log_lik, axis=-1),
        },
        args.repeats,
    )
    median = times["pbnn"]["median_s"]
    results = {
        "sizes": {"n_obs": ROWS, "draws": DRAWS, "n_weights": bnn.n_weights},
        "first_call_s": round(first, 2),
        "times": times,
        "arviz_smoothing_of_all_rows_s": round(
            times["arviz_smoothing_of_200_rows"]["median_s"] * ROWS / PEER_ROWS, 1
        ),
        "memory_gb": round(grown / 1e9, 3),
        "p_loo": round(tables[0].attrs["p_loo_total"], 1),
        "target": {
            "what": f"within {SECONDS} s and {BYTES / 1e9:g} GB",
            "met": bool(max(first, median) <= SECONDS and grown <= BYTES),
        },
    }
    record("loo", results, args)


def near_one_point(bnn: BNN, seed: int) -> xr.DataTree:
    """Return draws around one point, which cost as much as those of a posterior, and can be reweighted as those."""
    target = Target.of(bnn)
    start = target.starts(1, seed)[0]
    z = start + 0.01 * np.random.default_rng(seed).normal(size=(CHAINS, DRAWS // CHAINS, target.dim))
    with target.scope():
        values = jax.jit(jax.vmap(jax.vmap(target.constrain)))(z)
    table = {
        rv.name: (
            ("chain", "draw", *(bnn.model.named_vars_to_dims.get(rv.name) or ())),
            np.asarray(values[rv.name]),
        )
        for rv in bnn.model.free_RVs
    }
    return xr.DataTree.from_dict({"posterior": xr.Dataset(table)})


def peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    main()
