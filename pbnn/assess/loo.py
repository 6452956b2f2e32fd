"""Leave-one-out predictive density: each row predicted from all others, by reweighting the draws."""

import numpy as np
import xarray as xr
from scipy.special import logsumexp

from pbnn.assess.elpd import chains_in, error_of_sum, summed
from pbnn.assess.kfold import refitted
from pbnn.assess.moment_match import matched
from pbnn.assess.psis import MIN_TAIL, smooth_weights, tail_length
from pbnn.assess.rows import blocks, observed_column, read_draws, take
from pbnn.errors import MethodError, ModelError, count, warn
from pbnn.graph.build import BNN
from pbnn.infer.methods import Method
from pbnn.predict.forward import Forward
from pbnn.predict.predictions import posterior_of
from pbnn.predict.rows import training_data
from pbnn.target import Data

FEW_FITS = 10
"""As many as `kfold` makes; to fit more again is not the way."""

PARETO_K = 0.7
"""Above it the weights of a row are too uneven (Vehtari et al. 2024, JMLR 25(72))."""


def pareto_k(idata: xr.DataTree) -> xr.DataArray:
    """Return how heavy the tail of the weights is that leave each row out.

    Parameters
    ----------
    idata
        From `for_arviz`.

    Returns
    -------
    xarray.DataArray
        `(obs,)`: the Pareto shape of the importance weights. Above 0.7 (`PARETO_K`) the row is so influential that the
        draws do not represent a fit without it, and its leave-one-out prediction is not to be trusted; infinite where
        it cannot be estimated.

    References
    ----------
    Vehtari, Gelman & Gabry (2017), Practical Bayesian model evaluation using leave-one-out cross-validation and WAIC,
    10.1007/s11222-016-9696-4.
    """
    log_likelihood = idata["log_likelihood"]["y"]
    flat = log_likelihood.stack(sample=["chain", "draw"]).transpose("obs", "sample")
    _, k = smooth_weights(-flat.to_numpy())
    return xr.DataArray(k, {"obs": log_likelihood["obs"]}, ["obs"], "pareto_k")


def loo(
    bnn: BNN,
    idata: xr.DataTree,
    *,
    refit: bool | str | Method = False,
    moment_match: bool = False,
    seed: int = 0,
) -> xr.Dataset:
    """Estimate how well each training row is predicted from all others, without fitting again (PSIS-LOO).

    The log-likelihood is computed in blocks of rows, so memory is needed for a block only.

    Parameters
    ----------
    bnn, idata
        The model and its fit, of at least 25 draws. Draws of an approximation count as draws of the posterior, so what
        is estimated is how well that approximation predicts.
    refit
        Whether to fit again without each row whose Pareto k is too large, one fit for each: True takes the method of
        the fit, else the method to take.
    moment_match
        Whether to move the draws of such rows first to where the posterior without the row is (Paananen et al. 2021):
        mean, then variances, then, with ten times more draws than variables, covariances. It takes draws of the
        posterior, not of an approximation.
    seed
        Of the fits.

    Returns
    -------
    xarray.Dataset
        By `obs`, in nats: `elpd`, the log density of the row given all others; `lppd`, the same given all rows;
        `p_loo = lppd - elpd`; `mcse`, Monte Carlo standard error of `elpd`; `pareto_k`,
        reliable below attrs `k_threshold`, the smaller of 0.7 and what this number of draws can tell;
        `observed` `(obs[, output])`, the response in the user's units, or codes of classes; `corrected`, whether the
        row was matched or refitted (then `pareto_k` says what it was before). attrs: sums `elpd_total`, `se_total`,
        its standard error over rows, `p_loo_total`, the effective number of parameters; `n_bad`, rows that are still
        above the threshold; `n_obs`, `n_draws`, `kind` of the response, `estimator`.

    Raises
    ------
    ModelError
        If `idata` is the fit of another model, or an average; or `moment_match` is asked of an approximation, or
        this or `refit` of a recalibrated fit.
    MethodError
        If there are fewer than 25 draws: use `pbnn.kfold`.

    References
    ----------
    Vehtari, Gelman & Gabry (2017), 10.1007/s11222-016-9696-4; Vehtari, Simpson, Gelman, Yao & Gabry (2024), JMLR
    25(72); Paananen, Piironen, Bürkner & Vehtari (2021), Implicitly adaptive importance sampling,
    10.1007/s11222-020-09982-2.

    Examples
    --------
    >>> import numpy as np, pbnn
    >>> from pbnn import likelihoods
    >>> X = np.linspace(-1, 1, 40)[:, None]
    >>> bnn = pbnn.build(pbnn.Network([], likelihoods.Gaussian()), X, X[:, 0] + np.sin(9 * X[:, 0]))
    >>> idata = pbnn.fit(bnn, pbnn.ADVI(steps=1000, draws=400), seed=1, progress=False)
    >>> table = pbnn.loo(bnn, idata)
    >>> table.attrs["n_obs"], table.attrs["n_bad"]
    (40, 0)
    """
    table = leave_one_out(bnn, idata, refit=refit, moment_match=moment_match, seed=seed)
    if n_bad := table.attrs["n_bad"]:
        warn(
            f"loo: {n_bad} of {table.attrs['n_obs']} rows have a Pareto k above {table.attrs['k_threshold']:.2g}, so "
            f"their elpd is not to be trusted. {_remedy(n_bad)}"
        )
    return table


