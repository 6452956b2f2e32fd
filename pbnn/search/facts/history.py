"""How a search went: what was observed, and what was believed after each trial."""

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from optuna import Study

from pbnn.search.fitted import PROB, Fitted, How, fitted
from pbnn.search.gp import Rows, condition, marginals


def history(study: Study | Fitted, *, how: How = "map", seed: int = 0) -> xr.Dataset:
    """Return what was observed in each trial, and what was known of the best after it.

    Parameters
    ----------
    study
        Of Optuna, of one objective.
    how, seed
        How the surrogate's hyperparameters are fitted, `"map"` or `"nuts"`, and from which seed.

    Returns
    -------
    xarray.Dataset
        By `trial` that counts: its `score` and `noise_sd`, known or learned; `luckiest`, the best score so far;
        `incumbent`, the trial with the best posterior mean after this one, with its `mean`, `sd`, `lower` and `upper`
        then, and `hindsight`, its posterior mean after all trials. In the units of the study. Beliefs after a trial
        rest on the scores up to it, and on the hyperparameters that all trials tell. `attrs` has the `direction`, the
        probability `prob` between lower and upper, and `not_counted`, trials that failed.

    Raises
    ------
    DataError, MethodError, SpecError
        As of `recommend`.

    Examples
    --------
    >>> import optuna
    >>> from pbnn.search import history
    >>> optuna.logging.set_verbosity(optuna.logging.WARNING)
    >>> study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(seed=1))
    >>> study.optimize(lambda trial: -(trial.suggest_float("x", -1, 1) ** 2), n_trials=12)
    >>> table = history(study)
    >>> bool(abs(table["mean"][-1] - table["luckiest"][-1]) < 0.1)
    True
    """
    of = fitted(study, how, seed)
    n = len(of.trials)
    surrogate = of.surrogate
    with jax.enable_x64(True):
        mean, variance = _after_each(surrogate.arrays.theta, surrogate.rows)
    mean = surrogate.loc + surrogate.scale * np.asarray(mean)[:n, :n]
    sd = surrogate.scale * np.sqrt(np.asarray(variance)[:n, :n])
    # Row t is the belief after t + 1 trials; of the others nobody knew.
    known = np.where(np.tri(n, dtype=bool), mean, -np.inf)
    incumbent = known.argmax(1)
    each = np.arange(n)
    columns = {
        "score": of.score,
        "noise_sd": of.noise_sd,
        "luckiest": of.sign * np.maximum.accumulate(of.sign * of.score),
        "incumbent": of.numbers[incumbent],
        **of.in_own_units(mean[each, incumbent], sd[each, incumbent]),
        "hindsight": of.sign * of.bend.back(mean[-1, incumbent]),
    }
    counts = set(of.numbers.tolist())
    others = [
        t.number
        for t in of.study.get_trials(deepcopy=False)
        if t.state.is_finished() and t.number not in counts
    ]
    return xr.Dataset(
        {name: ("trial", values) for name, values in columns.items()},
        coords={"trial": of.numbers},
        attrs={"direction": of.direction, "how": of.how, "prob": PROB, "not_counted": others},
    )


@jax.jit
def _after_each(theta: Any, rows: Rows) -> tuple[jax.Array, jax.Array]:
    """Return mean and variance at all rows after each of them: `(N, N)` both."""
    size = rows.mask.shape[0]

    def after(last: jax.Array) -> tuple[jax.Array, jax.Array]:
        so_far = replace(rows, mask=rows.mask & (jnp.arange(size) <= last))
        mean, variance = marginals(condition(theta, so_far), rows.x, rows.active)
        return mean.mean(0), variance.mean(0) + mean.var(0)

    # One after the other: all at once would hold N factors.
    return jax.lax.map(after, jnp.arange(size))
