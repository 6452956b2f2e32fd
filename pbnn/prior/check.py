"""`check_prior`: what a prior says before the data, and warnings of what nobody means."""

import json
from typing import Any

import jax
import numpy as np
import xarray as xr

from pbnn.errors import MethodError
from pbnn.graph.build import BNN
from pbnn.predict.predictions import resolve_seed
from pbnn.predict.prior import prior_predict
from pbnn.prior.units import unit_facts
from pbnn.spec.likelihoods import Multinomial
from pbnn.target import Target

SATURATED_SHARE = 0.5
"""Short lengthscales need units that saturate at some rows: only where most values are beyond is it a warning."""
STUCK_SHARE = 0.1
DEAD_SHARE = 0.2
FAR_SHARE = 0.5
OUTSIDE_SHARE = 0.1
CONFLICT = 0.01
CERTAIN = 0.99
MAX_ROWS = 200
"""Rows of the data at which hidden units are looked at."""


def check_prior(
    bnn: BNN,
    *,
    support: tuple[float | None, float | None] | None = None,
    draws: int = 500,
    seed: int | None = None,
    memory: float = 2e9,
) -> xr.Dataset:
    """Draw networks and responses from the prior at the training data, and say what looks unintended.

    Parameters
    ----------
    bnn
        The model.
    support
        Between which values a response can lie at all, such as `(0, None)`; None is no bound. What the likelihood
        excludes need not be said.
    draws
        Number of networks.
    seed
        The same seed gives the same result.
    memory
        The most that draws may take, in bytes.

    Returns
    -------
    xarray.Dataset
        By `layer` (affine maps with an activation: neither `GroupDense` nor convolutions in groups), shares over
        networks, of 0 to 1, NaN where the activation has no such state: `saturated`, values of tanh units beyond 0.99;
        `stuck`, units that are beyond it, with one sign, at all rows; `dead`, relu units that are 0 at all rows; and
        `unit_sd`, the root mean square before the activation.

        By `statistic` (mean, sd, min, max of `y`; the share of each class) and `output`, if there are several: its
        `observed` value, the `prior_median`, and the `p_value`, the prior predictive probability of a value at least
        as large; Box (1980), 10.2307/2982063. Near 0 or 1, prior and data are in conflict. NaN where the data cannot be
        compared: censored times, and rows of a `Multinomial` with other totals than its `n`.

        Of the predictive distribution: `far`, its share farther from the data than they are wide; `outside`, its
        share outside `support`; or, of a classifier, `certain`, the share of predictions with a probability above 0.99.

        attrs: `findings`, a JSON list of `[level, sentence]`, `level` being "ok" or "caution"; `verdict`, a sentence.

    Raises
    ------
    MethodError, DataError
        As `prior_predict`; or if `support` is no range.

    Examples
    --------
    >>> import numpy as np, pbnn
    >>> from pbnn import likelihoods, priors
    >>> X = np.linspace(-1, 1, 20)[:, None]
    >>> wide = priors.Normal(scale=10.0)
    >>> net = pbnn.Network([pbnn.Dense(20)], likelihoods.Gaussian(), weights=wide, biases=wide)
    >>> checked = pbnn.check_prior(pbnn.build(net, X, X[:, 0] ** 2), draws=100, seed=1)
    >>> float(checked["saturated"].sel(layer="h0")) > 0.5
    True
    """
    low, high = _bounds(support)
    seed = resolve_seed(seed, "check_prior")
    tree = prior_predict(bnn, draws=draws, seed=seed, memory=memory)
    facts = _units(bnn, tree["prior"].to_dataset())
    hindrance = _hindrance(bnn, tree["observed_data"]["y"])
    table = xr.merge([_layers(facts), *_predictive(tree, low, high, compared=not hindrance)], join="outer")
    findings = [*_of_layers(facts), *_of_predictions(table, low, high, hindrance)]
    warned = [sentence for level, sentence in findings if level == "caution"]
    verdict = "Look at the prior again: " + " ".join(warned) if warned else "Nothing unintended was found."
    if hindrance:
        verdict += f" {_not_compared(hindrance)}"
    listed = json.dumps(findings, ensure_ascii=False)
    return table.assign_attrs(verdict=verdict, findings=listed, draws=draws, seed=seed)


