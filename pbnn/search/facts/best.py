"""The best few configurations, and how probably each is the best."""

import numpy as np
import xarray as xr
from optuna import Study

from pbnn.search.fitted import Fitted, How
from pbnn.search.recommend import Recommendation, recommend

MOST = 8


def best(
    study: Study | Fitted | Recommendation, *, most: int = MOST, how: How = "map", seed: int = 0
) -> xr.Dataset:
    """Return the posterior of the best few configurations.

    Parameters
    ----------
    study
        Of Optuna, of one objective; or what `recommend` returned.
    most
        At most so many.
    how, seed
        How the surrogate's hyperparameters are fitted, `"map"` or `"nuts"`, and from which seed.

    Returns
    -------
    xarray.Dataset
        By `trial`, the best posterior mean first: `score`, `mean` and `sd` of the true score, `p_best`, the probability
        that no candidate is better, and `regret`, by how much the best candidate is better on average. `attrs` has the
        number of candidates `n`, and what is `chosen`, in words.

    Raises
    ------
    DataError, MethodError
        As of `recommend`.

    Examples
    --------
    >>> import optuna
    >>> from pbnn.search import best
    >>> optuna.logging.set_verbosity(optuna.logging.WARNING)
    >>> study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(seed=1))
    >>> study.optimize(lambda trial: -(trial.suggest_float("x", -1, 1) ** 2), n_trials=12)
    >>> table = best(study, most=3)
    >>> table.sizes["trial"], table.attrs["n"]
    (3, 12)
    """
    found = study if isinstance(study, Recommendation) else recommend(study, how=how, seed=seed)
    table = found.table.iloc[:most]
    columns = ("score", "mean", "sd", "p_best", "regret")
    return xr.Dataset(
        {name: ("trial", table[name].to_numpy(float)) for name in columns},
        coords={"trial": np.asarray(table.index)},
        attrs={
            "n": len(found.table),
            "chosen": found.chosen,
        },
    )
