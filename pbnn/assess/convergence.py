"""Did the sampler converge? In function space: hidden units permute, so the R-hat of a weight means nothing."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import xarray as xr
from arviz_stats.base import array_stats

from pbnn.assess.bias import Bias
from pbnn.assess.chain_findings import MIN_DRAWS
from pbnn.assess.decomposition import split_modes
from pbnn.assess.evidence import Evidence
from pbnn.assess.importance import k_hat
from pbnn.assess.rows import read_draws, spaced
from pbnn.assess.verdict import judge
from pbnn.graph.build import BNN
from pbnn.predict.forward import Forward
from pbnn.predict.rows import encode_rows
from pbnn.target import Target

TAILS = (0.05, 0.95)
FROZEN = 0.01
MIN_POINTS, MAX_SERIES = 20, 400


def diagnose(bnn: BNN, idata: xr.DataTree, X: Any = None, *, max_points: int = 100) -> xr.Dataset:
    """Say whether a fit can be trusted, judged by its predictions.

    Parameters
    ----------
    bnn, idata
        The model and its fit, by whatever method or library.
    X
        Inputs `(obs, feature)` at which to judge, as given to `build`; the training inputs if None. Draws may agree
        there and differ elsewhere: pass the inputs you care about.
    max_points
        At most this many inputs, evenly spaced among the rows; of the training inputs fewer where there are more than
        4 classes or outputs, to judge about 400 series.

    Returns
    -------
    xarray.Dataset
        Of the mean response `mu` given the weights, or the probabilities `p` of classes, by `(obs[, output | class])`:
        `mean`, `sd`; `r_hat`, split and rank-normalised (for one chain: of its parts; for one run of an approximation,
        whose draws are independent by construction: NaN); `ess_bulk`, `ess_tail`; `mcse_mean`, `mcse_sd`, Monte Carlo
        standard errors in the units of `y`; `sd_within` chains and `sd_between` their means, which are those of modes
        where chains do not mix. NaN where all draws are equal or there are fewer than 4 in a chain. Of a sampler with
        draws at half its step size (`half_step`) also `bias`, that of the mean, which the step size causes, and
        `bias_mcse`, its Monte Carlo error.
        Scalars `log_density_r_hat`, `log_density_ess`, and `noise_r_hat`, `noise_ess`: the worst of the variance of the
        response given the weights (NaN if it is fixed, or follows from the mean).

        attrs: `trust`, "yes", "caution" or "no"; `verdict`, one sentence that says why; `findings`, a JSON list of
        `[level, sentence]` with all that was looked at, level "ok", "caution" or "no"; `sampling`, `method`,
        `n_chains`, `n_draws` (in a chain), `r_hat_max`, `ess_bulk_min`, `ess_tail_min`, `mcse_share_max` (the largest
        Monte Carlo error of a mean, in standard deviations), `between_share_max` (the largest difference between
        chains in mean or sd of the response, in standard deviations of it, noise included), `noise_between_max` (the
        same of the noise, relative to it); and what the method tells: `divergences`, `divergence_share`,
        `max_treedepth_share`, `bfmi_min`, `k_hat`, `converged`, `interrupted`; `restarts` of chains and `lost_chains`,
        which could not be run; `bias` and `noise_bias`, the root mean square over inputs of those of the mean response
        and of its variance given the weights, in posterior standard deviations, `bias_mcse` and `noise_bias_mcse`,
        what chance contributes to that; `energy_error`, the mean square in a step, per parameter (nats squared);
        `held`, the share of the weights that a Laplace approximation holds at the mode, and its `predictive`.

    Raises
    ------
    DataError, ShapeError
        If `X` does not match the training data.
    ModelError
        If `idata` is the fit of another model.

    Notes
    -----
    R-hat and effective sample sizes follow Vehtari et al. (2021), Rank-normalization, folding, and localization,
    Bayesian Analysis 16, 667-718, 10.1214/20-BA1221. They compare draws with each other: chains that all miss the same
    part of the posterior agree. For approximations the shape of the importance weights is judged: Yao et al. (2018),
    Yes, but did it work?, arXiv:1802.02538; Vehtari et al. (2024), Pareto smoothed importance sampling, JMLR 25(72).
    The bias of a step size is estimated by Richardson's extrapolation from draws at half of it.

    Examples
    --------
    >>> import numpy as np, pbnn
    >>> from pbnn import likelihoods
    >>> x = np.linspace(-1, 1, 20)[:, None]
    >>> bnn = pbnn.build(pbnn.Network([], likelihoods.Gaussian()), x, 2 * x[:, 0] + np.sin(9 * x[:, 0]))
    >>> pbnn.diagnose(bnn, pbnn.fit(bnn, pbnn.MAP(), seed=1)).attrs["trust"]
    'caution'
    """
    forward, posterior = read_draws(bnn, idata, "diagnose", 0, mixed=False, raw=True)
    n_chains, n_draws = posterior.sizes["chain"], posterior.sizes["draw"]
    inputs, _ = encode_rows(bnn, idata, X, "diagnose")
    if X is None:
        series = len(bnn.response.classes or bnn.response.names)
        max_points = min(max_points, max(MIN_POINTS, MAX_SERIES // series))
    at = spaced(len(inputs), max_points)
    values, noise = _responses(forward, inputs[at], n_chains)
    attrs = idata.attrs
    sampling = str(attrs.get("sampling", "mcmc"))
    table = _describe(values)
    bias, biased = _bias(bnn, idata, inputs[at], values, noise)
    table = table.assign(bias)
    stats = idata["sample_stats"].to_dataset() if "sample_stats" in idata.children else xr.Dataset()
    table = table.assign({**_noise(noise), **_log_density(stats)}).assign_coords(obs=at)
    if sampling == "approximate" and n_chains == 1:
        # Parts of a set of independent draws agree, whatever they approximate.
        table = table.assign({name: table[name] * np.nan for name in table if str(name).endswith("r_hat")})
    evidence = Evidence(
        sampling=sampling,
        method=str(attrs.get("method", "")),
        quantity="the probabilities" if bnn.response.kind == "classes" else "the mean response",
        n_chains=n_chains,
        n_draws=n_draws,
        n_points=len(at),
        r_hat_max=_worst(table["r_hat"], np.max),
        ess_bulk_min=_worst(table["ess_bulk"], np.min),
        ess_tail_min=_worst(table["ess_tail"], np.min),
        mcse_share_max=_worst(table["mcse_mean"] / table["sd"].where(table["sd"] > 0), np.max),
        noise_r_hat=float(table["noise_r_hat"]),
        log_density_r_hat=float(table["log_density_r_hat"]),
        non_finite=int((~np.isfinite(values)).any(_points(values)).sum()),
        frozen=_frozen(values) if sampling == "mcmc" else (),
        between_share_max=_between(values, noise, bnn.response.kind),
        noise_between_max=_noise_between(noise),
        **_sampler(stats, attrs),
        **biased,
        k_hat=k_hat(stats),
        **_laplace(bnn, idata),
        converged=bool(attrs["converged"]) if "converged" in attrs else None,
        message=str(attrs.get("message", "")),
        interrupted=bool(attrs.get("interrupted", 0)),
    )
    return table.assign_attrs(_attributes(evidence))


def _laplace(bnn: BNN, idata: xr.DataTree) -> dict[str, Any]:
    """Return what share of the weights a Laplace approximation holds, and what its predictions are made of."""
    about = idata["gaussian"].attrs if "gaussian" in idata.children else {}
    if "predictive" not in about:
        return {}
    target = Target.of(bnn)
    free = json.loads(about["names"])
    weights = [v for v in target.variables if v.name in target.weights]
    held = sum(v.size for v in weights if v.name not in free) / sum(v.size for v in weights)
    return {"held": held, "predictive": str(about["predictive"])}


def _responses(forward: Forward, inputs: np.ndarray, n_chains: int) -> tuple[xr.DataArray, np.ndarray | None]:
    """Return `mu` or `p` of each draw, `(obs[, output | class], chain, draw)`, and the variance of a continuous one."""
    response = forward.bnn.response
    name, dims, coords = "mu", ["obs"], {}
    if response.kind == "classes":
        name, dims, coords = "p", ["obs", "class"], {"class": list(response.classes)}
    elif not response.vector:
        dims, coords = ["obs", "output"], {"output": list(response.names)}
    names = [name, "variance"] if response.kind == "continuous" else [name]
    drawn = forward.allocate(names, len(inputs))
    forward.fill(inputs, drawn)

    def by_chain(values: np.ndarray) -> np.ndarray:
        values = values.astype(float).reshape(n_chains, -1, *values.shape[1:])
        return np.moveaxis(values, (0, 1), (-2, -1))

    array = xr.DataArray(by_chain(drawn[name]), dims=[*dims, "chain", "draw"], coords=coords, name=name)
    return array, by_chain(drawn["variance"]) if "variance" in drawn else None


def _bias(
    bnn: BNN, idata: xr.DataTree, inputs: np.ndarray, values: xr.DataArray, noise: np.ndarray | None
) -> tuple[dict[str, Any], dict[str, float]]:
    """Return the bias of the mean at each point, with its error, and the facts of it that `Evidence` takes."""
    if "half_step" not in idata.children:
        return {}, {}
    half = idata["half_step"].to_dataset()
    check, check_noise = _responses(Forward.of(bnn, half, 0), inputs, half.sizes["chain"])

    def overall(draws: np.ndarray, again: np.ndarray) -> tuple[Bias, float, float]:
        found = Bias.of(draws, again)
        return found, *found.overall(draws.std((-2, -1)))

    found, size, error = overall(values.to_numpy(), check.to_numpy())
    facts = {"bias": size, "bias_mcse": error}
    if noise is not None and check_noise is not None:
        _, facts["noise_bias"], facts["noise_bias_mcse"] = overall(noise, check_noise)
    dims = _points(values)
    return {"bias": (dims, found.mean), "bias_mcse": (dims, found.mcse)}, facts


def _between(values: xr.DataArray, noise: np.ndarray | None, kind: str) -> float:
    """Return the largest difference between chains in what they predict, in standard deviations of the response.

    That of the means, or of the standard deviations: chains may agree on the one and not on the other.
    """
    series = values.to_numpy()
    mean, within = series.mean(-1), series.var(-1)
    if kind == "classes":
        variance = mean * (1 - mean)
    else:
        variance = within + (mean if noise is None else noise.mean(-1))  # of a count, the mean
    whole = np.sqrt(variance.mean(-1) + (0 if kind == "classes" else mean.var(-1)))
    with np.errstate(divide="ignore", invalid="ignore"):
        differences = [mean.std(-1) / whole, np.sqrt(variance).std(-1) / whole]
    return _worst(differences, np.max)


def _noise_between(noise: np.ndarray | None) -> float:
    """Return the largest difference of the noise's standard deviation between chains, relative to it."""
    if noise is None:
        return float("nan")
    with np.errstate(divide="ignore", invalid="ignore"):
        return _worst(noise.mean(-1).std(-1) / noise.mean((-2, -1)) / 2, np.max)


