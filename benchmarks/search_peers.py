"""Searches of peers, in an environment of their own: `bench_search.py` runs it with a Python that has them.

`python search_peers.py` reads one job a line, `{"peer": ..., "problem": ..., "seed": ..., "trials": ...}`, and prints
one line of JSON for each: parameters, values, attributes and the seconds of each suggestion. A job with
`"observations"` and `"dims"` in place of a problem is timed: one suggestion beside so many random observations,
`"repeats"` times.

- `random`, `tpe`, `optuna_gp`: Optuna's samplers at their defaults; its GPSampler is told where there is no noise.
- `botorch`: `SingleTaskGP` at its defaults, which learn a noise of functions too, and log expected improvement after
  ten points of Sobol's sequence. Of functions `qLogExpectedImprovement` of one point by `optimize_acqf` (10 restarts,
  512 raw samples). Of tables its closed form over the best posterior mean (with noise the best score is no incumbent),
  at every configuration of the table, so that it is found exactly; categories one-hot.
"""

import itertools
import json
import sys
import warnings
from typing import Any

import numpy as np
import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution
from search_problems import Problem, problem_of, search, suggestion_seconds, timed_problem, told

STARTUP = 10


class BoTorch(optuna.samplers.BaseSampler):
    """BoTorch as an Optuna sampler, so that all are driven and timed alike."""

    def __init__(self, problem: Problem, seed: int) -> None:
        self.problem, self.seed = problem, seed
        self.continuous = all(isinstance(d, FloatDistribution) for d in problem.space.values())
        if not self.continuous:
            axes = [
                list(d.choices) if isinstance(d, CategoricalDistribution) else list(range(d.low, d.high + 1))
                for d in problem.space.values()
            ]
            self.table = [
                dict(zip(problem.space, values, strict=True)) for values in itertools.product(*axes)
            ]
            self.pool = self.rows(self.table)

    def columns(self, name: str, values: list[Any]) -> np.ndarray:
        """Return one parameter of many points as columns of numbers in [0, 1]."""
        d = self.problem.space[name]
        if isinstance(d, CategoricalDistribution):
            return np.array([[float(v == c) for c in d.choices] for v in values])
        return (np.array(values, float)[:, None] - d.low) / (d.high - d.low)

    def rows(self, points: list[dict[str, Any]]) -> np.ndarray:
        """Return points as numbers in [0, 1]."""
        return np.concatenate([self.columns(n, [p[n] for p in points]) for n in self.problem.space], 1)

    def infer_relative_search_space(self, study: optuna.Study, trial: Any) -> dict[str, Any]:
        """Return the whole space."""
        return dict(self.problem.space)

    def sample_relative(self, study: optuna.Study, trial: Any, search_space: Any) -> dict[str, Any]:
        """Suggest a point."""
        trials = study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,))
        if len(trials) < STARTUP:
            return self.start(trial.number)
        sign = 1.0 if self.problem.direction == "maximize" else -1.0
        return suggest(
            self, [t.params for t in trials], sign * np.array([t.value for t in trials]), len(trials)
        )

    def start(self, number: int) -> dict[str, Any]:
        """Return a point of Sobol's sequence."""
        from scipy.stats.qmc import Sobol

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            u = Sobol(len(self.problem.space), seed=self.seed).random(STARTUP)[number]
        point = {}
        for x, (name, d) in zip(u, self.problem.space.items(), strict=True):
            if isinstance(d, CategoricalDistribution):
                point[name] = d.choices[int(x * len(d.choices))]
            elif isinstance(d, FloatDistribution):
                point[name] = float(d.low + x * (d.high - d.low))
            else:
                point[name] = int(d.low + int(x * (d.high - d.low + 1)))
        return point

    def sample_independent(self, study: Any, trial: Any, name: str, distribution: Any) -> Any:
        """Refuse: there is nothing to be drawn by itself."""
        raise NotImplementedError


def suggest(sampler: BoTorch, points: list[dict[str, Any]], y: np.ndarray, seed: int) -> dict[str, Any]:
    """Return the point of highest log expected improvement under BoTorch's default surrogate."""
    import torch
    from botorch.acquisition import LogExpectedImprovement, qLogExpectedImprovement
    from botorch.fit import fit_gpytorch_mll
    from botorch.models import SingleTaskGP
    from botorch.optim import optimize_acqf
    from gpytorch.mlls import ExactMarginalLogLikelihood

    torch.manual_seed(1000 * sampler.seed + seed)
    x = torch.tensor(sampler.rows(points))
    scaled = torch.tensor((y - y.mean()) / (y.std() or 1.0))[:, None]
    model = SingleTaskGP(x, scaled)
    fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
    if sampler.continuous:
        box = torch.stack([torch.zeros(x.shape[1]), torch.ones(x.shape[1])]).double()
        acquisition = qLogExpectedImprovement(model, best_f=scaled.max())
        found, _ = optimize_acqf(acquisition, box, q=1, num_restarts=10, raw_samples=512)
        return {
            name: float(d.low + u * (d.high - d.low))
            for u, (name, d) in zip(found[0].tolist(), sampler.problem.space.items(), strict=True)
        }
    with torch.no_grad():
        acquisition = LogExpectedImprovement(model, best_f=model.posterior(x).mean.max())
        values = [acquisition(part[:, None]) for part in torch.tensor(sampler.pool).split(8192)]
    return sampler.table[int(torch.cat(values).argmax())]


def sampler_of(peer: str, problem: Problem, seed: int) -> optuna.samplers.BaseSampler:
    """Return the peer's sampler."""
    if peer == "random":
        return optuna.samplers.RandomSampler(seed=seed)
    if peer == "tpe":
        return optuna.samplers.TPESampler(seed=seed)
    if peer == "optuna_gp":
        return optuna.samplers.GPSampler(seed=seed, deterministic_objective=problem.n_parts == 1)
    if peer == "botorch":
        return BoTorch(problem, seed)
    raise SystemExit(f"no peer is called {peer!r}")


def main() -> None:
    """Do one job after another."""
    warnings.simplefilter("ignore")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        import torch

        torch.set_num_threads(1)
    except ImportError:
        pass
    for line in sys.stdin:
        job = json.loads(line)
        if "observations" in job:
            sampler = sampler_of(job["peer"], timed_problem(job["dims"]), 1)
            times = suggestion_seconds(sampler, job["observations"], job["dims"], job["repeats"])
            found: Any = {"seconds": times}
        else:
            problem = problem_of(job["problem"])
            sampler = sampler_of(job["peer"], problem, job["seed"])
            found = told(search(problem, sampler, job["seed"], job["trials"]))
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
