"""Which inputs matter: the scales that a fit gave to the inputs' weights."""

from functools import singledispatch
from typing import Any, Literal, get_args

import jax
import numpy as np
import xarray as xr
from arviz_stats.base import array_stats

from pbnn.assess.rows import read_draws
from pbnn.errors import ModelError, SpecError, unknown
from pbnn.graph.build import BNN
from pbnn.spec import priors
from pbnn.spec.layers import Dense
from pbnn.target import Target
from pbnn.target.curvature import weight_scales

By = Literal["auto", "scale", "weights"]
RANKS = 50


def relevance(bnn: BNN, idata: xr.DataTree, *, by: By = "auto", prob: float = 0.9) -> xr.Dataset:
    """Say how much each input matters, by the scale of the weights that leave it.

    Relevance is an input's share of the sum over inputs of squared scales: of standardised inputs that are independent,
    the share of the variance that enters the hidden units. It says nothing of the direction of an effect, and inputs
    that hold the same information share it between them.

    Parameters
    ----------
    bnn, idata
        A network whose first layer is `Dense` (or that has none), and its fit.
    by
        `"scale"`: the scale that the prior has for each input (`ARD`, `Horseshoe`, `SpikeSlab`, `R2D2`, `MatrixNormal`,
        or a scale that is learned `per="input"`); `"weights"`: the root mean square of the input's weights; `"auto"`:
        the first if there is one.
    prob
        Probability of the intervals.

    Returns
    -------
    xarray.Dataset
        By `feature`: `mean`, `sd` and `hdi` `(feature, bound)` of the relevance, whose sum is 1; `scale`, the posterior
        mean of the scale itself, in units of standardised inputs; `rank`, 1 for the largest mean;
        `rank_probability` `(feature, position)`, the share of draws in which the feature stands at this position, for
        the first 50 positions; `r_hat` and `ess_bulk` of the relevance. Scales do not change when hidden units swap
        places, so R-hat means here what it says: do the chains agree on which inputs matter? attrs: `by`, `prob`,
        `weight`, the variable that was read.

    Raises
    ------
    SpecError
        If the first layer is not `Dense`, or `by="scale"` and the prior has no scale for each input.
    ModelError
        If `idata` is the fit of another model, or `prob` is not between 0 and 1.

    References
    ----------
    MacKay (1994), Bayesian methods for backpropagation networks, 10.1007/978-1-4612-0723-8_6; Neal (1996), Bayesian
    Learning for Neural Networks, 10.1007/978-1-4612-0745-0, section 4.3.

    Examples
    --------
    >>> import numpy as np, pbnn
    >>> from pbnn import likelihoods, priors
    >>> X = np.random.default_rng(0).normal(size=(50, 3))
    >>> net = pbnn.Network([], likelihoods.Gaussian(0.1), weights=priors.ARD())
    >>> bnn = pbnn.build(net, X, 2 * X[:, 1])
    >>> idata = pbnn.fit(bnn, pbnn.ADVI(steps=2000, draws=200), seed=1, progress=False)
    >>> int(np.argmax(pbnn.relevance(bnn, idata)["mean"].to_numpy()))
    1
    """
    if by not in get_args(By):
        raise SpecError(unknown("relevance", "by", by, get_args(By)))
    if isinstance(prob, bool) or not isinstance(prob, int | float) or not 0 < prob < 1:
        raise ModelError(f"relevance: prob must be a number between 0 and 1; got {prob!r}.")
    _, posterior = read_draws(bnn, idata, "relevance", 0, mixed=False)
    weight, prior = _first_layer(bnn)
    if by == "scale" and not scales_inputs(prior):
        raise SpecError(
            f"relevance: the prior of {weight}, {type(prior).__name__}, has no scale for each input; take "
            "by='weights', or a prior that has: priors.ARD(), priors.Horseshoe()."
        )
    by = "scale" if by != "weights" and scales_inputs(prior) else "weights"
    values = _scales(bnn, posterior, weight) if by == "scale" else posterior[weight].to_numpy().astype(float)
    scale = np.sqrt((values**2).mean(-1))  # (chain, draw, feature)
    share = scale**2 / (scale**2).sum(-1, keepdims=True)
    table = _describe(share, prob).assign(scale=("feature", scale.mean((0, 1))))
    return table.assign_coords(feature=list(bnn.columns.names)).assign_attrs(by=by, prob=prob, weight=weight)