def _points(values: xr.DataArray) -> list[Any]:
    return [dim for dim in values.dims if dim not in ("chain", "draw")]


def _describe(values: xr.DataArray) -> xr.Dataset:
    """Return statistics of the draws at each point. ArviZ answers NaN where there are too few, or one is not finite."""
    series = _finite(values.to_numpy())
    dims = _points(values)
    with np.errstate(divide="ignore", invalid="ignore"):  # all draws equal
        columns = {
            "r_hat": _r_hat(series),
            "ess_bulk": array_stats.ess(series),
            "ess_tail": array_stats.ess(series, method="tail", prob=TAILS),
            "mcse_mean": array_stats.mcse(series),
            "mcse_sd": array_stats.mcse(series, method="sd"),
        }
    n = series.shape[-1] * series.shape[-2]
    table = xr.Dataset(
        {name: (dims, column) for name, column in columns.items()}, coords=values[dims[0]].coords
    )
    table["mean"] = values.mean(["chain", "draw"])
    table["sd"] = values.std(["chain", "draw"], ddof=1) if n > 1 else xr.full_like(table["mean"], np.nan)
    parts = np.sqrt(split_modes(values))
    table["sd_within"], table["sd_between"] = parts["within"], parts["between"]
    return table


def _r_hat(series: np.ndarray) -> np.ndarray:
    """Return split, rank-normalised R-hat `(...)` of `(..., chain, draw)`; of one chain, that of its halves."""
    if series.shape[-2] == 1:
        half = series.shape[-1] // 2
        series = np.concatenate([series[..., :half], series[..., half : 2 * half]], axis=-2)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(array_stats.rhat(series))


