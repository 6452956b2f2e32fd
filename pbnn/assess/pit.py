"""Probability integral transforms against the uniform distribution, at all levels together; and leave-one-out ones."""

from functools import lru_cache

import numpy as np
import xarray as xr

from pbnn.assess.arviz import for_arviz
from pbnn.assess.scoring_rules import pit_of_weighted
from pbnn.assess.uniformity import Uniform
from pbnn.errors import DataError, ModelError
from pbnn.graph.build import BNN

FEWEST_DRAWS = 100

_uniform = lru_cache(maxsize=16)(Uniform.of_numbers)


def pit_ecdf(rows: xr.Dataset, *, prob: float = 0.95, seed: int = 0) -> xr.Dataset:
    """Compare the distribution of probability integral transforms with the uniform one.

    Parameters
    ----------
    rows
        From `pointwise`, of a regression or of counts, or from `loo_pit`.
    prob
        That the band holds the whole curve, if the predictive distributions are right.
    seed
        Of the simulations that place the band.

    Returns
    -------
    xarray.Dataset
        By `x`, at most 99 levels: `ecdf` and `difference = ecdf - x` (by `output`); `lower` and `upper`, the band of
        the difference at all levels together. `inside` (by `output`), whether it holds the curve, and `p_value`, the
        probability of transforms as uneven as these, if the predictive distributions are right. attrs: `prob`, `n_obs`.

    Raises
    ------
    DataError
        If the rows have no `pit`, or there are fewer than 2.

    References
    ----------
    Säilynoja, Bürkner & Vehtari (2022), Graphical test for discrete uniformity and its applications in
    goodness-of-fit evaluation and multiple sample comparison, 10.1007/s11222-022-10090-6.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> from pbnn.assess import pit_ecdf
    >>> even = xr.Dataset({"pit": ("obs", (np.arange(200) + 0.5) / 200)})
    >>> bool(pit_ecdf(even)["inside"]), bool(pit_ecdf(even**2)["inside"])
    (True, False)
    """
    if "pit" not in rows:
        raise DataError("pit_ecdf: needs the rows (pbnn.assess.pointwise) of a regression or of counts.")
    pit = rows["pit"].dropna("obs")
    n = pit.sizes["obs"]
    if n < 2:
        raise DataError(f"pit_ecdf: needs at least 2 rows; got {n}.")
    test = _uniform(n, seed)
    x, (lower, upper) = test.points, test.band(prob)

    def by_output(function, *new_dims: str) -> xr.DataArray:
        return xr.apply_ufunc(
            function, pit, input_core_dims=[["obs"]], output_core_dims=[list(new_dims)], vectorize=True
        )

    ecdf = by_output(test.ecdf, "x").assign_coords(x=x)
    table = xr.Dataset(
        {
            "ecdf": ecdf,
            "difference": ecdf - ecdf["x"],
            "lower": ("x", lower - x),
            "upper": ("x", upper - x),
            "p_value": by_output(test.p_value),
        },
        attrs={"prob": prob, "n_obs": n},
    ).transpose("x", ...)
    over = (table["difference"] < table["lower"]) | (table["difference"] > table["upper"])
    return table.assign(inside=~over.any("x"))


def loo_pit(bnn: BNN, idata: xr.DataTree, *, seed: int | None = None, max_points: int = 500) -> xr.Dataset:
    """Return where each training response lies in the predictive distribution of a fit to all the others.

    The draws are reweighted by Pareto smoothed importance sampling; nothing is fitted again.

    Parameters
    ----------
    bnn, idata
        The model and its fit.
    seed
        Of the draws of the response.
    max_points
        At most this many training rows, evenly spaced.

    Returns
    -------
    xarray.Dataset
        `pit` `(obs[, output])`, for `pit_ecdf` and `pit_histogram`, and `pareto_k` `(obs,)`: above 0.7 the row is too
        influential for its transform to be trusted. attrs: `kind`, and `n_bad`, the number of such rows.

    Raises
    ------
    ModelError
        If the response is one of classes, the fit is of another model, or it has fewer than 100 draws.

    References
    ----------
    Vehtari, Gelman & Gabry (2017), 10.1007/s11222-016-9696-4. Vehtari et al. (2024), Pareto smoothed importance
    sampling, JMLR 25(72).
    """
    if isinstance(bnn, BNN) and bnn.response.kind == "classes":
        raise ModelError("loo_pit: classes have no order; see pbnn.assess.reliability.")
    return loo_pit_of(for_arviz(bnn, idata, seed=seed, max_points=max_points), bnn.response.kind, seed=seed)


def loo_pit_of(tree: xr.DataTree, kind: str, *, seed: int | None = None) -> xr.Dataset:
    """Return what `loo_pit` does, of what `for_arviz` has made; `kind` is that of the response."""
    draws = tree["posterior_predictive"]["y"].stack(sample=("chain", "draw")).transpose(..., "sample")
    n = draws.sizes["sample"]
    if n < FEWEST_DRAWS:
        raise ModelError(
            f"loo_pit: {n} draws cannot be reweighted, {FEWEST_DRAWS} at least can; use pointwise on held-out rows."
        )
    with np.errstate(all="ignore"):
        log_weights, k = tree["log_likelihood"]["y"].azstats.psislw(dim=["chain", "draw"])
    weights = np.exp(log_weights.stack(sample=("chain", "draw")).transpose("obs", "sample").to_numpy())
    seen = tree["observed_data"]["y"]
    weights = weights.reshape(len(weights), *(1,) * (seen.ndim - 1), n)
    within = np.random.default_rng(seed).uniform(size=seen.shape)
    pit = pit_of_weighted(draws.to_numpy(), weights, seen.to_numpy(), within)
    table = xr.Dataset({"pit": seen.copy(data=pit).where(seen.notnull()), "pareto_k": k.fillna(np.inf)})
    table.attrs = {"kind": kind, "n_bad": int((table["pareto_k"] > 0.7).sum())}
    return table
