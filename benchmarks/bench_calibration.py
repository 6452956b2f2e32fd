"""Priors calibrated to a Gaussian process: how near they come, and what that is worth where data are few.

`distance`: the energy distance of a tanh network's prior over functions to a Gaussian process, before (N(0, 1) on all
weights and biases) and after `priors.calibrate`, for one to three layers of 50 units.

`uci`: yacht and energy by the splits of the literature, training sets cut to 50 rows, mean test log predictive
density after the same MCLMC with different priors on one hidden layer of 50 tanh units: `unit`, N(0, 1) on all
weights and biases (the fixed prior that Tran et al. 2022 compare with); `calibrated`, the same calibrated to a
Gaussian process whose lengthscale and amplitude maximise the marginal likelihood of the training rows (an RBF
kernel, one lengthscale for all standardised inputs); `rule`, calibrated to one with lengthscale sqrt(2 * n_inputs)
and amplitude 1, which are medians of the hyperpriors of Tran et al.; and `default`, the toolkit's own. The noise is
normal, or with `--likelihood StudentT` Student's t with degrees of freedom learned, so that a few rows far from all
training rows do not decide the mean. Differences are paired by split. What is done is kept in the result file, so a run
may stop and go on. `--data` is a folder with `uci/*.npz`: `X`, `y`, `test_mask`.
"""

import json
import sys
import time
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

import numpy as np
from common import RESULTS, environment, mean_and_se
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

import pbnn
from pbnn import assess, likelihoods, priors

SETS = ("yacht", "energy")
ROWS = 50
LAYERS = [pbnn.Dense(50, "tanh")]
UNIT = {"weights": priors.Normal(scale=1.0), "biases": priors.Normal(scale=1.0)}
PRIORS = ("unit", "calibrated", "rule", "default")
LIKELIHOODS = {"Gaussian": likelihoods.Gaussian(), "StudentT": likelihoods.StudentT()}
METHOD = pbnn.MCLMC(draws=500, chains=2)


def distances(seed: int) -> list[dict[str, Any]]:
    """Calibrate networks of one to three layers to two Gaussian processes on one and on four inputs."""
    found = []
    for n_inputs in (1, 4):
        X = np.random.default_rng(seed).normal(size=(100, n_inputs))
        for lengthscale in (0.5 * n_inputs**0.5, 1.5 * n_inputs**0.5):
            for depth in (1, 2, 3):
                network = pbnn.Network(LAYERS * depth, likelihoods.Gaussian(), **UNIT)
                start = time.perf_counter()
                made = priors.calibrate(network, X, priors.GP(priors.RBF(lengthscale)), seed=seed)
                found.append(
                    {
                        "n_inputs": n_inputs,
                        "lengthscale": round(lengthscale, 3),
                        "depth": depth,
                        "before": [round(made.before.root, 5), round(made.before.root_se, 5)],
                        "after": [round(made.after.root, 5), round(made.after.root_se, 5)],
                        "reduction": round(made.reduction, 2),
                        "wall_s": round(time.perf_counter() - start, 1),
                    }
                )
                print(found[-1], file=sys.stderr, flush=True)
    return found


def network_with(
    name: str, likelihood: str, X: np.ndarray, y: np.ndarray, seed: int
) -> tuple[pbnn.Network, dict[str, Any]]:
    """Return the network with a prior, and what is to be known of how it was made, from training rows alone."""
    if name == "default":
        return pbnn.Network(LAYERS, LIKELIHOODS[likelihood]), {}
    unit = pbnn.Network(LAYERS, LIKELIHOODS[likelihood], **UNIT)
    if name == "unit":
        return unit, {}
    mean, sd = X.mean(axis=0), X.std(axis=0)
    sd = np.where(sd > 0, sd, 1.0)
    lengthscale, amplitude = float(np.sqrt(2 * X.shape[1])), 1.0
    if name != "rule":
        kernel = ConstantKernel(1.0, (0.01, 100.0)) * RBF(1.0, (0.1, 100.0)) + WhiteKernel(0.01, (1e-6, 1.0))
        process = GaussianProcessRegressor(kernel, n_restarts_optimizer=2, random_state=seed)
        fitted = process.fit((X - mean) / sd, (y - y.mean()) / y.std()).kernel_
        lengthscale, amplitude = float(fitted.k1.k2.length_scale), float(np.sqrt(fitted.k1.k1.constant_value))
    wiggle = priors.GP(priors.RBF(tuple(lengthscale * sd), amplitude))
    start = time.perf_counter()
    found = priors.calibrate(unit, X, wiggle, seed=seed)
    facts = {
        "lengthscale": round(lengthscale, 3),
        "amplitude": round(amplitude, 3),
        "reduction": round(found.reduction, 2),
        "calibration_s": round(time.perf_counter() - start, 1),
    }
    return found.network, facts


