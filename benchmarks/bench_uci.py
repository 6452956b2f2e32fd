"""One default setting on the UCI splits of the literature, and airfoil by its protocol: test log predictive density.

The same for every set: one hidden layer of 50 tanh units, noise that depends on the inputs, priors at their defaults
(a learned scale for each layer), `pbnn.MCLMC()` at its defaults. Nothing is tuned per set. The data lie in a folder
given by `--data`: `uci/<name>.npz` with `X`, `y` and `test_mask (split, obs)`, and `airfoil.csv`; published figures in
a CSV file given by `--published`. Splits that are done are kept in the result file, so a run may stop and go on.
"""

import json
import sys
import time
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from common import RESULTS, environment
from sklearn.model_selection import train_test_split

import pbnn
from pbnn import assess, likelihoods

SETS = ("yacht", "energy", "concrete", "power", "protein")
NETWORK = pbnn.Network([pbnn.Dense(50, "tanh")], likelihoods.Gaussian("heteroscedastic"))
METHOD = pbnn.MCLMC()
# Airfoil's protocol leaves the network open; published figures are of four hidden layers.
AIRFOIL_NETWORK = pbnn.Network([pbnn.Dense(32, "tanh") for _ in range(3)], likelihoods.StudentT())
AIRFOIL_METHOD = pbnn.MCLMC()
AIRFOIL_ASKED = {"lpd": 0.9126, "rmse": 0.1215, "wall_s": 240.0}


def measure(
    network: pbnn.Network,
    method: pbnn.MCLMC,
    train: tuple[np.ndarray, np.ndarray],
    test: tuple[np.ndarray, np.ndarray],
    seed: int,
) -> dict[str, Any]:
    """Fit on one split, and score; the time is that of building and fitting, compilation included."""
    start = time.perf_counter()
    bnn = pbnn.build(network, *train)
    tree = pbnn.fit(bnn, method, seed=seed, progress=False)
    wall = time.perf_counter() - start
    rows = assess.pointwise(bnn, tree, *test, seed=seed)
    judged = pbnn.diagnose(bnn, tree, test[0])
    seen = {row.tobytes() for row in np.column_stack(train)}
    fresh = np.asarray([row.tobytes() not in seen for row in np.column_stack(test)])
    lpd, stats = rows["lpd"].to_numpy(), tree["sample_stats"]
    return {
        "lpd": float(lpd.mean()),
        "lpd_mcse": float(rows.attrs["lpd_mcse"]),
        "rmse": float(np.sqrt((rows["residual"] ** 2).mean())),
        "lpd_unseen": float(lpd[fresh].mean()),
        "seen_rows": int((~fresh).sum()),
        "wall_s": round(wall, 1),
        "chains": int(stats.sizes["chain"]),
        "restarts": int(stats["restarts"][:, 0].sum()),
        "r_hat_max": float(judged["r_hat"].max()),
        "ess_min": float(judged["ess_bulk"].min()),
        "trust": judged.attrs["trust"],
        "n_gradients": int(tree.attrs["n_gradients"]),
        "message": tree.attrs["message"],
    }


def summary(splits: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what the table shows of a set."""

    def mean_and_se(name: str) -> list[float]:
        values = np.asarray([s[name] for s in splits])
        se = values.std(ddof=1) / len(values) ** 0.5 if len(values) > 1 else float("nan")
        return [round(float(values.mean()), 4), round(float(se), 4) if np.isfinite(se) else None]

    return {
        "n_splits": len(splits),
        **{name: mean_and_se(name) for name in ("lpd", "rmse", "lpd_unseen")},
        "wall_s_mean": round(float(np.mean([s["wall_s"] for s in splits])), 1),
        "wall_s_max": max(s["wall_s"] for s in splits),
        "restarts_per_chain": round(sum(s["restarts"] for s in splits) / sum(s["chains"] for s in splits), 3),
        "r_hat_worst": round(max(s["r_hat_max"] for s in splits), 3),
    }


def published(path: Path, name: str) -> dict[str, Any]:
    """Return the best published line of a set, by test log predictive density."""
    table = pd.read_csv(path)
    best = table[table["dataset"] == name].dropna(subset="test_lpd").sort_values("test_lpd").iloc[-1]
    return {"lpd": float(best["test_lpd"]), "method": best["method"], "source": best["source"]}


def airfoil(data: Path, seed: int) -> dict[str, Any]:
    """Fit airfoil once: a fifth of the rows for testing, inputs and response standardised on all rows."""
    table = pd.read_csv(data / "airfoil.csv")
    table = (table - table.mean()) / table.std(ddof=0)
    X, y = table.drop(columns="target").to_numpy(), table["target"].to_numpy()
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.2, random_state=0)
    return measure(AIRFOIL_NETWORK, AIRFOIL_METHOD, (X_train, y_train), (X_test, y_test), seed)


def settings(network: pbnn.Network, method: pbnn.MCLMC) -> dict[str, Any]:
    """Return what a result depends on, in words."""
    return {"network": json.loads(network.to_json()), "method": repr(method)}


def main() -> None:
    """Measure what is not in the result file yet, one split after another."""
    args = _options()
    path = RESULTS / "uci.json"
    results = json.loads(path.read_text())["results"] if path.exists() and not args.afresh else {}
    setting = settings(NETWORK, METHOD)
    # What was measured with other settings would stand under this run's commit.
    current = dict.fromkeys(SETS, setting) | {"airfoil": settings(AIRFOIL_NETWORK, AIRFOIL_METHOD)}
    results = {name: found for name, found in results.items() if found["setting"] == current[name]}
    for name in args.sets:
        done = results.get(name, {"setting": setting, "splits": {}})
        with np.load(args.data / "uci" / f"{name}.npz") as file:
            X, y, masks = file["X"], file["y"], file["test_mask"]
        for split, test in enumerate(masks[: args.splits]):
            if str(split) not in done["splits"]:
                one = measure(NETWORK, METHOD, (X[~test], y[~test]), (X[test], y[test]), args.seed + split)
                done["splits"][str(split)] = one
                print(name, split, one, file=sys.stderr, flush=True)
            splits = list(done["splits"].values())
            best = published(args.published, name)
            results[name] = {**done, "published": best, **summary(splits)}
            results[name]["above_published"] = results[name]["lpd"][0] > best["lpd"]
            _write(path, results, args)
    if args.airfoil:
        runs = [airfoil(args.data, args.seed + i) for i in range(args.repeats)]
        results["airfoil"] = {
            "setting": current["airfoil"],
            "asked": AIRFOIL_ASKED,
            "runs": runs,
            "published": published(args.published, "airfoil"),
        }
        print("airfoil", runs, file=sys.stderr)
        _write(path, results, args)


def _write(path: Path, results: dict[str, Any], args: Namespace) -> None:
    made = {"benchmark": "uci", "results": results, "seed": args.seed, **environment()}
    path.write_text(json.dumps(made, indent=2) + "\n")


def _options() -> Namespace:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with uci/*.npz and airfoil.csv")
    parser.add_argument(
        "--published", type=Path, required=True, help="CSV: dataset, method, ..., test_lpd, source"
    )
    parser.add_argument("--sets", nargs="*", default=SETS, choices=SETS, help="which sets (default: all)")
    parser.add_argument("--splits", type=int, default=None, help="only the first so many splits")
    parser.add_argument("--airfoil", action="store_true", help="airfoil too")
    parser.add_argument("--repeats", type=int, default=3, help="seeds of airfoil (default %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the first split")
    parser.add_argument("--afresh", action="store_true", help="forget earlier results")
    return parser.parse_args()


if __name__ == "__main__":
    main()