def _first_layer(bnn: BNN) -> tuple[str, priors.Prior]:
    """Return the name of the weights of the inputs, and their prior."""
    net = bnn.network
    if not net.layers:
        return "out_weight", net.weights
    first = net.layers[0]
    if bnn.columns.shape:
        raise SpecError(
            f"relevance: X has shape (obs, {', '.join(map(str, bnn.columns.shape))}), whose positions share their "
            "weights; relevance is for columns of a table. Compare scores with a channel permuted, or left out."
        )
    if not isinstance(first, Dense):
        raise SpecError(
            f"relevance: the first layer must be Dense, whose weights belong to one input each; it is "
            f"{type(first).__name__}. For other networks compare scores with an input permuted, or left out."
        )
    return "h0_weight", first.weight or net.weights


@singledispatch
def scales_inputs(prior: Any) -> bool:
    """Say whether a prior of weights has a scale that varies by input, and shows in its unconstrained coordinates."""
    return False


@scales_inputs.register(priors.ARD)
@scales_inputs.register(priors.Horseshoe)
@scales_inputs.register(priors.SpikeSlab)
@scales_inputs.register(priors.R2D2)
@scales_inputs.register(priors.MatrixNormal)
def _has(prior: Any) -> bool:
    return True


@scales_inputs.register(priors.Normal)
@scales_inputs.register(priors.Laplace)
@scales_inputs.register(priors.StudentT)
def _may_have(prior: priors.Normal | priors.Laplace | priors.StudentT) -> bool:
    return getattr(prior.scale, "per", "") == "input" and not prior.centered


def _scales(bnn: BNN, posterior: xr.Dataset, weight: str) -> np.ndarray:
    """Return the prior's scale of each weight in each draw `(chain, draw, feature, unit)`.

    A non-centred weight is its scale times an unconstrained value: so its derivative is the scale, whatever the prior
    has made it of.
    """
    target = Target.of(bnn)
    z = target.draws(posterior)
    with target.scope():
        found = jax.lax.map(
            lambda one: weight_scales(target, one, [weight])[weight], z.reshape(-1, target.dim), batch_size=64
        )
    return np.asarray(found, dtype=float).reshape(*z.shape[:2], *found.shape[1:])


def _describe(share: np.ndarray, prob: float) -> xr.Dataset:
    """Return statistics of draws `(chain, draw, feature)`."""
    n = share.shape[-1]
    series = np.moveaxis(share, -1, 0)
    flat = series.reshape(n, -1)
    positions = min(n, RANKS)
    # The place of each feature in each draw, 0 the most relevant.
    places = np.argsort(np.argsort(-flat, axis=0, kind="stable"), axis=0, kind="stable")
    at = np.stack([(places == k).mean(1) for k in range(positions)], axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        r_hat = array_stats.rhat(series) if share.shape[0] > 1 else np.full(n, np.nan)
        ess = array_stats.ess(series)
    mean = flat.mean(1)
    rank = np.empty(n, int)
    rank[np.argsort(-mean, kind="stable")] = np.arange(1, n + 1)
    return xr.Dataset(
        {
            "mean": ("feature", mean),
            "sd": ("feature", flat.std(1, ddof=1) if flat.shape[1] > 1 else np.full(n, np.nan)),
            "hdi": (("feature", "bound"), _hdi(flat, prob)),
            "rank": ("feature", rank),
            "rank_probability": (("feature", "position"), at),
            "r_hat": ("feature", r_hat),
            "ess_bulk": ("feature", ess),
        },
        coords={"bound": ["lower", "upper"], "position": np.arange(1, positions + 1)},
    )


def _hdi(flat: np.ndarray, prob: float) -> np.ndarray:
    if flat.shape[1] < 2:
        return np.repeat(flat[:, :1], 2, axis=1)
    return np.asarray(array_stats.hdi(flat, prob))
