"""`prior_predict`: what the model says before it has seen data."""

from typing import Any

import numpy as np
import pymc as pm
import xarray as xr

from pbnn.errors import MethodError, quiet
from pbnn.graph.build import BNN
from pbnn.graph.censoring import BOUNDS
from pbnn.predict.forward import Forward
from pbnn.predict.predictions import draw_everywhere, require_memory, resolve_seed
from pbnn.predict.rows import encode_rows, inputs_dataset


def prior_predict(
    bnn: BNN, X: Any = None, *, draws: int = 500, seed: int | None = None, memory: float = 2e9
) -> xr.DataTree:
    """Draw weights from the prior, and responses at inputs.

    Parameters
    ----------
    bnn
        The model.
    X
        Inputs `(obs, feature)`, as given to `build`; None takes the training data.
    draws
        Number of draws.
    seed
        The same seed gives the same draws.
    memory
        The most that they may take, in bytes.

    Returns
    -------
    DataTree
        Groups `prior`, the weights `(chain, draw, ...)`; `prior_predictive`, `y` and `mu`, or `y` and `p`, as `predict`
        gives them; `constant_data` with `X`; and, at the training data, `observed_data` with `y`.

    Raises
    ------
    ShapeError, DataError
        If `X` does not match the training data, or the draws exceed `memory`.
    MethodError
        If an option makes no sense.

    Examples
    --------
    >>> import numpy as np, pbnn
    >>> from pbnn import likelihoods
    >>> X = np.linspace(-1, 1, 20)[:, None]
    >>> bnn = pbnn.build(pbnn.Network([pbnn.Dense(5)], likelihoods.Gaussian()), X, X[:, 0] ** 2)
    >>> dict(pbnn.prior_predict(bnn, draws=10, seed=1)["prior_predictive"]["y"].sizes)
    {'chain': 1, 'draw': 10, 'obs': 20}
    """
    if not isinstance(bnn, BNN):
        raise MethodError(
            f"prior_predict: the first argument must be a BNN (pbnn.build); got {type(bnn).__name__}. For a general "
            "pm.Model use pm.sample_prior_predictive."
        )
    if isinstance(draws, bool) or not isinstance(draws, int | np.integer) or draws < 1:
        raise MethodError(f"prior_predict: draws must be a whole number >= 1; got {draws!r}.")
    seed = resolve_seed(seed, "prior_predict")
    values, obs = encode_rows(bnn, None, X, "prior_predict")
    prior = draw_weights(bnn, draws, seed)
    forward = Forward.of(bnn, prior, seed)
    require_memory(forward, len(values), memory, "prior_predict", "fewer rows or draws")
    predictive = draw_everywhere(forward, values, prior.coords).assign_coords(obs=obs)
    groups = {
        "prior": prior.assign_attrs(seed=seed),
        "prior_predictive": predictive.assign_attrs(seed=seed),
        "constant_data": inputs_dataset(bnn, values, obs),
    }
    if X is None:
        groups["observed_data"] = _observed(bnn, predictive)
    return xr.DataTree.from_dict(groups)


def draw_weights(bnn: BNN, draws: int, seed: int) -> xr.Dataset:
    """Draw the free variables from the prior, and the deterministic ones: dims `(chain, draw, ...)`."""
    names = [v.name for v in (*bnn.model.free_RVs, *bnn.model.deterministics)]
    # For so few draws the time goes into compiling, so the quickest mode wins.
    with quiet("pymc.sampling.forward"):
        tree = pm.sample_prior_predictive(
            draws, bnn.model, names, random_seed=seed, compile_kwargs={"mode": "FAST_COMPILE"}
        )
    return tree["prior"].to_dataset()[names].drop_attrs()  # PyMC's hold the time, so no two are the same


def _observed(bnn: BNN, predictive: xr.Dataset) -> xr.Dataset:
    like = predictive["y"].isel(chain=0, draw=0, drop=True)
    observed = bnn.model["y_data"].get_value()
    if bnn.response.censored:
        return xr.Dataset(
            {"y": (("obs", "bound"), observed)}, coords={"obs": like["obs"], "bound": list(BOUNDS)}
        )
    return xr.Dataset({"y": like.copy(data=observed)})
