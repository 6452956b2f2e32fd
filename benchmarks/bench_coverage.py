"""Whether predictive intervals hold what they promise: test rows of the UCI splits of the literature.

Central intervals of 50, 80 and 95 %, one setting for all sets: that of `bench_uci.py`, one hidden layer of 50 tanh
units, noise that depends on the inputs, `pbnn.MCLMC()` at its defaults.

- `default`: the fit to all training rows. Asked: within 3 points of the level, mean over splits.
- `conformal`: `pbnn.conformal(kind="split")` around the same model fitted without a quarter of the training rows, with
  which it is compared. These are 20 k - 1 rows, so that k of every 20 ranks give these levels exactly. Asked: within 1.

`chance` is the standard deviation that the mean coverage would have on so many test rows if each were inside with the
probability of the level: what lies within about twice as much could be chance. Splits share rows, so it is an
approximation, as is the standard error over splits. `--data` is a folder with `uci/<name>.npz`: `X`, `y`,
`test_mask (split, obs)`. Splits that are done are kept in the result file, so a run may stop and go on.
"""

import sys
import time
from typing import Any

import numpy as np
from bench_uci import METHOD, NETWORK, SETS, settings
from common import keep, kept, mean_and_se, split_options

import pbnn
from pbnn import assess

LEVELS = (0.5, 0.8, 0.95)
ASKED = {"default": 0.03, "conformal": 0.01}
SHARE = 0.25
"""Of the training rows, for calibration."""

Rows = tuple[np.ndarray, np.ndarray]


def measure(train: Rows, test: Rows, seed: int) -> dict[str, Any]:
    """Return coverage and width of both kinds of intervals on one split."""
    start = time.perf_counter()
    found = {"n_test": len(test[1]), "default": default(train, test, seed)}
    n = calibration_rows(len(train[1]))
    order = np.random.default_rng(seed).permutation(len(train[1]))
    held, used = order[:n], order[n:]
    parts = [tuple(values[rows] for values in train) for rows in (used, held)]
    found["conformal"] = {"n_calibration": n, **conformal(*parts, test, seed)}
    return found | {"wall_s": round(time.perf_counter() - start, 1)}


def default(train: Rows, test: Rows, seed: int) -> dict[str, Any]:
    """Fit as a user would, and take the central intervals."""
    bnn = pbnn.build(NETWORK, *train)
    tree = pbnn.fit(bnn, METHOD, seed=seed, progress=False)
    scores = assess.score_rows(assess.pointwise(bnn, tree, *test, seed=seed, levels=LEVELS))
    return {
        "coverage": scores["coverage"].to_numpy().tolist(),
        "width": scores["width"].to_numpy().tolist(),
        "lpd": float(scores["lpd"]),
        "trust": pbnn.diagnose(bnn, tree, test[0]).attrs["trust"],
    }


def conformal(train: Rows, calibration: Rows, test: Rows, seed: int) -> dict[str, Any]:
    """Fit to fewer rows, and take intervals that the others correct."""
    bnn = pbnn.build(NETWORK, *train)
    tree = pbnn.fit(bnn, METHOD, seed=seed, progress=False)
    X, y = test
    shares, widths = [], []
    for level in LEVELS:
        bands = pbnn.conformal(bnn, tree, *calibration, level=level, seed=seed).predict(X)
        lower, upper = bands["lower"].to_numpy(), bands["upper"].to_numpy()
        shares.append(float(((lower <= y) & (y <= upper)).mean()))
        widths.append(float((upper - lower).mean()))
    return {"coverage": shares, "width": widths}


def calibration_rows(n: int) -> int:
    """Return how many of `n` training rows to hold out: about a quarter, and 20 k - 1."""
    return max(1, round(SHARE * n / 20)) * 20 - 1


def summary(splits: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what the table shows of a set."""
    n_test = sum(split["n_test"] for split in splits)
    table: dict[str, Any] = {"n_splits": len(splits), "n_test": n_test}
    for kind, asked in ASKED.items():
        table[kind] = []
        for i, level in enumerate(LEVELS):
            coverage = mean_and_se([split[kind]["coverage"][i] for split in splits])
            table[kind].append(
                {
                    "level": level,
                    "coverage": coverage,
                    "chance": round((level * (1 - level) / n_test) ** 0.5, 4),
                    "off": round(coverage[0] - level, 4),
                    "asked": asked,
                    "met": bool(abs(coverage[0] - level) <= asked),
                }
            )
    wider = [
        [split["conformal"]["width"][i] / split["default"]["width"][i] for split in splits]
        for i in range(len(LEVELS))
    ]
    return table | {"conformal_width_over_default": [mean_and_se(values) for values in wider]}


def main() -> None:
    """Measure what is not in the result file yet, one split after another."""
    args = split_options(__doc__, splits=None, sets=SETS)
    setting = settings(NETWORK, METHOD)
    # What was measured with other settings would stand under this run's commit.
    before = {} if args.afresh else kept("coverage")
    results = {name: of for name, of in before.items() if of["setting"] == setting}
    for name in args.sets:
        done = results[name]["splits"] if name in results else {}
        with np.load(args.data / "uci" / f"{name}.npz") as file:
            X, y, masks = file["X"], file["y"], file["test_mask"]
        for split, test in enumerate(masks[: args.splits]):
            if str(split) not in done:
                done[str(split)] = measure((X[~test], y[~test]), (X[test], y[test]), args.seed + split)
                print(name, split, done[str(split)], file=sys.stderr, flush=True)
                results[name] = {"setting": setting, "splits": done, **summary(list(done.values()))}
                keep("coverage", results, args)
    show(results)


def show(results: dict[str, Any]) -> None:
    """Print the table."""
    print(
        f"{'set':10} {'intervals':10} {'splits':>6} {'level':>6} {'coverage':>16} {'chance':>7}  asked   met"
    )
    for name, of in results.items():
        for kind in ASKED:
            for row in of[kind]:
                mean, se = row["coverage"]
                error = "" if se is None else f" ± {se:.3f}"
                print(
                    f"{name:10} {kind:10} {of['n_splits']:6} {row['level']:6.2f} {f'{mean:.3f}{error}':>16} "
                    f"{row['chance']:7.3f}  ± {row['asked']:.2f}  {'yes' if row['met'] else 'no'}"
                )


if __name__ == "__main__":
    main()
