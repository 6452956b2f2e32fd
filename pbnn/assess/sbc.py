"""Simulation-based calibration: whether a method finds, on average over data, the posterior that it claims to find."""

import re
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr

from pbnn.assess.refits import Refit, fit_each, seeds
from pbnn.assess.rows import spaced
from pbnn.assess.uniformity import Uniform
from pbnn.errors import DataError, MethodError, ModelError, count
from pbnn.graph.build import BNN, build
from pbnn.infer.methods import Method, as_method
from pbnn.predict.forward import Forward
from pbnn.predict.linearized import Linearization
from pbnn.predict.predictions import posterior_of, resolve_seed
from pbnn.predict.prior import draw_weights
from pbnn.predict.rows import training_data
from pbnn.spec.network import Network
from pbnn.target import Target

PROBES = 3
"""Inputs at which predictions are ranked, if none are given."""
MIN_DRAWS = 10
LEVEL = 0.95
MOST_NAMED = 5
"""Quantities that a verdict names."""
HIDDEN = re.compile(r"h\d+_")
"""Begins the names of dims whose order means nothing."""


def sbc(
    model: BNN | Network,
    method: str | Method | None = None,
    X: Any = None,
    y: Any = None,
    *,
    replicates: int = 100,
    draws: int = 100,
    idata: xr.DataTree | None = None,
    probes: Any = None,
    observe: Callable[[np.ndarray], Any] | None = None,
    seed: int | None = None,
    executor: Executor | None = None,
) -> xr.Dataset:
    """Check a method on data of which the truth is known: ranks of true values among draws must be uniform.

    Weights are drawn from the prior, responses from the model, and the method is run on each set of responses. Hidden
    units permute, so weights are not ranked, but what has a meaning: scalars and what belongs to an input or an output
    (noise, scales), the log-likelihood of the data, and predictions.

    Parameters
    ----------
    model
        A BNN, whose inputs the simulated data have; or a network, with `X` and `y` as `pbnn.build` takes them.
    method
        As of `fit`. It should give nearly independent draws: those that repeat each other pile ranks up at both ends.
    X, y
        Data that stand for what the model is meant for, if `model` is a network.
    replicates
        Sets of simulated data.
    draws
        Of each fit, evenly spaced, among which true values are ranked.
    idata
        A fit of the model to real data. Then truths are drawn from it in the place of the prior, and fitted are the
        real data and simulated ones together: posterior SBC, which checks the method where it will be used.
    probes
        Inputs `(probe, feature)` at which the mean of the response, or class probabilities, are ranked; None takes
        three training rows.
    observe
        What of a simulated response `(obs[, output])` is observed, such as times until the end of a study:
        `lambda t: pbnn.right_censored(np.minimum(t, 5), t <= 5)`.
    seed
        Of truths, data and fits.
    executor
        Any `concurrent.futures.Executor`: each fit is one task.

    Returns
    -------
    xarray.Dataset
        By `quantity`: `rank` `(replicate, quantity)`, the number of draws below the truth, ties broken at random;
        `p_value` of uniform ranks; `location`, the mean of the ranks less what is expected, in standard errors:
        positive where draws lie too low; `spread`, the same of their squared distance from the middle: positive where
        posteriors are too narrow, or draws depend on each other; `ecdf_difference` `(quantity, point)`, the share of
        ranks below each `point` in (0, 1), less what is expected; `lower` and `upper` `(point,)`, between which the
        whole curve of one quantity lies 95 times in 100. attrs: `draws`, `replicates`, `kind` (`"prior"` or
        `"posterior"`), `p_value`, the smallest times the number of quantities (Bonferroni), `verdict` in words,
        which names the quantities that fail by that correction, the worst first.

    Raises
    ------
    ModelError
        If the model is neither, or `idata` is the fit of another one.
    DataError
        If data are missing, or the response is known in part and `observe` is not given.
    MethodError
        If an option makes no sense, a fit fails, or gives fewer than 10 draws.

    References
    ----------
    Talts, Betancourt, Simpson, Vehtari & Gelman (2018), Validating Bayesian inference algorithms with simulation-based
    calibration, arXiv:1804.06788; Säilynoja, Bürkner & Vehtari (2022), Graphical test for discrete uniformity,
    10.1007/s11222-022-10090-6; Modrák et al. (2023), Simulation-based calibration checking for Bayesian computation:
    the choice of test quantities, 10.1214/23-BA1404; Säilynoja, Schmitt, Bürkner & Vehtari (2025), Posterior SBC,
    arXiv:2502.03279.

    Examples
    --------
    >>> import numpy as np, pbnn
    >>> from pbnn import likelihoods
    >>> X = np.linspace(-1, 1, 15)[:, None]
    >>> bnn = pbnn.build(pbnn.Network([], likelihoods.Gaussian(1.0)), X, X[:, 0], standardize=False)
    >>> table = pbnn.sbc(bnn, pbnn.ADVI(steps=200, draws=20), replicates=5, draws=20, seed=1)
    >>> [str(name) for name in table["quantity"].to_numpy() if "weight" not in name]
    ['log_likelihood', 'mu[0]', 'mu[1]', 'mu[2]']
    """
    bnn = _bnn(model, X, y)
    options, seed = as_method(method, "sbc"), resolve_seed(seed, "sbc")
    for name, n, least in (("replicates", replicates, 2), ("draws", draws, MIN_DRAWS)):
        if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < least:
            raise MethodError(f"sbc: {name} must be a whole number >= {least}; got {n!r}.")
    if bnn.response.censored and observe is None:
        raise DataError(
            "sbc: the response is known in part, so say what of a simulated time is seen: observe=lambda t: "
            "pbnn.right_censored(...)."
        )
    inputs, observed = training_data(bnn, idata if idata is not None else xr.DataTree(), "sbc")
    at = inputs[spaced(len(inputs), PROBES)] if probes is None else bnn.columns.encode(probes, "sbc")
    truths = _truths(bnn, idata, replicates, seed)
    jobs = []
    responses = _simulate(bnn, truths, inputs, seed)
    for i, s in enumerate(seeds(seed, replicates)):
        drawn = responses[i] if observe is None else bnn.response.encode(observe(responses[i]), "sbc")
        drawn = drawn.astype(observed.dtype)
        both = idata is not None
        jobs.append(
            Refit(
                np.concatenate([inputs, inputs]) if both else inputs,
                np.concatenate([observed, drawn]) if both else drawn,
                s,
                (truths.isel(draw=[i]), at, draws),
            )
        )
    found = fit_each(bnn, options, jobs, _rank, executor=executor, where="sbc")
    names = found[0][0]
    ranks = np.stack([rank for _, rank in found])
    return _table(names, ranks, draws, "prior" if idata is None else "posterior", seed)


