"""Tuned Laplace approximations on the UCI splits, beside what `bench_uci.py` measured of MCLMC on the same splits.

One setting for every set: the hidden layer of `bench_uci.py` with one noise for all inputs, since a linearised log
noise predicts badly; `pbnn.Laplace()` at its defaults, prior scales and noise tuned by the marginal likelihood during
training, predictions of the linearised network. `--data` as there.
"""

import json
import sys
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import numpy as np
from bench_uci import SETS
from common import RESULTS, environment, mean_and_se

import pbnn
from pbnn import assess, likelihoods

NETWORK = pbnn.Network([pbnn.Dense(50, "tanh")], likelihoods.Gaussian())
METHOD = pbnn.Laplace()


def measure(X: np.ndarray, y: np.ndarray, test: np.ndarray, seed: int) -> dict[str, Any]:
    """Fit on one split, and score; the time is that of building and fitting, compilation included."""
    start = time.perf_counter()
    bnn = pbnn.build(NETWORK, X[~test], y[~test])
    tree = pbnn.fit(bnn, METHOD, seed=seed, progress=False)
    wall = time.perf_counter() - start
    rows = assess.pointwise(bnn, tree, X[test], y[test], seed=seed)
    return {
        "lpd": float(rows["lpd"].mean()),
        "rmse": float(np.sqrt((rows["residual"] ** 2).mean())),
        "wall_s": round(wall, 1),
        "structure": tree["gaussian"].attrs["structure"],
        "message": tree.attrs["message"],
    }


def main() -> None:
    """Measure, and set the same splits of MCLMC beside."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with uci/*.npz")
    parser.add_argument("--sets", nargs="*", default=SETS, choices=SETS, help="which sets (default: all)")
    parser.add_argument("--splits", type=int, help="how many of each set (default: all)")
    parser.add_argument("--seed", type=int, default=1, help="of the first split")
    args = parser.parse_args()
    path = RESULTS / "uci_laplace.json"
    results = json.loads(path.read_text())["results"] if path.exists() else {}
    mclmc = json.loads((RESULTS / "uci.json").read_text())["results"]
    for name in args.sets:
        with np.load(args.data / "uci" / f"{name}.npz") as file:
            X, y, masks = file["X"], file["y"], file["test_mask"]
        splits = []
        for split, test in enumerate(masks[: args.splits]):
            splits.append(measure(X, y, test, args.seed + split))
            print(name, split, splits[-1], file=sys.stderr, flush=True)
        beside = [mclmc[name]["splits"][str(split)] for split in range(len(splits))]
        results[name] = {
            "method": repr(METHOD),
            "n_splits": len(splits),
            "lpd": mean_and_se([s["lpd"] for s in splits]),
            "rmse": mean_and_se([s["rmse"] for s in splits]),
            "wall_s_mean": round(float(np.mean([s["wall_s"] for s in splits])), 1),
            "mclmc_lpd": mean_and_se([s["lpd"] for s in beside]),
            "mclmc_wall_s_mean": round(float(np.mean([s["wall_s"] for s in beside])), 1),
            "difference": mean_and_se([a["lpd"] - b["lpd"] for a, b in zip(splits, beside, strict=True)]),
            "splits": splits,
        }
        made = {"benchmark": "uci_laplace", "results": results, "seed": args.seed, **environment()}
        path.write_text(json.dumps(made, indent=2) + "\n")


if __name__ == "__main__":
    main()