Finding = tuple[str, str]


def _bounds(support: Any) -> tuple[float, float]:
    try:
        low, high = (None, None) if support is None else support
        low, high = -np.inf if low is None else float(low), np.inf if high is None else float(high)
    except (TypeError, ValueError):
        low = high = 0.0
    if not low < high:
        raise MethodError(
            f"check_prior: support must be two numbers, the lower one first, or None for no bound, such as (0, None); "
            f"got {support!r}."
        )
    return low, high


def _units(bnn: BNN, prior: xr.Dataset) -> list[dict[str, Any]]:
    """Return the facts of each layer's units, as means over networks."""
    target = Target.of(bnn, "float32")
    names, function = unit_facts(bnn)
    if not names:
        return []
    x = np.asarray(bnn.columns.standardize(bnn.model["X"].get_value()), np.float32)
    x = x[np.unique(np.linspace(0, len(x) - 1, MAX_ROWS).round().astype(int))]
    z = target.draws(prior).reshape(-1, target.dim)
    with target.scope():
        run = jax.jit(lambda z: jax.lax.map(lambda one: function(target.split(one), x), z, batch_size=16))
        found = [{name: float(v.mean()) for name, v in layer.items()} for layer in run(z)]
    return [{"layer": name, **facts} for name, facts in zip(names, found, strict=True)]


def _layers(facts: list[dict[str, Any]]) -> xr.Dataset:
    names = ("saturated", "stuck", "dead", "unit_sd")
    columns = {name: ("layer", np.asarray([f[name] for f in facts], dtype=float)) for name in names}
    columns["unit_sd"] = ("layer", np.sqrt(columns["unit_sd"][1]))
    return xr.Dataset(columns, coords={"layer": [f["layer"] for f in facts]})


def _hindrance(bnn: BNN, y: xr.DataArray) -> str:
    """Return why responses that are drawn cannot be compared with the data, if so."""
    likelihood = bnn.network.likelihood
    if bnn.response.censored:
        return "some of its times are known in part"
    if isinstance(likelihood, Multinomial) and bool((y.sum("output") != likelihood.n).any()):
        return f"rows are predicted with n={likelihood.n} counts, and some of its rows have other totals"
    return ""


def _predictive(tree: xr.DataTree, low: float, high: float, *, compared: bool) -> list[xr.Dataset]:
    drawn, y = tree["prior_predictive"].to_dataset(), tree["observed_data"]["y"]
    if not compared:
        y = xr.full_like(drawn["y"].isel(chain=0, draw=0, drop=True), np.nan, dtype=float)
    sample = ("chain", "draw")
    if "p" in drawn:
        classes = drawn["p"]["class"].to_numpy()
        repeated = xr.concat([(drawn["y"] == i).mean("obs") for i in range(len(classes))], dim="statistic")
        observed = xr.concat([(y == i).mean("obs") for i in range(len(classes))], dim="statistic")
        labels = [f"share of {name}" for name in classes]
        sums = xr.Dataset({"certain": (drawn["p"].max("class") > CERTAIN).mean()})
    else:
        labels = ["mean", "sd", "min", "max"]
        repeated, observed = (_statistics(v.astype(float)) for v in (drawn["y"], y))
        least, most = y.min("obs"), y.max("obs")
        wide = most - least
        far = ((drawn["y"] < least - wide) | (drawn["y"] > most + wide)).where(wide.notnull())
        sums = xr.Dataset({"far": far.mean((*sample, "obs"))})
        if np.isfinite([low, high]).any():
            sums["outside"] = ((drawn["y"] < low) | (drawn["y"] > high)).mean((*sample, "obs"))
    above = (repeated >= observed).sum(sample)
    tests = xr.Dataset(
        {
            "observed": observed,
            "prior_median": repeated.median(sample),
            # Ties count half, so that a count which is always the same is no conflict.
            "p_value": (above - 0.5 * (repeated == observed).sum(sample) + 0.5).where(observed.notnull())
            / (drawn.sizes["chain"] * drawn.sizes["draw"] + 1),
        }
    )
    return [tests.assign_coords(statistic=labels), sums]


