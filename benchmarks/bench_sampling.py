"""MCLMC on problem S beside `pm.sample` and NumPyro: effective draws of the predictions for the time, if right.

Problem S: 500 rows, 10 inputs, one hidden layer of 50 tanh units, noise learned: 602 parameters. Two chains, two cores.
Effective draws are the least over the mean response at 100 new inputs (bulk ESS of all chains together); the time is
all that a user waits for, compilation included. A setting counts only if it is right: of the means and of the standard
deviations of the response there, at least 95 of 100 within 3 combined Monte Carlo standard errors of those of a long
run of NumPyro's NUTS, and likewise mean and sd of the noise scale. Then two targets of known answer: a linear-Gaussian
network, and two modes of known weights.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import problems
import pymc as pm
from arviz_stats.base import array_stats
from common import parser_of, record
from sampling_peers import forward

import pbnn
from pbnn.target import Target

HERE = Path(__file__).resolve().parent
REFERENCE_DRAWS = 10_000
"""Of each of two chains."""
SETTINGS = {
    "MCLMC": pbnn.MCLMC(draws=24_000, chains=2, thin=25),
    "MCLMC, adjusted": pbnn.MCLMC(draws=6_000, chains=2, thin=1, adjusted=True),
}
ASKED = {"pm.sample": 40.0, "NumPyro": 6.0}


def peer(name: str, sample: int, seed: int, draws: int, tune: int) -> dict[str, np.ndarray]:
    """Run a peer in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "draws.npz")
        script = [
            sys.executable,
            str(HERE / "sampling_peers.py"),
            name,
            *map(str, (sample, seed, draws, tune)),
            str(out),
        ]
        subprocess.run(script, check=True, stdout=sys.stderr)
        with np.load(out) as found:
            return dict(found)


def ours(method: pbnn.MCLMC, bnn: pbnn.BNN, X_new: np.ndarray, seed: int) -> dict[str, Any]:
    """Fit, and return what a peer's file holds."""
    start = time.perf_counter()
    tree = pbnn.fit(bnn, method, seed=seed, progress=False)
    wall = time.perf_counter() - start
    target = Target.of(bnn, "float32")
    mean = forward(target, np.asarray(target.draws(tree["posterior"].to_dataset())), target.inputs(X_new))
    return {
        "mean": mean,
        "log_noise": np.log(tree["posterior"]["noise"].to_numpy()),
        "wall": wall,
        "n_gradients": tree.attrs["n_gradients"],
        "restarts": int(tree["sample_stats"]["restarts"][:, 0].sum()),
        "energy_error": float(tree["sample_stats"]["energy_error"].mean()),
    }


def speed(found: dict[str, Any]) -> dict[str, float]:
    """Return effective draws and R-hat of the predictions, in all and for the time."""
    series = np.moveaxis(found["mean"].astype(float), -1, 0)
    ess = min(float(array_stats.ess(s, method="bulk")) for s in series)
    wall = float(found["wall"])
    return {
        "wall_s": round(wall, 2),
        "draws": int(series[0].size),
        "ess_min": round(ess, 1),
        "ess_per_s": round(ess / wall, 2),
        "r_hat_max": round(max(float(array_stats.rhat(s)) for s in series), 4),
    }


def moments(series: np.ndarray) -> np.ndarray:
    """Return mean, sd, and the Monte Carlo standard error of each, of draws `(chain, draw)`."""
    errors = [float(array_stats.mcse(series, method=m)) for m in ("mean", "sd")]
    return np.asarray([series.mean(), series.std(), *errors])


