"""Rows of the tables of README.md that concern the judgement of fits; `tables.py` writes them."""

from typing import Any

Rows = list[list[str]]


def coverage(found: dict[str, Any]) -> Rows:
    words = {"default": "default fit, central", "conformal": "conformal"}
    levels = [of["level"] for of in next(iter(found.values()))["default"]]
    rows = [
        ["", "intervals", "splits, test rows", *(f"{level:.0%} hold" for level in levels), "asked", "within"]
    ]
    for name, of in found.items():
        for kind, intervals in words.items():
            cells = []
            for one in of[kind]:
                mean, se = one["coverage"]
                cells.append(f"{100 * mean:.1f} ± {100 * (one['chance'] if se is None else se):.1f} %")
            within = f"{sum(one['met'] for one in of[kind])} of {len(of[kind])}"
            rows.append([name, intervals, f"{of['n_splits']}, {of['n_test']:,}", *cells,
                         f"± {100 * of[kind][0]['asked']:.0f}", within])  # fmt: skip
    return rows


def stacking(found: dict[str, Any]) -> Rows:
    rows = [["", "splits", "best single network in hindsight", "its lpd", "lpd, stacked", "difference (asked: ≥ 0)",
             "to the best by LOO", "equal weights, difference", "rows with too large a Pareto k"]]  # fmt: skip
    for name, of in found.items():
        best, gain = of["best_in_hindsight"], of["difference"]
        rows.append([name, str(of["n_splits"]), f"{best} units", plus_minus(of["lpd"][best]),
                     plus_minus(of["average_lpd"]["stacking"]), plus_minus(gain["stacking"]["best_in_hindsight"], 3),
                     plus_minus(gain["stacking"]["best_by_loo"], 3),
                     plus_minus(gain["equal"]["best_in_hindsight"], 3), f"{of['bad_share']:.0%}"])  # fmt: skip
    n = sum(of["n_splits"] for of in found.values())
    means = [
        sum(of["n_splits"] * of["difference"][how][to][0] for of in found.values()) / n
        for how, to in (
            ("stacking", "best_in_hindsight"),
            ("stacking", "best_by_loo"),
            ("equal", "best_in_hindsight"),
        )
    ]
    rows.append(["mean over all splits", str(n), "", "", "", *(f"{mean:.3f}" for mean in means), ""])
    return rows


def ood(found: dict[str, Any]) -> Rows:
    names = {"mclmc": "MCLMC", "swag": "SWAG", "ensemble": "deep ensemble"}
    rows = [["digits against", "splits", *(f"AUROC, {words}" for words in names.values()),
             "MCLMC above the ensemble (asked: > 0)", "SWAG above"]]  # fmt: skip
    for shift, of in found["shifts"].items():
        above = of["above_ensemble"]
        rows.append([shift, str(found["n_splits"]), *(plus_minus(of["auroc"][name], 3) for name in names),
                     plus_minus(above["mclmc"], 3), plus_minus(above["swag"], 3)])  # fmt: skip
    return rows


def loo(found: dict[str, Any]) -> Rows:
    sizes, own = found["sizes"], found["times"]["pbnn"]["median_s"]
    smoothing = [
        found["times"][name]["median_s"] for name in ("smoothing_of_200_rows", "arviz_smoothing_of_200_rows")
    ]
    return [
        [f"{sizes['draws']:,} draws, {sizes['n_obs']:,} rows, {sizes['n_weights']:,} weights", "measured", "asked"],
        ["seconds, all of it", f"{own:.1f}", "10"],
        ["the first call, which compiles", f"{found['first_call_s']:.1f}", "10"],
        ["memory, GB", f"{found['memory_gb']:.2f}", "2"],
        ["smoothing of 200 rows, pbnn, ms", f"{1e3 * smoothing[0]:.0f}", ""],
        ["the same, ArviZ, ms", f"{1e3 * smoothing[1]:.0f}", ""],
    ]  # fmt: skip


def plus_minus(pair: list[float | None], places: int = 2) -> str:
    mean, se = pair
    return f"{mean:.{places}f}" + ("" if se is None else f" ± {se:.{places}f}")
