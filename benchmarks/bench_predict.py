"""Posterior predictive draws: `pbnn.predict` against `pm.sample_posterior_predictive`.

Problem A: 5000 rows and 10 columns, one hidden layer of 50 tanh units, learned Gaussian noise; 2000 draws of the
weights at 1000 new rows. PyMC draws `y`; pbnn gives `y` and `mu`. `first_call_s` contains what each compiles once. PyMC
compiles its sampling function again at each call, as its users meet it; `pymc_fast_compile` is its quickest mode.
"""

import logging

import numpy as np
import pymc as pm
import xarray as xr
from common import options, race, record

from pbnn.graph.build import BNN, build
from pbnn.predict import predict, prior_predict
from pbnn.spec.layers import Dense
from pbnn.spec.likelihoods import Gaussian
from pbnn.spec.network import Network

ROWS, DRAWS, CHAINS = 1000, 2000, 4


def main() -> None:
    args = options(__doc__)
    logging.getLogger("pymc").setLevel(logging.WARNING)
    rng = np.random.default_rng(args.seed)
    X = rng.normal(size=(5000, 10))
    y = np.sin(2 * X[:, 0]) + X[:, 1] * X[:, 2] + 0.3 * rng.normal(size=5000)
    X_new = rng.normal(size=(ROWS, 10))
    network = Network([Dense(50, "tanh")], Gaussian())
    bnn, peer = build(network, X, y), build(network, X, y).model
    idata = draws_of_weights(build(network, X, y), args.seed)
    with peer:
        pm.set_data({"X": X_new, "y_data": np.zeros(ROWS)})

    def with_pymc(**options: str) -> xr.DataTree:
        return pm.sample_posterior_predictive(
            idata, peer, predictions=True, progressbar=False, random_seed=args.seed, compile_kwargs=options
        )

    def with_pbnn(kind: str = "draws") -> xr.DataTree:
        return predict(bnn, idata, X_new, seed=args.seed, kind=kind)

    entrants = {
        "pbnn": with_pbnn,
        "pbnn_summary": lambda: with_pbnn("summary"),
        "pymc": with_pymc,
        "pymc_fast_compile": lambda: with_pymc(mode="FAST_COMPILE"),
    }
    times = race(entrants, args.repeats)
    check_agreement(with_pymc()["predictions"]["y"], with_pbnn()["predictions"]["y"])
    ratio = times["pymc"]["median_s"] / times["pbnn"]["median_s"]
    sizes = {"n_obs": len(X), "n_columns": 10, "n_weights": bnn.n_weights, "rows": ROWS, "draws": DRAWS}
    target = {"what": "pymc / pbnn >= 10", "met": ratio >= 10}
    record(
        "predict", {"sizes": sizes, "times": times, "pymc_over_pbnn": round(ratio, 2), "target": target}, args
    )


def draws_of_weights(bnn: BNN, seed: int) -> xr.DataTree:
    """Return a posterior group of the right shape; prior draws cost as much to push through the network as others."""
    prior = prior_predict(bnn, np.zeros((1, 10)), draws=DRAWS, seed=seed)["prior"].to_dataset()
    shape = (CHAINS, DRAWS // CHAINS)
    table = {name: (v.dims, v.values.reshape(*shape, *v.shape[2:])) for name, v in prior.items()}
    posterior = xr.Dataset(table, coords=prior.drop_dims(["chain", "draw"]).coords)
    return xr.DataTree.from_dict({"posterior": posterior})


def check_agreement(theirs: xr.DataArray, ours: xr.DataArray) -> None:
    """Stop if the two do not draw from the same distribution: means over draws, row by row."""
    over = ("chain", "draw")
    error = ((ours.var(over).values + theirs.var(over).values) / DRAWS) ** 0.5
    z = (ours.mean(over).values - theirs.mean(over).values) / error
    assert abs(z).max() < 6, f"predictive means differ by {abs(z).max():.1f} standard errors"


if __name__ == "__main__":
    main()