def _bnn(model: Any, X: Any, y: Any) -> BNN:
    if isinstance(model, Network):
        if X is None or y is None:
            raise DataError("sbc: with a network pass X and y, from which pbnn.build makes a model.")
        return build(model, X, y)
    if not isinstance(model, BNN):
        raise ModelError(f"sbc: expected a BNN (pbnn.build) or a pbnn.Network; got {type(model).__name__}.")
    if X is not None or y is not None:
        raise DataError("sbc: a BNN has its data already; pass X and y with a pbnn.Network only.")
    return model


def _truths(bnn: BNN, idata: xr.DataTree | None, replicates: int, seed: int) -> xr.Dataset:
    """Return the weights that responses are simulated with, `(chain: 1, draw: replicates, ...)`."""
    names = [rv.name for rv in bnn.model.free_RVs]
    if idata is None:
        return draw_weights(bnn, replicates, seed)[names]
    posterior = posterior_of(idata, "sbc", bnn)[names]
    n = posterior.sizes["chain"] * posterior.sizes["draw"]
    if n < replicates:
        raise MethodError(f"sbc: the fit has {n} draws, too few for {replicates} replicates.")
    at = spaced(n, replicates)
    flat = {
        name: (
            ("chain", "draw", *values.dims[2:]),
            values.to_numpy().reshape(-1, *values.shape[2:])[at][None],
        )
        for name, values in posterior.transpose("chain", "draw", ...).data_vars.items()
    }
    return xr.Dataset(flat)


def _simulate(bnn: BNN, truths: xr.Dataset, inputs: np.ndarray, seed: int) -> np.ndarray:
    """Return a response `(replicate, obs, ...)` for each draw of the weights."""
    forward = Forward.of(bnn, truths, seed)
    drawn = forward.allocate(["y"], len(inputs))
    forward.fill(inputs, drawn)
    return drawn["y"]


def _rank(bnn: BNN, idata: xr.DataTree, one: Refit) -> tuple[list[str], np.ndarray]:
    """Return the names of what is ranked, and the rank of each true value among the draws of a fit."""
    truth, probes, draws = one.extra
    posterior = posterior_of(idata, "sbc")
    n = posterior.sizes["chain"] * posterior.sizes["draw"]
    if n < MIN_DRAWS:
        raise MethodError(
            f"the fit has {count(n, 'draw')}, and ranks need {MIN_DRAWS} at least; take a method that draws from the "
            "posterior, such as MCLMC, NUTS, ADVI or Laplace."
        )
    if n < draws:
        raise MethodError(
            f"the fit has {n} draws, and {draws} are to be ranked; pass draws={n} to sbc, or let the method draw more."
        )
    at = spaced(n, draws)
    names, values = _quantities(bnn, posterior, Linearization.of(idata), probes, one, at)
    _, true = _quantities(bnn, truth, None, probes, one, np.arange(1))
    rng = np.random.default_rng(one.seed)
    below, equal = (values < true).sum(axis=0), (values == true).sum(axis=0)
    return names, below + rng.integers(0, equal + 1)