def leave_one_out(
    bnn: BNN,
    idata: xr.DataTree,
    *,
    refit: bool | str | Method = False,
    moment_match: bool = False,
    seed: int = 0,
) -> xr.Dataset:
    """Return what `loo` does, and warn of nothing."""
    forward, posterior = read_draws(bnn, idata, "loo", seed, mixed=False)
    if forward.recalibration is not None and (moment_match or refit is not False):
        raise ModelError(
            "loo: the fit is recalibrated, and what is matched or refitted would not be; leave out refit and "
            "moment_match, or take the fit as it was (pbnn.assess.without_recalibration)."
        )
    n_draws = len(forward.z)
    if not enough_draws(n_draws):
        raise MethodError(
            f"loo: the fit has {count(n_draws, 'draw')} of the weights, too few to reweight; at least 25 are needed. "
            "Use pbnn.kfold, which fits again."
        )
    inputs, observed = training_data(bnn, idata, "loo")
    table = loo_rows(forward, forward.bind(inputs, observed), chains_in(idata, posterior))
    table["observed"] = observed_column(bnn, observed)
    table["corrected"] = ("obs", np.zeros(len(inputs), bool))
    threshold = min(PARETO_K, 1 - 1 / np.log10(n_draws))
    table.attrs = {"kind": bnn.response.kind, "k_threshold": threshold, "n_draws": n_draws}
    if moment_match:
        _correct(table, matched(bnn, idata, inputs, observed, _bad(table), threshold))
    if refit is not False:
        _correct(table, refitted(bnn, idata, inputs, observed, _bad(table), refit, seed))
    table["p_loo"] = table["lppd"] - table["elpd"]
    table.attrs["n_bad"] = len(_bad(table))
    return summed(table, "PSIS-LOO")


def _remedy(n_bad: int) -> str:
    if n_bad > FEW_FITS:
        return f"Use pbnn.kfold, {FEW_FITS} fits; refit=True would take {n_bad}."
    return "Pass refit=True, or use pbnn.kfold."


def n_draws_of(idata: xr.DataTree, where: str) -> int:
    """Return how many draws a fit has."""
    sizes = posterior_of(idata, where).sizes
    return sizes["chain"] * sizes["draw"]


def enough_draws(n_draws: int) -> bool:
    """Return whether so many draws can be reweighted."""
    return tail_length(n_draws) >= MIN_TAIL


def loo_rows(forward: Forward, data: Data, chains: int) -> xr.Dataset:
    """Return `elpd`, `lppd`, `mcse` and `pareto_k` of rows of data (`Forward.bind`), block by block."""
    parts = []
    for rows in blocks(len(data["x"]), 4 * 8 * len(forward.z)):
        part = take(data, rows)
        log_lik = _rows_first(forward.unmoved().log_likelihood(part))
        moved = log_lik if forward.recalibration is None else _rows_first(forward.log_likelihood(part))
        parts.append(_of_block(log_lik, moved, chains))
    return xr.Dataset(
        {name: ("obs", np.concatenate([part[name] for part in parts])) for name in parts[0]},
        coords={"obs": np.arange(len(data["x"]))},
    )


def _rows_first(log_lik: np.ndarray) -> np.ndarray:
    """Return `(obs, draw)`: smoothing sorts rows, which is quick where they are contiguous."""
    return np.ascontiguousarray(log_lik.T, float)


def _of_block(log_lik: np.ndarray, moved: np.ndarray, chains: int) -> dict[str, np.ndarray]:
    """Judge log densities `moved` by draws that are weighed with the log-likelihood of the model, `(obs, draw)` each.

    The two differ if the fit is recalibrated: the posterior from which a row is taken away knew nothing of that.
    """
    weights, k = smooth_weights(-log_lik)
    with np.errstate(over="ignore", invalid="ignore"):
        elpd = logsumexp(weights + moved, axis=1)
        impossible = ~np.isfinite(log_lik).all(axis=1)
        elpd[impossible] = -np.inf  # some draw that the other rows allow thinks this one impossible
        error = np.exp(weights) * np.expm1(moved - elpd[:, None])
        lppd = logsumexp(moved, axis=1) - np.log(moved.shape[1])
        return {
            "elpd": elpd,
            "lppd": lppd,
            "mcse": np.where(impossible, np.inf, error_of_sum(error, chains)),
            "pareto_k": k,
        }


def _bad(table: xr.Dataset) -> np.ndarray:
    """Return the numbers of rows whose elpd is not to be trusted."""
    bad = (table["pareto_k"] > table.attrs["k_threshold"]) & ~table["corrected"]
    return np.flatnonzero(bad.to_numpy())


def _correct(table: xr.Dataset, found: dict[int, dict[str, float]]) -> None:
    """Write better values of some rows into the table."""
    for row, values in found.items():
        for name, value in {**values, "corrected": True}.items():
            table[name][row] = value