def agreement(found: dict[str, Any], reference: dict[str, Any]) -> dict[str, Any]:
    """Count the predictions that agree with the reference, and say how far the noise is off."""

    def z(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        a, b = moments(a.astype(float)), moments(b.astype(float))
        return (a[:2] - b[:2]) / np.hypot(a[2:], b[2:])

    points = zip(np.moveaxis(found["mean"], -1, 0), np.moveaxis(reference["mean"], -1, 0), strict=True)
    off = np.abs([z(a, b) for a, b in points])
    noise, noise_reference = np.exp(found["log_noise"]), np.exp(reference["log_noise"])
    noise_off = z(noise, noise_reference)
    within = (off < 3).sum(axis=0)
    return {
        "mean_within_3_mcse": int(within[0]),
        "sd_within_3_mcse": int(within[1]),
        "noise_mean_off_in_mcse": round(float(noise_off[0]), 2),
        "noise_sd_off_in_mcse": round(float(noise_off[1]), 2),
        "noise_mean_off_in_sd": round(
            float((noise.mean() - noise_reference.mean()) / noise_reference.std()), 3
        ),
        "right": bool((within >= 95).all() and (np.abs(noise_off) < 3).all()),
    }


def linear_gaussian(method: pbnn.MCLMC, seed: int) -> dict[str, float]:
    """Return the largest error of mean and sd of a linear function's value, in Monte Carlo standard errors."""
    bnn, design, y, noise, X_new = problems.linear_gaussian(seed)
    covariance = np.linalg.inv(np.eye(11) + design.T @ design / noise**2)
    at = np.column_stack([X_new, np.ones(len(X_new))])
    mean = at @ covariance @ design.T @ y / noise**2
    sd = np.sqrt(np.einsum("ij,jk,ik->i", at, covariance, at))
    tree = pbnn.fit(bnn, method, seed=seed, progress=False)
    target = Target.of(bnn, "float32")
    values = forward(target, np.asarray(target.draws(tree["posterior"].to_dataset())), target.inputs(X_new))
    found = np.stack([moments(s.astype(float)) for s in np.moveaxis(values, -1, 0)])
    off = np.abs(found[:, :2] - np.column_stack([mean, sd])) / found[:, 2:]
    return {
        "mean_within_3_mcse": int((off[:, 0] < 3).sum()),
        "sd_within_3_mcse": int((off[:, 1] < 3).sum()),
        "mean_off_in_sd": round(float(np.abs(found[:, 0] - mean).max() / sd.min()), 4),
        "sd_off_in_percent": round(float(100 * np.abs(found[:, 1] / sd - 1).max()), 2),
    }


def two_modes(seed: int) -> dict[str, Any]:
    """Return the share of draws in the larger of two modes, of weights 0.7 and 0.3, that each method gives."""
    with pm.Model() as model:
        modes = [pm.MvNormal.dist(centre * np.ones(10), np.eye(10)) for centre in (2.0, -2.0)]
        pm.Mixture("x", w=[0.7, 0.3], comp_dists=modes)
    methods = {
        "MCLMC": pbnn.MCLMC(draws=1000, chains=8, thin=10, tune=4000),
        "MCLMC, adjusted": pbnn.MCLMC(draws=1000, chains=8, thin=1, tune=4000, adjusted=True),
        "NUTS": pbnn.NUTS(draws=1000, tune=500, chains=8),
        "ADVI": pbnn.ADVI(),
    }
    shares = {}
    for name, method in methods.items():
        x = pbnn.fit(model, method, seed=seed, progress=False)["posterior"]["x"].mean("x_dim_0")
        shares[name] = {
            "share": round(float((x > 0).mean()), 3),
            "chains_in_it": f"{int((x.mean('draw') > 0).sum())} of {x.sizes['chain']}",
        }
    return {
        "weight": 0.7,
        "found": shares,
        "note": "no chain crosses from one to the other: shares are those of the starts",
    }


def race(sample: int, seed: int, repeats: int) -> dict[str, Any]:
    """Run the peers on a sample of the data, then every setting from several seeds."""
    bnn, X_new = problems.problem_s(sample)
    reference = peer("numpyro", sample, seed, REFERENCE_DRAWS, 1000)
    pymc = peer("pymc", sample, seed, 1000, 1000)
    peers = {"NumPyro": speed(reference), "pm.sample": {**speed(pymc), **agreement(pymc, reference)}}
    print(peers, file=sys.stderr)
    results = {}
    for name, method in SETTINGS.items():
        runs = []
        for own in range(seed, seed + repeats):
            found = ours(method, bnn, X_new, own)
            extra = {k: found[k] for k in ("n_gradients", "restarts", "energy_error")}
            runs.append({"seed": own, **speed(found), **agreement(found, reference), **extra})
            print(name, runs[-1], file=sys.stderr)
        rate = float(np.median([run["ess_per_s"] for run in runs]))
        ratios = {f"over {peer}": round(rate / figures["ess_per_s"], 1) for peer, figures in peers.items()}
        results[name] = {
            "options": repr(method),
            "ess_per_s": rate,
            **ratios,
            "right": f"{sum(run['right'] for run in runs)} of {len(runs)}",
            "runs": runs,
        }
    return {"peers": peers, "pbnn": results}


def main() -> None:
    """Check against what is known exactly, then race on one sample of the data after another, and record each."""
    parser = parser_of(__doc__, repeats=3)
    parser.add_argument(
        "--samples",
        type=int,
        nargs="+",
        default=[1],
        help="of the data, each drawn by its own seed (default 1)",
    )
    args = parser.parse_args()
    methods = {
        "MCLMC": pbnn.MCLMC(draws=5000, chains=2, thin=10),
        "MCLMC, adjusted": pbnn.MCLMC(draws=5000, chains=2, thin=1, adjusted=True),
    }
    exact = {
        "linear_gaussian": {name: linear_gaussian(method, args.seed) for name, method in methods.items()},
        "two_modes": two_modes(args.seed),
    }
    problem = {
        "rows": 500,
        "inputs": 10,
        "hidden": [50],
        "parameters": Target.of(problems.problem_s(1)[0]).dim,
    }
    found = {"problem": problem, "asked": ASKED, "exact": exact, "samples": {}}
    for sample in args.samples:
        found["samples"][str(sample)] = race(sample, args.seed, args.repeats)
        record("sampling", found, args, packages=("numpyro",))


if __name__ == "__main__":
    main()
