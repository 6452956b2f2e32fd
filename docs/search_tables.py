"""Rows of the tables of README.md that concern searches; `tables.py` writes them."""

from typing import Any

Rows = list[list[str]]

ENTRANTS = {
    "random": "random",
    "tpe": "TPE",
    "optuna_gp": "Optuna's GP",
    "botorch": "BoTorch",
    "pbnn": "pbnn",
}
FUNCTIONS = ("branin", "hartmann6", "levy4", "ackley10")


def search(found: dict[str, Any]) -> Rows:
    rows = [
        ["median regret of what is recommended", "trials", "seeds", *ENTRANTS.values(), "asked", "met"],
    ]
    for name, of in found["problems"].items():
        summary = of["summary"]
        entrants = [e for e in ENTRANTS if e in summary]
        seeds = [summary[e]["seeds"] for e in entrants]
        several = f"{min(seeds)}–{max(seeds)}" if min(seeds) < max(seeds) else str(seeds[0])
        cells = []
        for entrant in ENTRANTS:
            cell = f"{summary[entrant]['regret']['median']:.2g}" if entrant in summary else ""
            p = summary.get(entrant, {}).get("p_better")
            cells.append(f"{cell} ({p:.2g})" if p is not None and name not in FUNCTIONS else cell)
        rows.append([name, str(of["trials"]), several, *cells, asked(name),
                     {True: "yes", False: "no", None: ""}[summary.get("met")]])  # fmt: skip
    for size, of in found["seconds"].items():
        cells = [f"{of[e]['mean_s']:.2g} s" if e in of else "" for e in ENTRANTS]
        peer, ours = of.get("optuna_gp"), of.get("pbnn")
        if not (peer and ours):
            continue
        least = size.startswith("100 ")
        met = ours["mean_s"] <= (peer["mean_s"] / 2 if least else 2.0)
        rows.append([f"a suggestion on average, {size}", "", "", *cells, "half of Optuna's GP" if least else "2 s",
                     "yes" if met else "no"])  # fmt: skip
    if commits := found.get("commits_of_runs"):
        rows.append([f"runs of commits {', '.join(commit[:8] for commit in commits)}", *[""] * 9])
    return rows


def tuning(found: dict[str, Any]) -> Rows:
    rows = [["test lpd of a row", "splits", "default network", "random search", "pbnn", "over default",
             "over random", "asked", "met"]]  # fmt: skip
    for name, of in found.items():
        table = of["summary"]
        if "difference" not in table:
            continue
        lpd = [f"{table[e]['lpd'][0]:.3f}" for e in ("default", "random", "pbnn")]
        over = [plus_minus(table["difference"][e]) for e in ("default", "random")]
        rows.append([name, str(len(table["splits"])), *lpd, *over, "both above 0, 5 splits",
                     {True: "yes", False: "no", None: ""}[table.get("met")]])  # fmt: skip
    return rows


def plus_minus(pair: list[float | None]) -> str:
    mean, se = pair
    return f"{mean:.2f}" if se is None else f"{mean:.2f} ± {se:.2f}"


def asked(problem: str) -> str:
    if problem in FUNCTIONS:
        return "no more than BoTorch"
    if problem in ("credit_g", "vehicle", "kc1"):
        return "below each, p < 0.01"
    return "not above the best, below TPE (p < 0.05)"
