"""Whether tuning a network from end to end pays: test log predictive density, beside no tuning and random search.

Of each split of the literature a search sees the training part only; the network that it recommends is fitted to the
whole of that part, and scored on the test part. Beside ours (`pbnn`) stand

- `default`: the network that the estimators and `pbnn fit` take if they are told nothing;
- `random`: Optuna's `RandomSampler`, and its best score, as its users take it. It begins trials as long as our search
  took in all, so its last one may end later. Time is that of processors: the same as wall time to both on a machine of
  their own, and fair to both where other work comes and goes. `wall_s` is beside.

All three are fitted with `METHOD` from one seed. Asked is, after 25 trials, a mean over splits 0 to 4 above either's.

Both searches score a network by cross-validation on the same three folds, each fit a short one (`QUICK`) of the same
method; ours with `fidelity=Folds(3)`, so that folds of what is hardly the best are left out. They see as many rows as
make folds of one size, since every size is compiled anew, for longer than its fit takes. `"elpd"` would need one fit
where this needs three, but not of chains this short: they stay in different modes, and are not to be trusted. Space,
short fit and objective were chosen on split 7.

`--data` as of `bench_uci.py`; some rows of concrete stand there twice, now and then on both sides of a split. Results
are kept after each entrant of a split, so a run may stop and go on; an entrant that was cut begins anew.
"""

import json
import sys
import time
from argparse import ArgumentParser, Namespace
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import jax
import numpy as np
import optuna
from common import keep, kept, mean_and_se, plus_minus
from optuna.samplers import RandomSampler
from optuna.storages import InMemoryStorage
from optuna.trial import TrialState

import pbnn
from pbnn import assess, likelihoods, priors
from pbnn.search import Choice, Float, Folds, Int, Repeat, Search, optimize

SETS = ("energy", "concrete")
SPLITS = (0, 1, 2, 3, 4)
OURS, DEFAULT, RANDOM = ENTRANTS = ("pbnn", "default", "random")
METHOD = pbnn.MCLMC()
QUICK = replace(METHOD, draws=100, chains=2, tune=8000, thin=30)
"""Of a trial. With a quarter of these steps, networks whose noise depends on the inputs look worse than they are."""
FOLDS = 3
UNTUNED = pbnn.Network([pbnn.Dense(20, "tanh")], likelihoods.Gaussian())
HIDDEN = pbnn.Dense(Int(8, 64, log=True), Choice("tanh", "relu", name="activation"))
LEARNED, CONSTANT = UNTUNED.weights.scale, UNTUNED.likelihood.noise
SPACE = pbnn.Network(
    [Repeat(HIDDEN, n=Int(1, 2))],
    likelihoods.Gaussian(noise=Choice(CONSTANT, "heteroscedastic")),
    weights=priors.Normal(scale=Choice(LEARNED, priors.FanIn(Float(0.3, 3.0, log=True)))),
)
SETTING = {
    "space": json.loads(SPACE.to_json()),
    "default": json.loads(UNTUNED.to_json()),
    "method": repr(METHOD),
    "quick": repr(QUICK),
    "folds": FOLDS,
}
"""What a result depends on: one that was made with another is forgotten."""

Rows = tuple[np.ndarray, np.ndarray]


def fold_lpd(network: pbnn.Network, method: pbnn.MCLMC, X: np.ndarray, y: np.ndarray, seed: int) -> float:
    """Score a network as ours does that is not stopped: the mean of the rows, each predicted from the other folds."""
    table = pbnn.kfold(pbnn.build(network, X, y), method, k=FOLDS, seed=seed)
    return float(table["elpd"].mean())


def search(train: Rows, trials: int, seed: int) -> tuple[dict[str, Any], pbnn.Network]:
    """Return how our search went, and the network that it recommends."""
    clock = Clock()
    options = {"method": QUICK, "objective": "cv_lpd", "fidelity": Folds(FOLDS), "budget": trials}
    found = optimize(SPACE, *train, seed=seed, progress=False, **options)
    best = found.recommendation
    took = clock.read()
    said = {"params": best.params, "score": best.mean, "score_sd": best.sd, "p_best": best.p_best}
    return took | ended(found) | said, found.recommended


def search_at_random(train: Rows, seconds: float, seed: int) -> tuple[dict[str, Any], pbnn.Network]:
    """Return how random search in so many seconds of processors went, and the network with the best score."""
    clock = Clock()
    # One sampler and one study for all calls: each goes on where the last ended.
    options = {"sampler": RandomSampler(seed=seed), "storage": InMemoryStorage(), "method": QUICK}
    while (left := seconds - clock.read()["search_s"]) > 0:
        # Two chains keep no more than two processors busy, so this ends too early rather than too late.
        budget = timedelta(seconds=left / QUICK.chains)
        found = optimize(
            SPACE, *train, objective=fold_lpd, budget=budget, seed=seed, progress=False, **options
        )
    study = found.study
    said = {"params": study.best_params, "score": study.best_value}
    return clock.read() | ended(found) | said, found.space.of(study.best_params)[0]


class Clock:
    """Seconds since it was made, of processors and on the wall."""

    def __init__(self) -> None:
        self.began = time.process_time(), time.perf_counter()

    def read(self) -> dict[str, float]:
        """Return `search_s`, of processors, and `wall_s`."""
        now = time.process_time(), time.perf_counter()
        return {
            name: round(b - a, 1) for name, a, b in zip(("search_s", "wall_s"), self.began, now, strict=True)
        }