def _log_density(stats: xr.Dataset) -> dict[str, float]:
    lp = stats["lp"].transpose("chain", "draw").to_numpy() if "lp" in stats else np.full((1, 1), np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        return {"log_density_r_hat": float(_r_hat(lp)), "log_density_ess": float(array_stats.ess(lp))}


def _noise(variance: np.ndarray | None) -> dict[str, float]:
    if variance is None:
        return {"noise_r_hat": np.nan, "noise_ess": np.nan}
    if np.array_equal(variance, np.broadcast_to(variance[:1], variance.shape)):
        variance = variance[:1]  # the same everywhere
    series = _finite(variance)
    moving = np.ptp(series, axis=(-2, -1)) > 0
    with np.errstate(divide="ignore", invalid="ignore"):
        ess = np.where(moving, array_stats.ess(series), np.nan)
    return {"noise_r_hat": _worst(_r_hat(series), np.max), "noise_ess": _worst(ess, np.min)}


def _finite(values: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(values), values, np.nan)


def _worst(values: Any, choose: Callable[..., Any]) -> float:
    numbers = np.asarray(values)
    numbers = numbers[~np.isnan(numbers)]
    return float(choose(numbers)) if numbers.size else float("nan")


def _frozen(values: xr.DataArray) -> tuple[int, ...]:
    """Return the chains that move a hundred times less than the liveliest one."""
    if values.sizes["draw"] < MIN_DRAWS:
        return ()
    spread = values.std("draw").median(_points(values))
    return tuple(np.flatnonzero(spread <= FROZEN * spread.max()).tolist())


def _sampler(stats: xr.Dataset, attrs: Mapping[Any, Any]) -> dict[str, Any]:
    """Return what a sampler tells of itself."""
    told: dict[str, Any] = {}
    if "diverging" in stats:
        told["divergences"] = int(stats["diverging"].sum())
    if "reached_max_treedepth" in stats:
        told["max_treedepth_share"] = float(stats["reached_max_treedepth"].mean())
    elif "tree_depth" in stats:
        deepest = json.loads(str(attrs.get("options", "{}"))).get("max_treedepth", 10)
        told["max_treedepth_share"] = float((stats["tree_depth"] >= deepest).mean())
    if "energy" in stats and stats.sizes["draw"] >= MIN_DRAWS:
        told["bfmi_min"] = float(
            np.min(array_stats.bfmi(stats["energy"].transpose("chain", "draw").to_numpy()))
        )
    if "restarts" in stats:
        told["restarts"] = int(stats["restarts"].isel(draw=0).sum())
    told["lost_chains"] = int(attrs.get("lost_chains", 0))
    if "energy_error" in stats:
        told["energy_error"] = float(stats["energy_error"].mean())
    return told


def _attributes(e: Evidence) -> dict[str, str | int | float]:
    """Return the verdict and what it rests on, in types that any file format keeps."""
    trust, verdict, findings = judge(e)
    facts = {name: value for name, value in asdict(e).items() if name != "frozen" and value is not None}
    attrs = {name: int(value) if isinstance(value, bool) else value for name, value in facts.items()}
    if e.divergences is not None:
        attrs["divergence_share"] = e.divergences / e.total
    levels = {"yes": "ok", "caution": "caution", "no": "no"}
    listed = json.dumps([[levels[f.level], f.sentence] for f in findings], ensure_ascii=False)
    return {"trust": trust, "verdict": verdict, "findings": listed, **attrs}
