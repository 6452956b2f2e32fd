"""Write the tables of README.md from `benchmarks/results/*.json`: `python docs/tables.py`.

Each stands between `<!-- table:NAME -->` and `<!-- end -->`; nothing there is typed by hand.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from assessment_tables import Rows, coverage, loo, ood, stacking
from search_tables import search, tuning

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"


def advi(found: dict[str, Any]) -> Rows:
    rate, race, end = found["steps_per_second"], found["time_to_elbo"], found["pbnn_converged"]
    ours, peer = race["pbnn"], race["pm.fit"]
    return [
        ["", "pbnn", "`pm.fit`", "ratio", "asked"],
        ["steps per second", f"{rate['pbnn']:,.0f}", f"{rate['pm.fit']:,.0f}", f"{rate['ratio']:.1f}", "5"],
        ["steps per second, both float64", f"{rate['pbnn float64']:,.0f}", f"{rate['pm.fit']:,.0f}",
         f"{rate['pbnn float64'] / rate['pm.fit']:.1f}", ""],
        [f"seconds to the ELBO of `pm.fit` after {peer['steps']:,} steps", f"{ours['wall_s']:.1f}",
         f"{peer['wall_s']:.1f}", f"{race['ratio']:.1f}", "20"],
        ["ELBO then, nats", f"{ours['elbo']:,.0f}", f"{peer['elbo']:,.0f}", "", ""],
        [f"ELBO when pbnn has converged, after {end['wall_s']:.0f} s", f"{end['elbo']:,.0f}", "", "", ""],
    ]  # fmt: skip


def predict(found: dict[str, Any]) -> Rows:
    times = found["times"]
    names = {
        "pbnn": "pbnn, draws",
        "pbnn_summary": "pbnn, summary",
        "pymc": "`pm.sample_posterior_predictive`",
        "pymc_fast_compile": 'the same, `mode="FAST_COMPILE"`',
    }
    own = times["pbnn"]["median_s"]
    body = [
        [
            name,
            f"{times[key]['median_s']:.2f}",
            f"{times[key]['first_call_s']:.1f}",
            f"{times[key]['median_s'] / own:.1f}",
        ]
        for key, name in names.items()
    ]
    return [["", "seconds", "first call", "times pbnn, draws (asked: 10)"], *body]


def linear_gaussian(found: dict[str, Any]) -> Rows:
    errors = found["errors"]
    nuts, full, mean = (
        errors["nuts"],
        errors["advi_fullrank"]["function"],
        errors["advi_meanfield"]["function"],
    )
    return [
        ["against the closed form, worst input", "mean", "sd", "asked"],
        ["NUTS", f"{nuts['mean_error_in_mcse']:.1f} MCSE", f"{nuts['sd_error_in_mcse']:.1f} MCSE", "4 MCSE"],
        ["ADVI, full rank", f"{full['mean_error']:.2%} of the sd", f"{full['sd_error']:.2%}", "2 %"],
        ["ADVI, mean field", f"{mean['mean_error']:.2%} of the sd", f"{mean['sd_error']:.2%}", ""],
        ["MAP", f"{errors['map']['mean_error']:.1e} of the sd", "", ""],
    ]


def imports(found: dict[str, Any]) -> Rows:
    times = found["times"]
    names = ("import pbnn", "pbnn --help", "import pymc")
    body = [[f"`{name}`", f"{times[name]['beyond_python_s']:.3f}"] for name in names]
    return [["", f"seconds beyond Python's own start (asked of `import pbnn`: {found['aim_s']})"], *body]


def demo(found: dict[str, Any]) -> Rows:
    body = [[str(run["seed"]), f"{run['wall_s']:.0f}", f"{run['r_hat_max']:.4f}"] for run in found["runs"]]
    head = [f"seconds (asked: {found['aim_s']:.0f})", f"worst R-hat (asked: {found['aim_r_hat']})"]
    if "aim_report_s" in found:
        head += [
            f"report alone, seconds (asked: {found['aim_report_s']})",
            f"report, MB (asked: {found['aim_report_bytes'] / 1e6:.0f})",
        ]
        for line, run in zip(body, found["runs"], strict=True):
            line += [f"{run['report_s']:.1f}", f"{run['report_bytes'] / 1e6:.1f}"]
    return [["seed", *head], *body]


def sampling(found: dict[str, Any]) -> Rows:
    head = ["sample", "", "seconds", "effective draws", "per second", "over `pm.sample`", "over NumPyro",
            "means, sds within 3 MCSE", "noise off by"]  # fmt: skip
    asked = found["asked"]
    rows = [
        head,
        ["", "asked", "", "", "", f"{asked['pm.sample']:g}", f"{asked['NumPyro']:g}", "95 of 100", "3 MCSE"],
    ]
    for sample, race in found["samples"].items():
        for name, peer in race["peers"].items():
            right = (
                f"{peer['mean_within_3_mcse']}, {peer['sd_within_3_mcse']}"
                if "right" in peer
                else "reference"
            )
            off = f"{abs(peer['noise_mean_off_in_mcse']):.1f}" if "right" in peer else ""
            words = {"NumPyro": "NumPyro, NUTS", "pm.sample": "`pm.sample`, defaults"}[name]
            rows.append([sample, words, f"{peer['wall_s']:.0f}", f"{peer['ess_min']:,.0f}", f"{peer['ess_per_s']:.1f}",
                         "", "", right, off])  # fmt: skip
        for name, setting in race["pbnn"].items():
            runs = setting["runs"]

            def each(key: str, form: str = "d", runs: list[dict[str, Any]] = runs) -> str:
                return "; ".join(f"{abs(run[key]):{form}}" for run in runs)

            within = "; ".join(f"{run['mean_within_3_mcse']}, {run['sd_within_3_mcse']}" for run in runs)
            rows.append([sample, f"pbnn, {name}, {len(runs)} seeds", each("wall_s", ".0f"), each("ess_min", ",.0f"),
                         f"{setting['ess_per_s']:.0f}", f"{setting['over pm.sample']:.0f}",
                         f"{setting['over NumPyro']:.1f}", within,
                         each("noise_mean_off_in_mcse", ".1f")])  # fmt: skip
    return rows


def uci(found: dict[str, Any]) -> Rows:
    def pm(pair: list[float | None], places: int = 2) -> str:
        mean, se = pair
        return f"{mean:.{places}f}" + (f" ± {se:.{places}f}" if se is not None else "")

    head = ["", "splits", "lpd", "best published lpd", "lpd, rows not in train", "RMSE", "seconds a split (longest)",
            "restarts a chain", "worst R-hat"]  # fmt: skip
    rows = [head]
    for name, of in found.items():
        if name == "airfoil":
            continue
        best = of["published"]
        rows.append([name, str(of["n_splits"]), pm(of["lpd"]), f"{best['lpd']:.2f} ({best['method']})",
                     pm(of["lpd_unseen"]), pm(of["rmse"]), f"{of['wall_s_mean']:.0f} ({of['wall_s_max']:.0f})",
                     f"{of['restarts_per_chain']:g}", f"{of['r_hat_worst']:.2f}"])  # fmt: skip
    if "airfoil" in found:
        of = found["airfoil"]
        for run in of["runs"]:
            rows.append(["airfoil, standardised", "1", f"{run['lpd']:.3f}", f"{of['published']['lpd']:.3f} "
                         f"({of['published']['method']}; asked {of['asked']['lpd']})", f"{run['lpd_unseen']:.3f}",
                         f"{run['rmse']:.4f} (asked {of['asked']['rmse']})", f"{run['wall_s']:.0f} (asked "
                         f"{of['asked']['wall_s']:.0f})", f"{run['restarts'] / run['chains']:g}",
                         f"{run['r_hat_max']:.2f}"])  # fmt: skip
    return rows


def overhead(found: dict[str, Any]) -> Rows:
    body = [[f"{run['wall_s']:.1f}", f"{run['outside_percent']:.1f} %"] for run in found["runs"]]
    return [["seconds", f"outside compiled work (asked: at most {found['asked_percent']:g} %)"], *body]


def laplace(found: dict[str, Any]) -> Rows:
    race, asked = found["regression"], found["asked"]
    names = {"full": "full", "kron": "Kronecker factors", "diag": "diagonal"}
    timed = [
        *((f"fit, {names[s]}", of["fit"], asked[s]) for s, of in race["structures"].items()),
        *(
            (
                f"predictions of 1000 rows, {names[s]}",
                of["predictive"],
                asked["predictive"] if s == "full" else None,
            )
            for s, of in race["structures"].items()
        ),
        ("marginal likelihood tuned, full", race["tuning"], asked["tuning"]),
    ]
    body = [
        [name, f"{t['pbnn_s']:.3g}", f"{t['pbnn_first_call_s']:.3g}", f"{t['laplace_torch_s']:.3g}",
         f"{t['ratio']:.3g}", f"{t['ratio_first_call']:.2g}", "" if ask is None else f"{ask:g}"]
        for name, t, ask in timed
    ]  # fmt: skip
    head = ["", "pbnn, s", "first call, s", "laplace-torch, s", "ratio", "of the first call", "asked"]
    return [head, *body]


def agreement(found: dict[str, Any]) -> Rows:
    names = {"full": "full", "kron": "Kronecker factors", "diag": "diagonal"}
    rows = [["largest relative difference (asked: 1e-3)", "precision", "predictive variance", "log evidence"]]
    for problem in ("regression", "classification"):
        for structure, of in found[problem]["structures"].items():
            off = of["relative_difference"]
            precision = off.get("precision", off.get("log_determinant"))
            rows.append([f"{problem}, {names[structure]}", f"{precision:.0e}", f"{off['predictive_variance']:.0e}",
                         f"{off['log_marginal_likelihood']:.0e}"])  # fmt: skip
    return rows


def laplace_memory(found: dict[str, Any]) -> Rows:
    names = {"diag": "diagonal", "kron": "Kronecker factors", "last_layer": "last layer, full"}
    rows = [["", "weights", "most memory, GB (asked: 2)", "seconds"]]
    for key, of in found["memory"].items():
        rows.append([names[key], f"{of['weights']:,}", f"{of['max_rss_gb']:.2f}", f"{of['wall_s']:.0f}"])
    return rows


def variational(found: dict[str, Any]) -> Rows:
    rows = [
        ["", "ELBO, nats", "passes over the data", "passes to the ELBO of ADVI (asked: a tenth)", "seconds"]
    ]
    for name, of in found["variational"].items():
        reached = of["passes_to_elbo_of_advi"]
        rows.append([name, f"{of['elbo']:,.0f}", f"{of['passes']:,}", f"{reached:,}" if reached else "",
                     f"{of['wall_s']:.0f}"])  # fmt: skip
    return rows


def uci_laplace(found: dict[str, Any]) -> Rows:
    rows = [["", "splits", "lpd, Laplace", "lpd, MCLMC", "difference", "seconds a split, Laplace", "MCLMC"]]
    for name, of in found.items():
        pairs = [f"{of[key][0]:.2f} ± {of[key][1]:.2f}" for key in ("lpd", "mclmc_lpd", "difference")]
        rows.append(
            [name, str(of["n_splits"]), *pairs, f"{of['wall_s_mean']:.0f}", f"{of['mclmc_wall_s_mean']:.0f}"]
        )
    return rows


def convolution(found: dict[str, Any]) -> Rows:
    times, scored = found["gradient"], found["predictions"]
    medians = [times["timed"][name]["median_s"] for name in ("pbnn", "jax")]
    rows = [["", "pbnn", "peer", "", "asked"],
            [f"value and gradient, {times['rows']:,} images, ms; plain JAX", *(f"{1e3 * t:.1f}" for t in medians),
             f"ratio {times['ratio']:.2f}", f"{times['asked']:g}"]]  # fmt: skip
    for measure, of in scored["summary"].items():
        error = "" if of["standard_error"] is None else f" ± {of['standard_error']:.4f}"
        name = f"{measure}, {scored['splits']} splits; SWAG, deep ensemble, {scored['members']} members each"
        both = [f"{of[method]:.4f}" for method in ("swag", "ensemble")]
        rows.append([name, *both, f"{of['difference']:+.4f}{error}", "> 0"])
    return rows


def calibration(found: dict[str, Any]) -> Rows:
    names = {
        "unit": "N(0, 1)",
        "calibrated": "calibrated, scales fixed",
        "rule": "calibrated by a rule of thumb, scales fixed",
        "default": "pbnn's default, scales learned",
    }
    sets = {data: of for data, of in found.items() if data != "distance"}
    rows = [[""]]
    for data, of in sets.items():
        rows[0] += [f"{data}, {of['n_splits']} splits: lpd", "above N(0, 1) (asked: 2 standard errors)"]
    for name, words in names.items():
        pairs = [p for of in sets.values() for p in (of["lpd"].get(name), of["lpd_above_unit"].get(name))]
        rows.append([words, *("" if pair is None else f"{pair[0]:.2f} ± {pair[1]:.2f}" for pair in pairs)])
    return rows


def calibration_distance(found: dict[str, Any]) -> Rows:
    rows = [
        ["inputs", "lengthscale", "layers", "distance before", "after", "times less (asked: 5)", "seconds"]
    ]
    for of in found["distance"]:
        before, after = (f"{mean:.4f} ± {se:.4f}" for mean, se in (of["before"], of["after"]))
        rows.append([str(of["n_inputs"]), f"{of['lengthscale']:g}", str(of["depth"]), before, after,
                     f"{of['reduction']:.0f}", f"{of['wall_s']:.0f}"])  # fmt: skip
    return rows


def relevance(found: dict[str, Any]) -> Rows:
    rows = [["", "runs", "all ten ranked first (asked: 95 %)", "lpd", "lpd above the plain prior's (asked: each)",
             "least gain", "seconds a run", "median of the worst R-hats of relevance"]]  # fmt: skip
    for name, of in found["priors"].items():
        runs = [run[name] for run in found["by_seed"].values() if name in run]
        worst = median(run["relevance_r_hat_max"] for run in runs)
        plain = name == "plain"
        rows.append([name, str(of["runs"]), f"{of['ranked_first_share']:.0%}", f"{of['lpd_mean']:.2f}",
                     "" if plain else of["lpd_above_plain"], "" if plain else f"{of['least_gain']:.2f}",
                     f"{of['wall_s_sum'] / of['runs']:.0f}", f"{worst:.1f}"])  # fmt: skip
    return rows


TABLES: dict[str, Callable[[dict[str, Any]], Rows]] = {
    "advi": advi,
    "predict": predict,
    "linear_gaussian": linear_gaussian,
    "import": imports,
    "sampling": sampling,
    "uci": uci,
    "overhead": overhead,
    "laplace": laplace,
    "agreement": agreement,
    "laplace_memory": laplace_memory,
    "variational": variational,
    "uci_laplace": uci_laplace,
    "convolution": convolution,
    "calibration": calibration,
    "calibration_distance": calibration_distance,
    "relevance": relevance,
    "coverage": coverage,
    "stacking": stacking,
    "ood": ood,
    "loo": loo,
    "demo": demo,
    "search": search,
    "tuning": tuning,
}

FILES = {
    "agreement": "laplace",
    "variational": "laplace",
    "laplace_memory": "laplace",
    "calibration_distance": "calibration",
}
"""Where a table is made from the result of another name."""


def markdown(rows: Rows, made: dict[str, Any]) -> str:
    lines = [f"| {' | '.join(row)} |" for row in rows]
    lines.insert(1, "|" + "---|" * len(rows[0]))
    lines.append("")
    cores = f"{made['cores']} core{'' if made['cores'] == 1 else 's'}"
    lines.append(f"<sub>{cores} of an {made['processor']}, Python {made['python']}, commit "
                 f"{made['commit'][:8]}, {made['date']}</sub>")  # fmt: skip
    return "\n".join(lines)


def main() -> None:
    readme = ROOT / "README.md"
    text = readme.read_text()
    for name, table in TABLES.items():
        path = RESULTS / f"{FILES.get(name, name)}.json"
        if path.exists():
            made = json.loads(path.read_text())
            body = markdown(table(made["results"]), made)
            pattern = rf"(<!-- table:{name} -->\n).*?(<!-- end -->)"
            text, count = re.subn(
                pattern, lambda m, body=body: f"{m[1]}{body}\n{m[2]}", text, flags=re.DOTALL
            )
            print(f"{name}: {'written' if count else 'no marker in README.md'}")
        else:
            print(f"{name}: no result yet; make bench-{name}")
    readme.write_text(text)


if __name__ == "__main__":
    main()
