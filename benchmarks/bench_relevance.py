"""Which of 200 inputs matter: sparse priors against the plain one, on two Friedman functions added.

Ten inputs matter, each function (Friedman 1991, 10.1214/aos/1176347963) on five of its own, 190 do not; all are uniform
and independent, the noise is 1. Per run, with data and seed of its own: are the ten relevant inputs the ten of the
largest relevance, and is the test log predictive density above that of the plain prior with the same method?
`--fits` chooses the entrants; runs that are done are kept in the result file, so a run may stop and go on.
"""

import json
import sys
import time
from argparse import Namespace
from typing import Any

import numpy as np
from common import RESULTS, environment, parser_of

import pbnn
from pbnn import assess, likelihoods, priors

N_TRAIN, N_TEST, N_INPUTS, N_RELEVANT = 3000, 1000, 200, 10
METHOD = pbnn.MCLMC(draws=100, chains=4, tune=8000, thin=40)
PRIORS: dict[str, priors.Prior | None] = {
    "plain": None,
    "ARD": priors.ARD(),
    "Horseshoe": priors.Horseshoe(priors.FanIn(1.0)),
}
ASKED = {"ranked_first_share": 0.95, "lpd_above_plain": "in each run"}


def friedman(x: np.ndarray) -> np.ndarray:
    """Return Friedman's first function of five columns."""
    product = 10 * np.sin(np.pi * x[:, 0] * x[:, 1])
    return product + 20 * (x[:, 2] - 0.5) ** 2 + 10 * x[:, 3] + 5 * x[:, 4]


def problem(seed: int, n_train: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return inputs and response for training and testing."""
    rng = np.random.default_rng(seed)
    X = rng.random((n_train + N_TEST, N_INPUTS))
    y = friedman(X[:, :5]) + friedman(X[:, 5:10]) + rng.normal(size=len(X))
    return X[:n_train], y[:n_train], X[n_train:], y[n_train:]


def network(name: str) -> pbnn.Network:
    """Return the network that all share but for the prior of the first layer's weights."""
    return pbnn.Network([pbnn.Dense(16, "gelu", weight=PRIORS[name])], likelihoods.Gaussian())


def measure(name: str, seed: int, n_train: int) -> dict[str, Any]:
    """Fit one network, and say which inputs it ranks first and how well it predicts."""
    X, y, X_test, y_test = problem(seed, n_train)
    start = time.perf_counter()
    bnn = pbnn.build(network(name), X, y)
    idata = pbnn.fit(bnn, METHOD, seed=seed, progress=False)
    wall = time.perf_counter() - start
    rows = assess.pointwise(bnn, idata, X_test, y_test, seed=seed)
    table = pbnn.relevance(bnn, idata)
    mean = table["mean"].to_numpy()
    return {
        "ranked_first": int((table["rank"].to_numpy()[:N_RELEVANT] <= N_RELEVANT).sum()),
        "all_ranked_first": bool(table["rank"].to_numpy()[:N_RELEVANT].max() <= N_RELEVANT),
        "least_relevant_over_most_irrelevant": round(float(mean[:10].min() / mean[10:].max()), 3),
        "lpd": round(float(rows["lpd"].mean()), 4),
        "lpd_mcse": round(float(rows.attrs["lpd_mcse"]), 4),
        "rmse": round(float(np.sqrt((rows["residual"] ** 2).mean())), 4),
        "relevance_r_hat_max": round(float(table["r_hat"].max()), 3),
        "restarts": int(idata["sample_stats"]["restarts"][:, 0].sum()),
        "wall_s": round(wall, 1),
        "n_gradients": int(idata.attrs["n_gradients"]),
    }


def summary(runs: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return, for each sparse prior, in how many runs it does what is asked."""
    found: dict[str, Any] = {}
    for name in PRIORS:
        done = {seed: run for seed, run in runs.items() if name in run}
        if not done:
            continue
        of = [run[name] for run in done.values()]
        both = [run[name]["lpd"] - run["plain"]["lpd"] for run in done.values() if "plain" in run]
        found[name] = {
            "runs": len(of),
            "ranked_first_share": round(float(np.mean([one["all_ranked_first"] for one in of])), 3),
            "lpd_mean": round(float(np.mean([one["lpd"] for one in of])), 4),
            "wall_s_sum": round(sum(one["wall_s"] for one in of), 1),
            "lpd_above_plain": f"{sum(gain > 0 for gain in both)} of {len(both)}",
            "least_gain": round(min(both), 4) if both else None,
        }
    return found


def main() -> None:
    """Measure what is not in the result file yet, one run after another."""
    args = _options()
    path = RESULTS / "relevance.json"
    setting = {
        "networks": {name: json.loads(network(name).to_json()) for name in PRIORS},
        "method": repr(METHOD),
        "rows": args.rows,
    }
    before = json.loads(path.read_text())["results"] if path.exists() and not args.afresh else {}
    # What was measured with other settings would stand under this run's commit.
    runs = before["by_seed"] if before.get("setting") == setting else {}
    for seed in range(args.seed, args.seed + args.repeats):
        for name in args.fits:
            if name in runs.setdefault(str(seed), {}):
                continue
            runs[str(seed)][name] = measure(name, seed, args.rows)
            print(seed, name, runs[str(seed)][name], file=sys.stderr, flush=True)
            if not args.dry_run:
                results = {"setting": setting, "asked": ASKED, "priors": summary(runs), "by_seed": runs}
                made = {"benchmark": "relevance", "results": results, "seed": args.seed, **environment()}
                path.write_text(json.dumps(made, indent=2) + "\n")
    print(json.dumps(summary(runs), indent=2))


def _options() -> Namespace:
    parser = parser_of(__doc__, repeats=20)
    parser.add_argument("--fits", nargs="*", default=list(PRIORS), choices=list(PRIORS), help="which priors")
    parser.add_argument("--rows", type=int, default=N_TRAIN, help="training rows (default %(default)s)")
    parser.add_argument("--afresh", action="store_true", help="forget earlier results")
    return parser.parse_args()


if __name__ == "__main__":
    main()