def _statistics(y: xr.DataArray) -> xr.DataArray:
    return xr.concat([y.mean("obs"), y.std("obs"), y.min("obs"), y.max("obs")], dim="statistic")


def _of_layers(facts: list[dict[str, Any]]) -> list[Finding]:
    found: list[Finding] = []
    for f in facts:
        name = f["layer"]
        if f["saturated"] > SATURATED_SHARE or f["stuck"] > STUCK_SHARE:
            found.append(
                (
                    "caution",
                    f"{_percent(f['saturated'])} of the values of the tanh units of {name} are beyond ±0.99, so "
                    f"functions are made of steps ({_percent(f['stuck'])} of the units are stuck at all rows). Where "
                    "functions change over short distances that is as it must be; else make the scale of its weights "
                    "or biases smaller.",
                )
            )
        if f["dead"] > DEAD_SHARE:
            found.append(
                (
                    "caution",
                    f"{_percent(f['dead'])} of the relu units of {name} are 0 at all rows; make the scale of its "
                    "biases smaller beside that of its weights.",
                )
            )
    if facts and not found:
        found.append(("ok", "Hidden units are neither stuck nor dead."))
    return found


def _of_predictions(table: xr.Dataset, low: float, high: float, hindrance: str) -> list[Finding]:
    found: list[Finding] = []
    for at, share in _cells(table, "outside"):
        if share > OUTSIDE_SHARE:
            found.append(
                (
                    "caution",
                    f"{_percent(share)} of the responses{at} that the prior predicts lie outside {low:g} to {high:g}; "
                    "take a likelihood with this support, or calibrate the prior (priors.elicit).",
                )
            )
    for at, share in _cells(table, "far"):
        if share > FAR_SHARE:
            found.append(
                (
                    "caution",
                    f"{_percent(share)} of the responses{at} that the prior predicts are farther from the data than "
                    "these are wide; make the scale of the output's weights smaller, or calibrate the prior.",
                )
            )
    for _, share in _cells(table, "certain"):
        if share > FAR_SHARE:
            found.append(
                (
                    "caution",
                    f"{_percent(share)} of the probabilities that the prior predicts are above 0.99; make the scale of "
                    "the output's weights smaller.",
                )
            )
    conflicts = []
    for name in table["statistic"].values:
        for at, p in _cells(table.sel(statistic=name), "p_value"):
            if min(p, 1 - p) < CONFLICT:
                conflicts.append(
                    f"the {name}{at or ' of y'} is {'above' if p < 0.5 else 'below'} what it expects"
                )
    if conflicts:
        found.append(("caution", f"The prior and the data are in conflict: {'; '.join(conflicts)}."))
    if hindrance:
        found.append(("ok", _not_compared(hindrance)))
    elif not found:
        found.append(("ok", "The responses that the prior predicts are compatible with the data."))
    return found


def _not_compared(hindrance: str) -> str:
    return f"Responses that the prior predicts were not compared with y: {hindrance}."


def _cells(table: xr.Dataset, name: str) -> list[tuple[str, float]]:
    """Return where, in words, and how large a number is: one for each output."""
    if name not in table:
        return []
    values = table[name]
    if "output" not in values.dims:
        return [("", float(values))]
    return [(f" of {label}", float(values.sel(output=label))) for label in values["output"].values]


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"
