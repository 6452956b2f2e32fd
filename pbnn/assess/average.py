"""Several fits as one predictive distribution: their mixture, with weights."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from pbnn.assess.compare_models import Models, check_mapping, compare_models
from pbnn.assess.loo import enough_draws, n_draws_of
from pbnn.assess.rows import observed_column, same_rows
from pbnn.errors import DataError, MethodError, ModelError, count, of_estimator, unknown
from pbnn.graph.build import BNN
from pbnn.infer.ensemble import systematic
from pbnn.predict.mixture import Average, as_sample
from pbnn.predict.predictions import posterior_of, resolve_seed
from pbnn.predict.rows import training_data

BY = ("stacking", "pseudo_bma", "evidence", "equal")
MIN_DRAWS = 1000
KEPT = ("gaussian", "recalibration")
"""Groups of a fit that predictions are made of, beside the posterior."""


def average(
    models: Models,
    weights: str | Mapping[str, float] | pd.Series | xr.DataArray = "stacking",
    *,
    draws: int | None = None,
    seed: int = 0,
) -> tuple[Average, xr.DataTree]:
    """Mix the predictions of several models: other networks, other methods, or the modes of one fit.

    A model stands in the mixture with as many draws as its weight is worth (systematic resampling). The pair that is
    returned takes the place of `(bnn, idata)` in `predict`, `score`, `pbnn.assess.pointwise` and what is made of these,
    and in `save`.

    Parameters
    ----------
    models
        A model and its fit, `(bnn, idata)`, by name; all of the same columns and response. The chains of one fit:
        `pbnn.assess.by_chain(bnn, idata)`.
    weights
        `"stacking"`, `"pseudo_bma"` or `"evidence"`, from `compare_models` on the training rows; `"equal"`; or the
        weight of each model by name, such as a column of a table that `compare_models` made of other rows,
        `table["stacking"]`.
    draws
        Of the mixture; by default as many as the longest fit has, at least 1000.
    seed
        Of the allotment, and of pseudo-BMA+.

    Returns
    -------
    Average, DataTree
        The models, and a tree: `posterior` says by `draw` which `member` it comes from and which of that one's draws;
        `members` has the draws of each; `weights` by `model` the `weight`, and the `share` of the draws, which differs
        by less than one draw; `constant_data` and `observed_data` the training rows, if all models have the same.

    Raises
    ------
    MethodError
        If the weights are unknown, negative, do not sum to one, or do not belong to the models; or `draws` is not a
        whole number above 0.
    DataError
        If the models take other columns, or another response; the message names them.
    ModelError
        If there are no models, or a fit is that of another model.

    References
    ----------
    Yao, Vehtari, Simpson & Gelman (2018), Using stacking to average Bayesian predictive distributions,
    10.1214/17-BA1091; Yao, Vehtari & Gelman (2022), Stacking for non-mixing Bayesian computations, JMLR 23(79).

    Examples
    --------
    >>> import numpy as np, pbnn
    >>> from pbnn import likelihoods
    >>> X = np.linspace(-1, 1, 40)[:, None]
    >>> models = {}
    >>> for name, layers in {"line": [], "net": [pbnn.Dense(5)]}.items():
    ...     bnn = pbnn.build(pbnn.Network(layers, likelihoods.Gaussian()), X, np.sin(4 * X[:, 0]))
    ...     models[name] = (bnn, pbnn.fit(bnn, pbnn.MAP(starts=1, steps=100), seed=1, progress=False))
    >>> mix, idata = pbnn.average(models, {"line": 0.25, "net": 0.75})
    >>> dict(pbnn.predict(mix, idata, X[:3], seed=2)["predictions"]["mu"].sizes)
    {'chain': 1, 'draw': 1000, 'obs': 3}
    """
    check_mapping(models, "average")
    fits = {str(name): _posterior(name, of) for name, of in models.items()}
    _check_alike({str(name): of[0] for name, of in models.items()})
    names = list(fits)
    resolve_seed(seed, "average")
    values = _weights(models, names, weights, seed)
    sizes = np.array([p.sizes["chain"] * p.sizes["draw"] for p in fits.values()])
    n = _n_draws(draws, sizes)
    rng = np.random.default_rng(seed)
    member = systematic(values, n, rng)
    # In any order, for neighbours then are no more alike than others, as is assumed of independent draws.
    member = rng.permutation(member)
    source = np.empty(n, int)
    groups: dict[str, Any] = {}
    for i, name in enumerate(names):
        mine = member == i
        keep, source[mine] = _spread(sizes[i], int(mine.sum()), rng)
        groups |= _member(i, models[name][1], as_sample(fits[name], keep))
    posterior = xr.Dataset(
        {"member": (("chain", "draw"), member[None]), "source": (("chain", "draw"), source[None])}
    )
    share = np.bincount(member, minlength=len(names)) / n
    tree = xr.DataTree.from_dict(
        {
            "posterior": posterior.assign_coords(chain=[0], draw=np.arange(n)),
            "weights": xr.Dataset(
                {"weight": ("model", values), "share": ("model", share)}, coords={"model": names}
            ),
            **groups,
            **_common_rows(models),
        }
    )
    for i, name in enumerate(names):
        tree["members"][str(i)].attrs = dict(models[name][1].attrs)
    how = weights if isinstance(weights, str) else "given"
    tree.attrs = {"method": "average", "sampling": "approximate", "weights": how, "seed": int(seed)}
    return Average({name: models[name][0] for name in names}), tree


def _pair(name: str, of: Any) -> tuple[BNN, xr.DataTree]:
    if not (isinstance(of, tuple) and len(of) == 2 and isinstance(of[0], BNN)):
        raise ModelError(
            f"average: {name!r} must be (bnn, idata), a model and its fit; got {type(of).__name__}.{of_estimator(of)}"
        )
    return of


def _posterior(name: str, of: Any) -> xr.Dataset:
    bnn, idata = _pair(name, of)
    return posterior_of(idata, f"average: {name!r}", bnn)


def _check_alike(bnns: Mapping[str, BNN]) -> None:
    """Raise `DataError` if models take other inputs, or predict something else."""
    if not bnns:
        raise ModelError("average: there are no models to average.")
    first, expected = next(iter(bnns.items()))
    for name, bnn in bnns.items():
        for what, ours, theirs in (
            ("columns", bnn.columns.names, expected.columns.names),
            ("categories", bnn.columns.categories, expected.columns.categories),
            ("a shape of rows", bnn.columns.shape, expected.columns.shape),
            ("outputs", bnn.response.names, expected.response.names),
            ("a response of kind", bnn.response.kind, expected.response.kind),
            ("classes", bnn.response.classes, expected.response.classes),
            ("a response known in part", bnn.response.censored, expected.response.censored),
            ("a response that is an angle", bnn.response.circular, expected.response.circular),
            ("a response that is a vector", bnn.response.vector, expected.response.vector),
        ):
            if ours != theirs:
                raise DataError(
                    f"average: {name!r} has {what} {ours!r} and {first!r} {theirs!r}; only models of the same columns "
                    "and the same response have an average."
                )


def _weights(models: Models, names: list[str], weights: Any, seed: int) -> np.ndarray:
    if isinstance(weights, str):
        if weights not in BY:
            raise MethodError(unknown("average", "weights", weights, BY))
        if weights == "equal":
            return np.full(len(names), 1 / len(names))
        for name, (_, idata) in models.items():
            if not enough_draws(n := n_draws_of(idata, "average")):
                raise MethodError(
                    f"average: {str(name)!r} has {count(n, 'draw')} of the weights, too few to judge it on "
                    "rows left out; pass weights='equal', or those of rows that no model was fitted to: "
                    f"pbnn.compare_models(models, X, y)[{weights!r}]."
                )
        table = compare_models(models, seed=seed)
        if weights not in table:
            raise MethodError(f"average: there are no weights by evidence: {table.attrs['evidence']}.")
        return table[weights].sel(model=names).to_numpy()
    if isinstance(weights, pd.Series):
        weights = weights.to_dict()
    if isinstance(weights, xr.DataArray) and weights.dims == ("model",):
        weights = dict(zip(weights["model"].to_numpy().tolist(), weights.to_numpy().tolist(), strict=True))
    if not isinstance(weights, Mapping):
        raise MethodError(
            f"average: weights must be one of {', '.join(map(repr, BY))}, or a weight for each model by name; got "
            f"{type(weights).__name__}."
        )
    if set(weights) != set(names):
        raise MethodError(
            f"average: the weights are of {sorted(map(str, weights))} and the models are {sorted(names)}; give each "
            "model its weight, and no other."
        )
    values = np.array([float(weights[name]) for name in names])
    if not (np.isfinite(values).all() and (values >= 0).all()):
        raise MethodError(f"average: weights must be numbers >= 0; got {dict(weights)}.")
    if abs(values.sum() - 1) > 1e-6:
        raise MethodError(f"average: weights must sum to 1; these sum to {values.sum():.6g}.")
    return values / values.sum()


def _n_draws(draws: int | None, sizes: np.ndarray) -> int:
    if draws is None:
        return max(MIN_DRAWS, int(sizes.max()))
    if isinstance(draws, bool) or not isinstance(draws, int | np.integer) or draws < 1:
        raise MethodError(f"average: draws must be a whole number >= 1; got {draws!r}.")
    return int(draws)


def _spread(size: int, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return which of a member's draws are kept, evenly spaced, and the place among these of each of its `n` draws."""
    chosen = ((np.arange(n) + rng.uniform()) / max(n, 1) * size).astype(int)
    return np.unique(chosen, return_inverse=True)


def _member(i: int, idata: xr.DataTree, sample: xr.Dataset) -> dict[str, xr.Dataset]:
    groups = {f"members/{i}/posterior": sample}
    for name in KEPT:
        if name in idata.children:
            groups[f"members/{i}/{name}"] = idata[name].to_dataset(inherit=False)
    return groups


def _common_rows(models: Models) -> dict[str, xr.Dataset]:
    """Return the training rows of the first model as groups, if all have the same."""
    try:
        rows = [training_data(bnn, idata, "average") for bnn, idata in models.values()]
    except DataError:
        return {}
    X, y = rows[0]
    for X_other, y_other in rows[1:]:
        if X.shape != X_other.shape or y.shape != y_other.shape:
            return {}
        if not (same_rows(X, X_other) & same_rows(y, y_other)).all():
            return {}
    bnn = next(iter(models.values()))[0]
    coords = {"obs": np.arange(len(X)), "feature": list(bnn.columns.names)}
    return {
        "constant_data": xr.Dataset({"X": (("obs", "feature"), X)}, coords=coords),
        "observed_data": xr.Dataset({"y": observed_column(bnn, y)}, coords={"obs": coords["obs"]}),
    }