def _quantities(
    bnn: BNN,
    posterior: xr.Dataset,
    linearized: Linearization | None,
    probes: np.ndarray,
    data: Refit,
    at: np.ndarray,
) -> tuple[list[str], np.ndarray]:
    """Return names and values `(draw, quantity)` of what keeps its meaning when hidden units permute."""
    forward = Forward.of(bnn, posterior, 0, linearized)
    columns: dict[str, np.ndarray] = {}
    for name in _fixed(bnn):
        values = posterior[name].transpose("chain", "draw", ...).to_numpy()
        values = values.reshape(-1, *values.shape[2:])[at]
        for index in np.ndindex(values.shape[1:]):
            columns[f"{name}{_label(index)}"] = values[:, *index]
    some = replace(forward, z=forward.z[at])
    columns["log_likelihood"] = some.log_likelihood(some.bind(data.X, data.y)).sum(axis=1, dtype=float)
    name = "p" if bnn.response.kind == "classes" else "mu"
    drawn = some.allocate([name], len(probes))
    some.fill(probes, drawn)
    values = drawn[name][..., 1:] if name == "p" else drawn[name]  # the first class has what the others leave
    for index in np.ndindex(values.shape[1:]):
        columns[f"{name}{_label(index)}"] = values[:, *index].astype(float)
    return list(columns), np.stack(list(columns.values()), axis=1)


def _fixed(bnn: BNN) -> list[str]:
    """Return the free variables of which no dim is that of hidden units, and which are no weights of the network."""
    weights = set(Target.of(bnn).weights)
    dims = bnn.model.named_vars_to_dims
    return [
        rv.name
        for rv in bnn.model.free_RVs
        if rv.name not in weights
        and all(dim is not None and not HIDDEN.match(dim) for dim in dims.get(rv.name) or (None,) * rv.ndim)
    ]


def _label(index: tuple[int, ...]) -> str:
    return f"[{', '.join(map(str, index))}]" if index else ""


def _table(names: list[str], ranks: np.ndarray, draws: int, kind: str, seed: int) -> xr.Dataset:
    replicates = len(ranks)
    test = Uniform.of_ranks(replicates, draws, seed)
    middle = (ranks + 0.5) / (draws + 1) - 0.5
    p = np.array([test.p_value(column) for column in ranks.T])
    table = xr.Dataset(
        {
            "rank": (("replicate", "quantity"), ranks),
            "p_value": ("quantity", p),
            "location": ("quantity", middle.mean(axis=0) * (12 * replicates) ** 0.5),
            "spread": ("quantity", (middle**2 - 1 / 12).mean(axis=0) * (180 * replicates) ** 0.5),
            "ecdf_difference": (
                ("quantity", "point"),
                np.stack([test.ecdf(column) - test.points for column in ranks.T]),
            ),
            "lower": ("point", test.band(LEVEL)[0] - test.points),
            "upper": ("point", test.band(LEVEL)[1] - test.points),
        },
        coords={"quantity": names, "point": test.points},
        attrs={"draws": draws, "replicates": replicates, "kind": kind, "seed": seed, "level": LEVEL},
    )
    for name, values in table.data_vars.items():
        values.attrs.update(long_name=_MEANING[str(name)], units="1")
    least = min(1.0, float(p.min()) * len(p))
    return table.assign_attrs(p_value=least, verdict=_words(table, least))


_MEANING = {
    "rank": "number of draws below the truth",
    "p_value": "probability of ranks as uneven as these, if they are uniform",
    "location": "mean rank less the expected one, in standard errors",
    "spread": "squared distance from the middle less the expected one, in standard errors",
    "ecdf_difference": "share of ranks below a point, less the expected one",
    "lower": "lower end of the simultaneous band",
    "upper": "upper end of the simultaneous band",
}


def _words(table: xr.Dataset, least: float) -> str:
    n = f"{table.attrs['replicates']} replicates"
    if least >= 1 - LEVEL:
        return f"No sign of miscalibration in {n} (p = {least:.2g})."
    p = table["p_value"].to_numpy()
    # What lies far out shares the least p-value that there is.
    off = np.maximum(np.abs(table["location"].to_numpy()), np.abs(table["spread"].to_numpy()))
    worst_first = np.lexsort((-off, p))
    failed = worst_first[p[worst_first] * len(p) < 1 - LEVEL]
    named = [
        f"{table['quantity'].values[i]}: {_how_wrong(table.isel(quantity=i))}" for i in failed[:MOST_NAMED]
    ]
    more = len(failed) - len(named)
    return (
        f"Not calibrated (p = {least:.2g} in {n}): {'; '.join(named)}{f'; and {more} more' if more else ''}."
    )


def _how_wrong(of: xr.Dataset) -> str:
    location, spread = float(of["location"]), float(of["spread"])
    if abs(location) > abs(spread):
        return "draws lie too low" if location > 0 else "draws lie too high"
    return "too narrow, or its draws depend on each other" if spread > 0 else "too wide"
