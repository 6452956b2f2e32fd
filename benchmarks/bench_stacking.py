"""Whether networks of several sizes, stacked, predict at least as well as the best of them: test rows of UCI splits.

Six networks, 5, 20 and 50 tanh units in one or two layers, noise that depends on the inputs, all fitted by the same
MCLMC; weights from `pbnn.compare_models`, that is from PSIS-LOO on the training rows; the mixture from `pbnn.average`.
Differences of the mean test log predictive density, in nats a row, are paired by split, to:

- `best_in_hindsight`: the network with the highest mean over splits, which nobody knows before the test rows are seen.
  Asked: at least as good.
- `best_by_loo`: on each split the network that PSIS-LOO prefers, which is what one would take in the stack's place.

Weights by pseudo-BMA+ and equal weights stand beside. `n_bad` is how many training rows have a Pareto k that is too
large, so that their LOO is not to be trusted: the weights rest on these. `--data` is a folder with `uci/<name>.npz`:
`X`, `y`, `test_mask (split, obs)`. Splits that are done are kept in the result file, so a run may stop and go on.
"""

import sys
import time
import warnings
from typing import Any

import numpy as np
from common import keep, kept, mean_and_se, plus_minus, split_options

import pbnn
from pbnn import assess, likelihoods

SETS = ("energy", "yacht", "concrete")
SIZES = ((5,), (20,), (50,), (5, 5), (20, 20), (50, 50))
METHOD = pbnn.MCLMC(draws=500, chains=2)
WEIGHTS = ("stacking", "pseudo_bma", "equal")

Rows = tuple[np.ndarray, np.ndarray]


def name_of(widths: tuple[int, ...]) -> str:
    """Return the name of a network."""
    return "-".join(map(str, widths))


NETWORKS = {
    name_of(widths): pbnn.Network(
        [pbnn.Dense(units, "tanh") for units in widths], likelihoods.Gaussian("heteroscedastic")
    )
    for widths in SIZES
}


def measure(train: Rows, test: Rows, seed: int) -> dict[str, Any]:
    """Fit all networks to one split; score each, and their averages."""
    start = time.perf_counter()
    models = {}
    for name, network in NETWORKS.items():
        bnn = pbnn.build(network, *train)
        models[name] = (bnn, pbnn.fit(bnn, METHOD, seed=seed, progress=False))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "compare_models: rows of")  # `n_bad` says it
        table = pbnn.compare_models(models, seed=seed)
    single = {name: mean_lpd(*of, test, seed) for name, of in models.items()}
    stacks = {}
    for how in WEIGHTS:
        weights = how if how == "equal" else table[how]
        stacks[how] = mean_lpd(*pbnn.average(models, weights, seed=seed), test, seed)
    return {
        "single": single,
        "average": stacks,
        "best_by_loo": table.attrs["best"],
        "elpd_loo": by_name(table["elpd"]),
        "n_bad": {name: int(n) for name, n in by_name(table["n_bad"]).items()},
        "weights": {how: by_name(table[how]) for how in WEIGHTS if how in table},
        "n_train": len(train[1]),
        "n_test": len(test[1]),
        "wall_s": round(time.perf_counter() - start, 1),
    }


def mean_lpd(bnn: Any, tree: Any, test: Rows, seed: int) -> float:
    """Return the mean log predictive density of the test rows, in nats."""
    return float(assess.pointwise(bnn, tree, *test, seed=seed)["lpd"].mean())


def by_name(values: Any) -> dict[str, float]:
    """Return what a table of `compare_models` has of each network."""
    return {name: round(float(values.sel(model=name)), 4) for name in NETWORKS}


def summary(splits: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what the table shows of a set."""
    means = {name: mean_and_se([split["single"][name] for split in splits]) for name in NETWORKS}
    best = max(means, key=lambda name: means[name][0])
    gains = {how: differences(splits, how, best) for how in WEIGHTS}
    return {
        "n_splits": len(splits),
        "lpd": means,
        "best_in_hindsight": best,
        "average_lpd": {how: mean_and_se([split["average"][how] for split in splits]) for how in WEIGHTS},
        "difference": {
            how: {against: mean_and_se(values) for against, values in of.items()} for how, of in gains.items()
        },
        "bad_share": round(
            sum(sum(split["n_bad"].values()) for split in splits)
            / sum(split["n_train"] * len(NETWORKS) for split in splits),
            4,
        ),
        "met": bool(np.mean(gains["stacking"]["best_in_hindsight"]) >= 0),
    }


def differences(splits: list[dict[str, Any]], how: str, best: str) -> dict[str, list[float]]:
    """Return split by split how much better an average predicts than a single network."""
    return {
        "best_in_hindsight": [split["average"][how] - split["single"][best] for split in splits],
        "best_by_loo": [split["average"][how] - split["single"][split["best_by_loo"]] for split in splits],
    }


def main() -> None:
    """Measure what is not in the result file yet: the first split of each set, then the second, and so on."""
    args = split_options(__doc__, splits=5, sets=SETS)
    setting = {"networks": list(NETWORKS), "method": repr(METHOD)}
    before = {} if args.afresh else kept("stacking")
    results = {name: of for name, of in before.items() if of["setting"] == setting}
    for split in range(args.splits):
        for name in args.sets:
            done = results[name]["splits"] if name in results else {}
            if str(split) in done:
                continue
            with np.load(args.data / "uci" / f"{name}.npz") as file:
                X, y, test = file["X"], file["y"], file["test_mask"][split]
            done[str(split)] = measure((X[~test], y[~test]), (X[test], y[test]), args.seed + split)
            print(name, split, done[str(split)], file=sys.stderr, flush=True)
            results[name] = {"setting": setting, "splits": done, **summary(list(done.values()))}
            keep("stacking", results, args)
    show(results)


def show(results: dict[str, Any]) -> None:
    """Print the table."""
    for name, of in results.items():
        print(f"{name}, {of['n_splits']} splits; {of['bad_share']:.1%} of the rows with too large a Pareto k")
        for network, pair in of["lpd"].items():
            best = "  best in hindsight" if network == of["best_in_hindsight"] else ""
            print(f"  {network:12} lpd {plus_minus(pair)}{best}")
        for how, gain in of["difference"].items():
            print(
                f"  {how:12} lpd {plus_minus(of['average_lpd'][how])}; less the best in hindsight "
                f"{plus_minus(gain['best_in_hindsight'])}, less the best by LOO {plus_minus(gain['best_by_loo'])}"
            )
        print(f"  stacked at least as good as the best in hindsight: {'yes' if of['met'] else 'no'}")


if __name__ == "__main__":
    main()
