"""Exactness: the linear network with known noise, whose posterior is Gaussian in closed form, fitted by each method.

40 rows, 3 columns; weights and bias Normal(0, 1), noise sd 0.5; predictions at 50 inputs, near and far. `mean_error`
and `sd_error` are the worst over the inputs: of NUTS in Monte Carlo standard errors of the mean response; of ADVI
relative to the exact sd, of the mean response (`function`) and of the response (`response`); of MAP, which has no sd,
relative to the exact sd of the mean response.
"""

import numpy as np
import xarray as xr
from common import options, record, seconds

from pbnn.assess import diagnose
from pbnn.graph.build import BNN, build
from pbnn.infer import ADVI, MAP, NUTS, fit
from pbnn.predict import predict
from pbnn.spec.likelihoods import Gaussian
from pbnn.spec.network import Network
from pbnn.spec.priors import Normal

NOISE = 0.5
METHODS = {
    "nuts": NUTS(draws=2000, tune=1000, chains=4),
    "advi_fullrank": ADVI("fullrank", draws=50_000),
    "advi_meanfield": ADVI("meanfield", draws=50_000),
    "map": MAP(),
}


def main() -> None:
    args = options(__doc__, repeats=1)
    rng = np.random.default_rng(args.seed)
    X = rng.normal(size=(40, 3))
    y = design(X) @ rng.normal(size=4) + NOISE * rng.normal(size=40)
    inputs = rng.normal(size=(50, 3)) * np.linspace(0.3, 3, 50)[:, None]
    mean, sd = closed_form(X, y, inputs)
    net = Network([], Gaussian(noise=NOISE), weights=Normal(scale=1.0), biases=Normal(scale=1.0))
    bnn = build(net, X, y, standardize=False)
    fits: dict[str, xr.DataTree] = {}

    def run(name: str) -> float:
        return seconds(lambda: fits.update({name: fit(bnn, METHODS[name], seed=args.seed, progress=False)}))

    times = {name: round(run(name), 3) for name in METHODS}
    nuts = diagnose(bnn, fits["nuts"], inputs)
    errors = {
        "nuts": {
            "mean_error_in_mcse": worst((nuts["mean"] - mean) / nuts["mcse_mean"]),
            "sd_error_in_mcse": worst((nuts["sd"] - sd) / nuts["mcse_sd"]),
            "r_hat_max": round(nuts.attrs["r_hat_max"], 4),
        },
        **{
            name: relative_errors(bnn, fits[name], inputs, mean, sd)
            for name in ("advi_fullrank", "advi_meanfield")
        },
        "map": {"mean_error": worst((summary(bnn, fits["map"], inputs)["mean"] - mean) / sd)},
    }
    targets = [
        {
            "what": "NUTS: mean and sd of the function within 4 MCSE",
            "met": max(errors["nuts"]["mean_error_in_mcse"], errors["nuts"]["sd_error_in_mcse"]) <= 4,
        },
        {
            "what": "full-rank ADVI: mean and sd within 2 %",
            "met": all(
                e <= 0.02 for part in ("function", "response") for e in errors["advi_fullrank"][part].values()
            ),
        },
        {"what": "MAP: mean within 0.1 % of the sd", "met": errors["map"]["mean_error"] <= 1e-3},
    ]
    record("linear_gaussian", {"errors": errors, "fit_seconds": times, "targets": targets}, args)


def design(X: np.ndarray) -> np.ndarray:
    return np.column_stack([X, np.ones(len(X))])


def closed_form(X: np.ndarray, y: np.ndarray, inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return posterior mean and sd of the function at `inputs`."""
    A, B = design(X), design(inputs)
    covariance = np.linalg.inv(np.eye(A.shape[1]) + A.T @ A / NOISE**2)
    mean = covariance @ A.T @ y / NOISE**2
    return B @ mean, np.sqrt(np.einsum("ij,jk,ik->i", B, covariance, B))


def summary(bnn: BNN, idata: xr.DataTree, inputs: np.ndarray) -> xr.Dataset:
    return predict(bnn, idata, inputs, seed=1, kind="summary")["predictions"].to_dataset()


def relative_errors(
    bnn: BNN, idata: xr.DataTree, inputs: np.ndarray, mean: np.ndarray, sd: np.ndarray
) -> dict[str, dict[str, float]]:
    got = summary(bnn, idata, inputs)
    pairs = {"function": ("epistemic_sd", sd), "response": ("sd", np.hypot(sd, NOISE))}
    return {
        part: {"mean_error": worst((got["mean"] - mean) / exact), "sd_error": worst(got[name] / exact - 1)}
        for part, (name, exact) in pairs.items()
    }


def worst(values: xr.DataArray) -> float:
    return float(f"{float(abs(values).max()):.3g}")


if __name__ == "__main__":
    main()
