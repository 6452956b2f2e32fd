"""What every benchmark shares: its options, timing side by side, and a result file that says where it was made."""

import json
import os
import platform
import subprocess
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import mean, median, stdev
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RESULTS = Path(__file__).resolve().parent / "results"
PACKAGES = (
    "pbnn",
    "pymc",
    "pytensor",
    "jax",
    "jaxlib",
    "blackjax",
    "optax",
    "numpy",
    "scipy",
    "xarray",
    "arviz-stats",
)


def parser_of(description: str | None, *, repeats: int = 5, seed: int = 1) -> ArgumentParser:
    """Return a parser of `--repeats`, `--seed` and `--dry-run` (print, and write no file)."""
    parser = ArgumentParser(description=description)
    parser.add_argument(
        "--repeats", type=int, default=repeats, help="timed runs of each (default %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=seed, help="of data and draws (default %(default)s)")
    parser.add_argument("--dry-run", action="store_true", help="print the result and write no file")
    return parser


def options(description: str | None, *, repeats: int = 5, seed: int = 1) -> Namespace:
    """Read these options from the command line."""
    return parser_of(description, repeats=repeats, seed=seed).parse_args()


def seconds(function: Callable[[], Any]) -> float:
    """Return the wall time of one call. The call must wait for its result (`jax.block_until_ready`)."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def race(entrants: Mapping[str, Callable[[], Any]], repeats: int) -> dict[str, dict[str, Any]]:
    """Time each entrant `repeats` times, in turn, so that a slow spell of the machine meets them all alike.

    The first call of each, which may compile, is timed apart and counted in no median.
    """
    first = {name: seconds(run) for name, run in entrants.items()}
    runs: dict[str, list[float]] = {name: [] for name in entrants}
    for _ in range(repeats):
        for name, run in entrants.items():
            runs[name].append(seconds(run))
    return {
        name: {
            "first_call_s": round(first[name], 4),
            "median_s": round(median(s), 4),
            "runs_s": [round(x, 4) for x in s],
        }
        for name, s in runs.items()
    }


def record(name: str, results: Mapping[str, Any], args: Namespace, *, packages: Iterable[str] = ()) -> None:
    """Print `results` and write them, with where and how they were made, to `benchmarks/results/<name>.json`."""
    made = {
        "benchmark": name,
        "results": results,
        "seed": args.seed,
        "repeats": args.repeats,
        **environment(packages),
    }
    text = json.dumps(made, indent=2, allow_nan=False)
    print(text)
    if not args.dry_run:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"{name}.json").write_text(text + "\n")


def kept(name: str) -> dict[str, Any]:
    """Return the results of an earlier run, so that one that was cut goes on."""
    path = RESULTS / f"{name}.json"
    return json.loads(path.read_text())["results"] if path.exists() else {}


def keep(name: str, results: Mapping[str, Any], args: Namespace, *, packages: Iterable[str] = ()) -> None:
    """Write what there is so far, with where and how it was made, to `benchmarks/results/<name>.json`."""
    made = {"benchmark": name, "results": results, "seed": args.seed, **environment(packages)}
    if not args.dry_run:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"{name}.json").write_text(json.dumps(made, indent=2, allow_nan=False) + "\n")


def mean_and_se(values: Sequence[float]) -> list[float | None]:
    """Return the mean over splits, and its standard error, or None of a single split."""
    values = [float(value) for value in values]
    se = stdev(values) / len(values) ** 0.5 if len(values) > 1 else None
    return [round(mean(values), 4), None if se is None else round(se, 4)]


def plus_minus(pair: Sequence[float | None], places: int = 3) -> str:
    """Write what `mean_and_se` returned."""
    mean, se = pair
    return f"{mean:.{places}f}" + ("" if se is None else f" ± {se:.{places}f}")


def split_options(doc: str | None, *, splits: int | None, sets: Sequence[str] = ()) -> Namespace:
    """Read the options of a benchmark that goes on from what is kept; of `sets` of the UCI data, if any are named."""
    parser = ArgumentParser(description=doc)
    if sets:
        parser.add_argument("--data", type=Path, required=True, help="folder with uci/*.npz")
        parser.add_argument("--sets", nargs="*", default=sets, choices=sets, help="which sets (default: all)")
    parser.add_argument(
        "--splits", type=int, default=splits, help="how many (default: %(default)s; None is all)"
    )
    parser.add_argument("--seed", type=int, default=1, help="of the first split (default %(default)s)")
    parser.add_argument("--afresh", action="store_true", help="forget earlier results")
    parser.add_argument("--dry-run", action="store_true", help="print the table and write no file")
    return parser.parse_args()


def environment(packages: Iterable[str] = ()) -> dict[str, Any]:
    """Return commit, date, versions and processor."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return {
        "commit": _git("rev-parse", "HEAD"),
        "changed_since_commit": bool(_git("status", "--porcelain", "--", "pbnn", "benchmarks/*.py")),
        "date": datetime.now(UTC).date().isoformat(),
        "python": platform.python_version(),
        "versions": {p: _version(p) for p in (*PACKAGES, *packages)},
        "platform": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "load_at_end": None if load is None else round(load, 2),
    }


def _git(*words: str) -> str | None:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else None


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