def measure(
    name: str, likelihood: str, X: np.ndarray, y: np.ndarray, test: np.ndarray, seed: int
) -> dict[str, Any]:
    """Fit one split with a prior, and score."""
    rows = np.random.default_rng(seed).choice(np.flatnonzero(~test), ROWS, replace=False)
    network, facts = network_with(name, likelihood, X[rows], y[rows], seed)
    start = time.perf_counter()
    bnn = pbnn.build(network, X[rows], y[rows])
    tree = pbnn.fit(bnn, METHOD, seed=seed, progress=False)
    wall = time.perf_counter() - start
    scores = assess.pointwise(bnn, tree, X[test], y[test], seed=seed)
    return {
        "lpd": float(scores["lpd"].mean()),
        "rmse": float(np.sqrt((scores["residual"] ** 2).mean())),
        "r_hat_max": float(pbnn.diagnose(bnn, tree, X[test])["r_hat"].max()),
        "wall_s": round(wall, 1),
        **facts,
    }


def summary(splits: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what a table shows of a set: means, and paired differences to N(0, 1)."""
    names = [name for name in PRIORS if name in splits[0]]
    lpd = {name: np.asarray([s[name]["lpd"] for s in splits]) for name in names}
    above = {name: mean_and_se(lpd[name] - lpd["unit"]) for name in names if name != "unit"}
    return {
        "n_splits": len(splits),
        "lpd": {name: mean_and_se(values) for name, values in lpd.items()},
        "rmse": {name: mean_and_se([s[name]["rmse"] for s in splits]) for name in names},
        "lpd_above_unit": above,
        "asked_two_se_above": {name: se is not None and mean > 2 * se for name, (mean, se) in above.items()},
    }


def main() -> None:
    """Measure what is not in the result file yet."""
    args = _options()
    path = RESULTS / "calibration.json"
    results = json.loads(path.read_text())["results"] if path.exists() and not args.afresh else {}
    if "distance" not in results and not args.no_distance:
        results["distance"] = distances(args.seed)
        _write(path, results, args)
    for name in args.sets:
        key = name if args.likelihood == "Gaussian" else f"{name}, {args.likelihood}"
        setting, before = {"rows": ROWS, "method": repr(METHOD)}, results.get(key, {})
        # What was measured with other settings would stand under this run's commit.
        done = before["splits"] if {k: before.get(k) for k in setting} == setting else {}
        with np.load(args.data / "uci" / f"{name}.npz") as file:
            X, y, masks = file["X"], file["y"], file["test_mask"]
        for split, test in enumerate(masks[: args.splits]):
            of = done.setdefault(str(split), {})
            for prior in args.priors:
                if prior not in of:
                    of[prior] = measure(prior, args.likelihood, X, y, test, args.seed + split)
                    print(key, split, prior, of[prior], file=sys.stderr, flush=True)
            results[key] = {**setting, "splits": done, **summary(list(done.values()))}
            _write(path, results, args)


def _write(path: Path, results: dict[str, Any], args: Namespace) -> None:
    made = {
        "benchmark": "calibration",
        "results": results,
        "seed": args.seed,
        **environment(["scikit-learn"]),
    }
    text = json.dumps(made, indent=2, allow_nan=False)
    if args.dry_run:
        print(json.dumps({k: v for k, v in results.items() if k == "distance"} | _short(results), indent=2))
    else:
        path.write_text(text + "\n")


def _short(results: dict[str, Any]) -> dict[str, Any]:
    sets = {name: of for name, of in results.items() if name != "distance"}
    return {name: {k: v for k, v in of.items() if k != "splits"} for name, of in sets.items()}


def _options() -> Namespace:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with uci/*.npz")
    parser.add_argument("--sets", nargs="*", default=SETS, choices=SETS, help="which sets (default: all)")
    parser.add_argument("--splits", type=int, default=10, help="how many of each set (default %(default)s)")
    parser.add_argument("--likelihood", default="Gaussian", choices=LIKELIHOODS, help="default %(default)s")
    parser.add_argument(
        "--priors", nargs="*", default=PRIORS, choices=PRIORS, help="which priors (default: all)"
    )
    parser.add_argument("--no-distance", action="store_true", help="leave out the distances")
    parser.add_argument("--seed", type=int, default=1, help="of the first split (default %(default)s)")
    parser.add_argument("--afresh", action="store_true", help="forget earlier results")
    parser.add_argument("--dry-run", action="store_true", help="print the results and write no file")
    return parser.parse_args()


if __name__ == "__main__":
    main()
