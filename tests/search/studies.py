"""Studies whose scores are made up, for what is said of studies."""

import numpy as np
import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState, create_trial
from scipy.stats import qmc

UNIT = FloatDistribution(0, 1)
MIXED = {
    "depth": IntDistribution(1, 2),
    "width": IntDistribution(8, 128, log=True),
    "width2": IntDistribution(8, 128, log=True),
    "act": CategoricalDistribution(["relu", "tanh"]),
}


def unit_study(f, n=32, d=3, direction="maximize"):
    """A function of numbers in [0, 1], at points that fill the cube evenly."""
    study = optuna.create_study(direction=direction)
    for u in qmc.Sobol(d, rng=1).random(n):
        params = {f"x{j}": float(v) for j, v in enumerate(u)}
        study.add_trial(
            create_trial(params=params, distributions=dict.fromkeys(params, UNIT), value=float(f(u)))
        )
    return study


def mixed_study(direction="maximize", n=14):
    """Networks of one or two layers, whose scores rise with width and are noisy; two failed."""
    rng = np.random.default_rng(0)
    sign = 1 if direction == "maximize" else -1
    study = optuna.create_study(direction=direction)
    study.set_user_attr("pbnn:conditions", {"width2": ["depth", [2]]})
    for i in range(n):
        params = {
            "depth": 1 + i % 2,
            "width": int(8 * 16 ** rng.random()),
            "act": ["relu", "tanh"][i // 2 % 2],
        }
        if params["depth"] == 2:
            params["width2"] = int(8 * 16 ** rng.random())
        score = np.log2(params["width"]) + 0.3 * rng.normal() + (params["act"] == "tanh")
        study.add_trial(
            create_trial(
                params=params,
                distributions={name: MIXED[name] for name in params},
                value=sign * score,
                user_attrs={"pbnn:se": 0.3},
            )
        )
    study.add_trial(create_trial(state=TrialState.FAIL, user_attrs={"pbnn:failed": "ValueError: no"}))
    wide = {"depth": 1, "width": 128, "act": "tanh"}
    study.add_trial(
        create_trial(
            params=wide,
            distributions={name: MIXED[name] for name in wide},
            value=sign * 99.0,
            user_attrs={"pbnn:failed": "R-hat 3"},
        )
    )
    return study