def ended(found: Search) -> dict[str, Any]:
    """Return how many trials ended how."""
    trials = found.study.get_trials(deepcopy=False)
    counts = {state.name.lower(): sum(t.state == state for t in trials) for state in TrialState}
    return {"trials": {state: n for state, n in counts.items() if n}}


def score(network: pbnn.Network, train: Rows, test: Rows, seed: int) -> dict[str, Any]:
    """Return the test scores of a network that is fitted to the whole training part, and the time of the fit."""
    start = time.perf_counter()
    bnn = pbnn.build(network, *train)
    tree = pbnn.fit(bnn, METHOD, seed=seed, progress=False)
    wall = time.perf_counter() - start
    rows = assess.pointwise(bnn, tree, *test, seed=seed)
    return {
        "lpd": round(float(rows["lpd"].mean()), 4),
        "lpd_mcse": round(float(rows.attrs["lpd_mcse"]), 4),
        "rmse": round(float(np.sqrt((rows["residual"] ** 2).mean())), 4),
        "fit_s": round(wall, 1),
        "message": tree.attrs["message"],
    }


def measure(
    entrant: str, done: dict[str, Any], train: Rows, test: Rows, trials: int, seed: int
) -> dict[str, Any]:
    """Return what came of an entrant on a split, of which ours is done before random search."""
    whole = len(train[1]) - len(train[1]) % FOLDS
    seen = (train[0][:whole], train[1][:whole])
    told: dict[str, Any] = {}
    network = UNTUNED
    if entrant == OURS:
        told, network = search(seen, trials, seed)
    elif entrant == RANDOM:
        told, network = search_at_random(seen, done[OURS]["search_s"], seed)
    found = told | score(network, train, test, seed)
    jax.clear_caches()  # hundreds of networks are compiled, and a process has room for so much code
    return found


def summary(splits: dict[str, dict[str, Any]], trials: int) -> dict[str, Any]:
    """Return means over the splits that all entrants have, and how ours differs from the others, split by split."""
    whole = {split: of for split, of in splits.items() if all(entrant in of for entrant in ENTRANTS)}
    table: dict[str, Any] = {"splits": sorted(map(int, whole)), "trials": trials}
    if not whole:
        return table
    for entrant in ENTRANTS:
        keys = ("lpd", "rmse") if entrant == DEFAULT else ("lpd", "rmse", "search_s", "wall_s")
        table[entrant] = {key: mean_and_se([of[entrant][key] for of in whole.values()]) for key in keys}
    for entrant in (OURS, RANDOM):
        table[entrant]["trials"] = mean_and_se([sum(of[entrant]["trials"].values()) for of in whole.values()])
    table["difference"] = {
        other: mean_and_se([of[OURS]["lpd"] - of[other]["lpd"] for of in whole.values()])
        for other in (DEFAULT, RANDOM)
    }
    if tuple(table["splits"]) == SPLITS:
        table["met"] = all(mean > 0 for mean, _ in table["difference"].values())
    return table


def options() -> Namespace:
    """Read the command line."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with uci/*.npz")
    parser.add_argument("--sets", nargs="*", default=SETS, choices=SETS, help="which sets (default: all)")
    parser.add_argument("--splits", nargs="*", type=int, default=SPLITS, help="which (default: %(default)s)")
    parser.add_argument("--trials", type=int, default=25, help="of our search (default %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of split 0 (default %(default)s)")
    parser.add_argument("--afresh", action="store_true", help="forget earlier results")
    parser.add_argument("--dry-run", action="store_true", help="print the table and write no file")
    return parser.parse_args()


def main() -> None:
    """Measure what is not in the result file yet, one split after another."""
    args = options()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    setting = {**SETTING, "trials": args.trials}
    before = {} if args.afresh or args.dry_run else kept("tuning")
    results = {name: of for name, of in before.items() if of["setting"] == setting}
    for split in args.splits:
        for name in args.sets:
            with np.load(args.data / "uci" / f"{name}.npz") as file:
                X, y, test = file["X"], file["y"], file["test_mask"][split]
            of = results.setdefault(name, {"setting": setting, "splits": {}})
            done = of["splits"].setdefault(str(split), {})
            for entrant in (e for e in ENTRANTS if e not in done):
                rows = (X[~test], y[~test]), (X[test], y[test])
                done[entrant] = measure(entrant, done, *rows, args.trials, args.seed + split)
                print(name, split, entrant, done[entrant], file=sys.stderr, flush=True)
                of["summary"] = summary(of["splits"], args.trials)
                keep("tuning", results, args, packages=("optuna",))
    show(results)


def show(results: dict[str, Any]) -> None:
    """Print the table."""
    for name, table in (
        (name, of["summary"]) for name, of in results.items() if "difference" in of["summary"]
    ):
        print(f"{name}: {table['trials']} trials, splits {table['splits']}, met: {table.get('met')}")
        for entrant in ENTRANTS:
            row = table[entrant]
            tried = f"{row['trials'][0]:5.1f} trials, {row['search_s'][0]:.0f} s" if "trials" in row else ""
            ours = f"ours better by {plus_minus(table['difference'][entrant])}" if entrant != OURS else ""
            print(
                f"  {entrant:8} lpd {plus_minus(row['lpd'])}  rmse {plus_minus(row['rmse'])}  {tried}  {ours}"
            )


if __name__ == "__main__":
    main()
