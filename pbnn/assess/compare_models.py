"""Models of the same data beside each other: what each predicts of rows not seen, and its weight in an average."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from pbnn.assess import wording
from pbnn.assess.elpd import chains_in, summed
from pbnn.assess.kfold import log_mean_density
from pbnn.assess.loo import FEW_FITS, enough_draws, leave_one_out, n_draws_of
from pbnn.assess.model_evidence import compare_evidence
from pbnn.assess.rows import encode_both, observed_column, read_draws, same_rows
from pbnn.assess.stacking import mixed_lpd, pseudo_bma_weights, stacking_weights
from pbnn.errors import DataError, MethodError, ModelError, count, of_estimator, warn
from pbnn.graph.build import BNN

SMALL = 4.0
"""Differences below it, in nats, have standard errors that are not to be trusted (Sivula et al. 2020)."""

ROUNDING = 1e-12
"""Differences of a row, in nats, that mean nothing."""

Models = Mapping[str, tuple[BNN, xr.DataTree]]
"""A model and its fit, by name."""


def compare_models(
    models: Mapping[str, tuple[BNN, xr.DataTree] | xr.Dataset],
    X: Any = None,
    y: Any = None,
    *,
    seed: int = 0,
) -> xr.Dataset:
    """Compare networks, methods or modes by how well they predict, and weigh them for an average.

    `pbnn.compare` asks what an approximation does to one model; this asks which model predicts better.

    Parameters
    ----------
    models
        By name, a model and its fit, `(bnn, idata)`, which is judged by `pbnn.loo`; or what `pbnn.loo` or `pbnn.kfold`
        returned. The modes of one fit are models too: `pbnn.assess.by_chain(bnn, idata)`.
    X, y
        Rows that no model was fitted to: if given, these are predicted, in the place of the training rows left out. A
        frame may have more columns than a model takes.
    seed
        Of the Bayesian bootstrap.

    Returns
    -------
    xarray.Dataset
        By `model`, best first, in nats: `elpd`, the sum over rows of the log density of rows not seen, `se`, its
        standard error over rows; `elpd_difference` from the best and `difference_se`, of the paired differences;
        `p_loo`; `n_bad`, rows whose Pareto k is too large; weights, which sum to one, `stacking`, `pseudo_bma`
        (Pseudo-BMA+, with the Bayesian bootstrap), and, where all are fits of `pbnn.Laplace` to the same rows,
        `evidence`. By `obs` and `model`, `pointwise`, the log densities. attrs: `best`; `estimator`;
        `stacking_elpd`, what the stacked mixture has, which is above that of a new sample, since the weights were
        chosen for it; `evidence`, why there is none; `verdict`, the outcome in words.

    Raises
    ------
    ModelError
        If there is no model, or a fit is that of another model.
    DataError
        If the models were not judged on the same rows; the message names the first that differs.
    MethodError
        If a fit has too few draws to reweight (MAP, small ensembles): use `pbnn.kfold`, or pass `X` and `y`.

    References
    ----------
    Yao, Vehtari, Simpson & Gelman (2018), Using stacking to average Bayesian predictive distributions,
    10.1214/17-BA1091; Vehtari, Gelman & Gabry (2017), 10.1007/s11222-016-9696-4, on paired standard errors; Sivula,
    Magnusson, Matamoros & Vehtari (2020), arXiv:2008.10296, on differences that are too small to call.

    Examples
    --------
    >>> import numpy as np, pbnn
    >>> from pbnn import likelihoods
    >>> X = np.linspace(-1, 1, 40)[:, None]
    >>> y = np.sin(4 * X[:, 0])
    >>> tables = {}
    >>> for name, layers in {"line": [], "net": [pbnn.Dense(5)]}.items():
    ...     bnn = pbnn.build(pbnn.Network(layers, likelihoods.Gaussian()), X, y)
    ...     tables[name] = pbnn.kfold(bnn, pbnn.MAP(starts=1, steps=100), k=2, seed=1)
    >>> pbnn.compare_models(tables).attrs["best"]
    'net'
    """
    table = side_by_side(models, X, y, seed=seed)
    _warn_of_bad_rows(table)
    return table


def side_by_side(
    models: Mapping[str, tuple[BNN, xr.DataTree] | xr.Dataset], X: Any = None, y: Any = None, *, seed: int = 0
) -> xr.Dataset:
    """Return what `compare_models` does, and warn of nothing."""
    check_mapping(models, "compare_models")
    if not models:
        raise ModelError("compare_models: there are no models to compare.")
    if (X is None) != (y is None):
        raise DataError("compare_models: pass both X and y, or neither for the training rows.")
    tables = {name: _judged(name, of, X, y) for name, of in models.items()}
    check_same_rows(tables, "compare_models")
    pointwise = np.stack([table["elpd"].to_numpy() for table in tables.values()], axis=1)
    totals = pointwise.sum(axis=0)
    order = np.argsort(-totals, kind="stable")
    names, pointwise = [list(tables)[i] for i in order], pointwise[:, order]
    ordered = [tables[name] for name in names]
    n = len(pointwise)
    with np.errstate(invalid="ignore"):
        difference = pointwise - pointwise[:, :1]
        spread = difference.std(axis=0, ddof=1) if n > 1 else np.full(len(names), np.nan)
    stacked = stacking_weights(pointwise)
    columns = {
        "elpd": totals[order],
        "se": [table.attrs["se_total"] for table in ordered],
        "elpd_difference": difference.sum(axis=0),
        "difference_se": n**0.5 * spread,
        "p_loo": [table.attrs.get("p_loo_total", np.nan) for table in ordered],
        "n_bad": [table.attrs["n_bad"] for table in ordered],
        "stacking": stacked,
        "pseudo_bma": pseudo_bma_weights(pointwise, seed),
    }
    table = xr.Dataset(
        {name: ("model", np.asarray(values)) for name, values in columns.items()}, coords={"model": names}
    )
    table["pointwise"] = (("obs", "model"), pointwise)
    table.attrs = {
        "best": names[0],
        "estimator": ", ".join(dict.fromkeys(of.attrs["estimator"] for of in ordered)),
        "stacking_elpd": float(mixed_lpd(pointwise, stacked).sum()),
        "n_obs": n,
    }
    table = _with_evidence(table, models)
    for name, values in table.data_vars.items():
        long_name, units = _MEANING[str(name)]
        values.attrs.update(long_name=long_name, units=units)
    return table.assign_attrs(verdict=_words(table))


_MEANING = {
    "elpd": ("sum of log predictive densities of rows not seen", "nat"),
    "se": ("standard error of elpd over rows", "nat"),
    "elpd_difference": ("elpd less that of the best model", "nat"),
    "difference_se": ("standard error of the paired differences", "nat"),
    "p_loo": ("effective number of parameters", "1"),
    "n_bad": ("rows whose Pareto k is too large", "1"),
    "stacking": ("weight by stacking", "1"),
    "pseudo_bma": ("weight by pseudo-BMA+", "1"),
    "evidence": ("weight by marginal likelihood", "1"),
    "pointwise": ("log predictive density of a row not seen", "nat"),
}


def check_mapping(models: Any, where: str) -> None:
    """Raise `ModelError` if models do not come by name."""
    if not isinstance(models, Mapping):
        raise ModelError(
            f"{where}: pass models by name, {{name: (bnn, idata)}}; got {type(models).__name__}."
        )


def by_chain(bnn: BNN, idata: xr.DataTree) -> dict[str, tuple[BNN, xr.DataTree]]:
    """Return each chain of a fit as a model of its own, to compare or average modes that do not mix.

    Stacking of chains (Yao, Vehtari & Gelman 2022, JMLR 23(79)) predicts better than the chains together, if some
    have found a worse mode.

    Examples
    --------
    >>> posterior = xr.Dataset({"noise": (("chain", "draw"), np.ones((2, 5)))})
    >>> list(by_chain(None, xr.DataTree.from_dict({"posterior": posterior})))
    ['chain 0', 'chain 1']
    """
    n = idata["posterior"].sizes["chain"]
    parts = {}
    for i in range(n):
        groups = {
            group.path: (of.isel(chain=[i]) if "chain" in of.dims else of)
            for group in idata.subtree
            if (of := group.to_dataset(inherit=False)).variables
        }
        part = xr.DataTree.from_dict(groups)
        part.attrs = dict(idata.attrs)
        parts[f"chain {idata['posterior'].to_dataset().get('chain', np.arange(n))[i].item()}"] = (bnn, part)
    return parts


def of_mixture(table: xr.Dataset, weights: xr.DataArray) -> xr.Dataset:
    """Say what a mixture of models predicts of the rows of a table that `compare_models` made.

    Parameters
    ----------
    table
        From `compare_models`.
    weights
        By `model`, of some or all of its models, summing to one. If they were chosen on the same rows, the mixture
        looks better than it would on others.

    Returns
    -------
    xarray.Dataset
        In nats: `elpd` and `se`; `elpd_difference` from the best single model and `difference_se`, of the paired
        differences.
    """
    parts = table["pointwise"].sel(model=weights["model"]).transpose("obs", "model").to_numpy()
    mixed = mixed_lpd(parts, weights.to_numpy())
    n = len(mixed)
    with np.errstate(invalid="ignore"):
        difference = mixed - table["pointwise"].isel(model=0).to_numpy()
        # A mixture of one model is that model, but for rounding.
        difference[np.abs(difference) < ROUNDING] = 0.0
        errors = [n**0.5 * of.std(ddof=1) if n > 1 else np.nan for of in (mixed, difference)]
    values = {
        "elpd": mixed.sum(),
        "se": errors[0],
        "elpd_difference": difference.sum(),
        "difference_se": errors[1],
    }
    found = xr.Dataset({name: ((), float(value)) for name, value in values.items()})
    for name, value in found.items():
        value.attrs.update(long_name=_MEANING[str(name)][0], units="nat")
    return found


def own_columns(bnn: BNN, X: Any) -> Any:
    """Return the columns of a frame that a model takes, in its order; of anything else, all."""
    names = list(bnn.columns.names)
    if isinstance(X, pd.DataFrame) and bnn.columns.named and set(names) <= set(X.columns):
        return X[names]
    return X


def is_clear(gap: float, se: float) -> bool:
    """Return whether a difference of elpd, in nats, is more than chance: see `SMALL`, and two standard errors."""
    return gap > SMALL and gap > 2 * se


def check_same_rows(tables: Mapping[str, xr.Dataset], where: str) -> None:
    """Raise `DataError` if tables of `loo` or `kfold` are of different rows; the message names what differs."""
    first = next(iter(tables))
    expected = tables[first]
    for name, table in tables.items():
        if table.attrs["kind"] != expected.attrs["kind"]:
            raise DataError(
                f"{where}: {name!r} has a response of kind {table.attrs['kind']!r} and {first!r} of "
                f"{expected.attrs['kind']!r}; a density and a probability do not compare."
            )
        ours, theirs = table["observed"].to_numpy(), expected["observed"].to_numpy()
        if ours.shape != theirs.shape:
            raise DataError(
                f"{where}: {name!r} was judged on responses of shape {ours.shape} and {first!r} of {theirs.shape}; "
                "judge all models on the same rows."
            )
        rows = ~same_rows(ours, theirs)
        if rows.any():
            row = int(np.flatnonzero(rows)[0])
            raise DataError(
                f"{where}: row {row} of the response is {ours[row]} for {name!r} and {theirs[row]} for {first!r} "
                f"({int(rows.sum())} rows differ); judge all models on the same rows, in the same order."
            )


def _judged(name: str, of: Any, X: Any, y: Any) -> xr.Dataset:
    if isinstance(of, xr.Dataset):
        if "elpd" not in of or "observed" not in of or X is not None:
            raise ModelError(
                f"compare_models: {name!r} is a Dataset; with X and y pass (bnn, idata), else what pbnn.loo or "
                "pbnn.kfold returned."
            )
        return of
    if not (isinstance(of, tuple) and len(of) == 2):
        raise ModelError(
            f"compare_models: {name!r} must be (bnn, idata); got {type(of).__name__}.{of_estimator(of)}"
        )
    bnn, idata = of
    if X is None:
        n = n_draws_of(idata, "compare_models")
        if not enough_draws(n):
            raise MethodError(
                f"compare_models: {name!r} has {count(n, 'draw')} of the weights, too few to reweight; pass X and y "
                "that no model was fitted to, or pbnn.kfold(bnn, method) in the place of each fit."
            )
        return leave_one_out(bnn, idata)
    forward, posterior = read_draws(bnn, idata, "compare_models", 0)
    inputs, observed = encode_both(bnn, own_columns(bnn, X), y, "compare_models")
    elpd, mcse = log_mean_density(forward, forward.bind(inputs, observed), chains_in(idata, posterior))
    table = xr.Dataset({"elpd": ("obs", elpd), "mcse": ("obs", mcse)})
    table["observed"] = observed_column(bnn, observed)
    return summed(table.assign_attrs(kind=bnn.response.kind), "held-out rows")


def _warn_of_bad_rows(table: xr.Dataset) -> None:
    counts = zip(table["model"].to_numpy().tolist(), table["n_bad"].to_numpy().tolist(), strict=True)
    bad = [f"{name!r} ({n})" for name, n in counts if n]
    if bad:
        many = int(table["n_bad"].max()) > FEW_FITS
        instead = "pbnn.kfold(bnn, method)" if many else "pbnn.loo(bnn, idata, refit=True)"
        warn(
            f"compare_models: rows of {', '.join(bad)} have a Pareto k that is too large, so their elpd is not to be "
            f"trusted. Pass {instead} in the place of (bnn, idata)."
        )


def _with_evidence(table: xr.Dataset, models: Mapping[str, Any]) -> xr.Dataset:
    """Add weights by marginal likelihood, or say why there are none."""
    fits = {name: of[1] for name, of in models.items() if isinstance(of, tuple)}
    if len(fits) < len(models):
        return table.assign_attrs(evidence="none: of tables of elpd it is not known")
    try:
        found = compare_evidence(fits)
    except (DataError, ModelError) as error:
        return table.assign_attrs(evidence=f"none: {str(error).removeprefix('compare_evidence: ')}")
    weights = found["probability"].rename(network="model").sel(model=table["model"])
    return table.assign(evidence=("model", weights.to_numpy())).assign_attrs(evidence="Laplace")


def _words(table: xr.Dataset) -> str:
    names = table["model"].to_numpy()
    if len(names) == 1:
        return f"There is one model, {names[0]}."
    gap, se = -float(table["elpd_difference"][1]), float(table["difference_se"][1])
    beside = (
        f"{names[0]} predicts {wording.number(gap)} ± {wording.number(se, 2)} nats better than {names[1]}, over "
        f"{wording.count(table.attrs['n_obs'], 'row')}"
    )
    if is_clear(gap, se):
        verdict = f"{beside}."
    else:
        verdict = f"{beside}: too close to call."
    bad = [str(name) for name in names if table["n_bad"].sel(model=name) > 0]
    if bad:
        verdict += f" Rows of {', '.join(bad)} have a Pareto k that is too large, so do not trust it."
    return verdict
