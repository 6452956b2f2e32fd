"""`prior_sensitivity`: whether predictions would be others under a slightly different prior, or with other data."""

import json
import logging
from typing import Any

import jax
import numpy as np
import xarray as xr
from arviz_stats import psense

from pbnn.assess.rows import read_draws, spaced
from pbnn.errors import MethodError, quiet, unknown
from pbnn.graph.build import BNN
from pbnn.predict.forward import Forward
from pbnn.predict.rows import encode_rows, training_data
from pbnn.target import Target
from pbnn.target.jaxify import jaxify

MIN_DRAWS = 100
MAX_ROWS = 200
"""Rows over which predictions are averaged."""
GROUPS = ("prior", "weights", "scales", "noise")
NOT_POSTERIORS = ("map", "ensemble")
"""Methods whose draws are optima: to reweight them tells nothing of a posterior."""
ROUNDING = 1e-6
"""Nats by which a log density may differ between draws that are the same."""
BATCH = 64
BLIND = 0.5
"""Where chance alone shows so much, nothing can be seen."""
SHIFTS = 9
"""How often draws of quantities are shifted against those of densities, to learn what chance alone gives."""
HEAVY = 50.0
"""Standard deviation of a log prior, in nats, above which its power scaling rests on few draws."""

Finding = tuple[str, str]


def prior_sensitivity(
    bnn: BNN,
    idata: xr.DataTree,
    X: Any = None,
    *,
    rows: int = 5,
    group: str = "prior",
    threshold: float = 0.05,
    seed: int | None = None,
) -> xr.Dataset:
    r"""Say how much predictions would change if the prior, or the likelihood, counted a little more or less.

    The density of one part of the model is raised to the power 0.99 and 1.01, and draws are reweighted accordingly
    (Pareto-smoothed); the sensitivity is how fast a prediction's distribution moves, per doubling of the power. Weights
    have no meaning of their own, so what is watched is the mean response, noise, and the fit to the data.

    Parameters
    ----------
    bnn, idata
        The model and its fit, from MCMC or an approximation that draws from a posterior.
    X
        Where predictions are watched; the training data if None.
    rows
        How many single rows of `X` are watched, evenly spaced.
    group
        Which part of the prior the words speak of: `"prior"`, all of it; `"weights"`, weights and biases given
        their scales; `"scales"`, learned scales; `"noise"`, what the response depends on beside the network. All are
        in the table. The log prior of many weights varies by many nats, so that a hundredth of its power already shifts
        the posterior of a wide network: then look at the groups.
    threshold
        Above which a sensitivity counts.
    seed
        Of nothing but what `predict` needs.

    Returns
    -------
    xarray.Dataset
        `sensitivity` `(component, quantity)` to `likelihood`, `prior` and the groups of it that the fit has draws of;
        `chance` `(component, quantity)`, the most that shifted draws show, which have nothing to do with the component:
        a log density of many weights is a noisy one; `beyond_chance` `(component, quantity)`, whether a sensitivity
        exceeds it: one to the prior, the largest `chance` of any quantity; `diagnosis` `(quantity)` in words;
        `log_density_sd` `(component)`, how much the log density varies between draws, in nats. A `quantity` is the mean
        response over all rows and at some, a parameter of the likelihood such as `noise`, or `lpd`, the mean
        log-likelihood of the training data.

        attrs: `findings`, a JSON list of `[level, sentence]`; `verdict`.

    Raises
    ------
    ModelError
        If `idata` is the fit of another model.
    MethodError
        If the fit has no draws from a posterior, too few of them, or an option makes no sense.

    Notes
    -----
    Densities are scaled in the coordinates that methods work in: weights in units of their prior scales, logarithms of
    positive parameters. So the prior of weights does not drag their learned scales along, and a log-normal prior keeps
    its median.

    References
    ----------
    Kallioinen et al. (2024), Detecting and diagnosing prior and likelihood sensitivity with power-scaling,
    10.1007/s11222-023-10366-5.

    Examples
    --------
    >>> import numpy as np, pbnn
    >>> from pbnn import likelihoods, priors
    >>> x = np.linspace(-1, 1, 30)[:, None]
    >>> net = pbnn.Network([], likelihoods.Gaussian(noise=0.1), weights=priors.Normal(), biases=priors.Normal())
    >>> bnn = pbnn.build(net, x, 2 * x[:, 0])
    >>> idata = pbnn.fit(bnn, pbnn.Laplace(), seed=1)
    >>> [str(words) for words in pbnn.prior_sensitivity(bnn, idata, seed=1)["diagnosis"].values[:1]]
    ['likelihood dominates']
    """
    if group not in GROUPS:
        raise MethodError(unknown("prior_sensitivity", "group", group, GROUPS))
    if isinstance(rows, bool) or not isinstance(rows, int | np.integer) or rows < 0:
        raise MethodError(f"prior_sensitivity: rows must be a whole number >= 0; got {rows!r}.")
    if not 0 < threshold < np.inf:
        raise MethodError(f"prior_sensitivity: threshold must be a positive number; got {threshold!r}.")
    forward, posterior = read_draws(bnn, idata, "prior_sensitivity", seed, mixed=False, raw=True)
    _require_draws(idata, posterior)
    inputs, labels = encode_rows(bnn, idata, X, "prior_sensitivity")
    log_likelihood = _log_likelihood(bnn, idata, forward, posterior)
    log_prior = _log_priors(bnn, posterior)
    if group != "prior" and group not in log_prior:
        raise MethodError(
            f"prior_sensitivity: this fit has no prior of {group!r} whose density differs between draws; it has: "
            f"{', '.join(['prior', *log_prior])}."
        )
    watched = _quantities(bnn, forward, posterior, inputs, labels, int(rows))
    watched["lpd"] = log_likelihood / len(training_data(bnn, idata, "prior_sensitivity")[1])

    tree = xr.DataTree.from_dict(
        {
            # Sensitivity is to shape and place, not to units; numbers near each other would be lost in rounding.
            "posterior": xr.Dataset({f"q{i}": _scaled(v) for i, v in enumerate(watched.values())}),
            "log_prior": xr.Dataset({name: v.expand_dims(part=1, axis=-1) for name, v in log_prior.items()}),
            "log_likelihood": xr.Dataset({"y": log_likelihood.expand_dims(part=1, axis=-1)}),
        }
    )
    parts = {"likelihood": ("likelihood", ["y"]), "prior": ("prior", list(log_prior))}
    parts |= {name: ("prior", [name]) for name in log_prior}
    totals = {"likelihood": log_likelihood, "prior": sum(log_prior.values()), **log_prior}
    sensitivity = np.stack([_sensitivity(tree, *part) for part in parts.values()])
    chance = np.max([[_sensitivity(t, *part) for part in parts.values()] for t in _unrelated(tree)], axis=0)
    table = xr.Dataset(
        {
            "sensitivity": (("component", "quantity"), sensitivity),
            "chance": (("component", "quantity"), chance),
            "log_density_sd": ("component", [float(totals[name].std()) for name in parts]),
        },
        coords={"component": list(parts), "quantity": list(watched)},
    )
    # What does not exceed what any quantity shows by chance counts as nothing: the words name that level.
    table["beyond_chance"] = ~_within_chance(table)
    counted = table["sensitivity"].where(table["beyond_chance"], 0.0)
    pairs = zip(counted.sel(component=group).values, counted.sel(component="likelihood").values, strict=True)
    words = [_words(p, n, threshold) for p, n in pairs]
    table["diagnosis"] = ("quantity", words)
    table = table.assign_attrs(group=group, threshold=threshold)
    findings = _findings(table, group)
    return table.assign_attrs(
        verdict=" ".join(sentence for _, sentence in findings),
        findings=json.dumps(findings, ensure_ascii=False),
    )


def _within_chance(table: xr.Dataset) -> xr.DataArray:
    """Return which sensitivities are no larger than those of quantities that have nothing to do with the component.

    To the prior: than the largest of these. The likelihood is expected to move everything, so there each quantity is
    held against its own.
    """
    noise = table["chance"]
    noise = noise.where(noise["component"] == "likelihood", noise.max("quantity"))
    return table["sensitivity"] <= noise


CONFLICT = "potential prior-data conflict"
WEAK = "strong prior or weak likelihood"
UNMOVED = "moved by neither"
FINE = "likelihood dominates"


def _words(prior: float, likelihood: float, threshold: float) -> str:
    if not np.isfinite([prior, likelihood]).all():
        return "does not vary"
    if prior >= threshold:
        return CONFLICT if likelihood >= threshold else WEAK
    return FINE if likelihood >= threshold else UNMOVED


def _findings(table: xr.Dataset, group: str) -> list[Finding]:
    found: list[Finding] = []
    diagnosis = table["diagnosis"].to_numpy()
    name = "prior" if group == "prior" else f"prior of the {group}"
    reasons = {
        CONFLICT: f"moves with the {name} and with the data: the two may be in conflict, or the {name} is informative",
        WEAK: f"moves with the {name} and hardly with the data: the data say little about it",
    }
    for words, reason in reasons.items():
        which = [str(q) for q, d in zip(table["quantity"].values, diagnosis, strict=True) if d == words]
        if which:
            found.append(("caution", f"{', '.join(which)} {reason}."))
    loud = float(table["chance"].sel(component=group).max())
    if not found and loud > BLIND:
        found.append(("caution", f"These draws cannot tell whether predictions depend on the {name}."))
    elif not found:
        found.append(("ok", f"Predictions do not depend on the {name} in a way that matters."))
    if loud > table.attrs["threshold"]:
        found.append(
            (
                "caution",
                f"With these draws, a quantity that has nothing to do with the {name} would show a sensitivity up to "
                f"{loud:.2g}; only what exceeds that counts. More draws, or a group of fewer parameters, tell more.",
            )
        )
    sd = float(table["log_density_sd"].sel(component=group))
    if sd > HEAVY:
        found.append(
            (
                "caution",
                f"The log density of the {name} varies by {sd:.0f} nats between draws, so that its power scaling rests "
                "on few of them" + ("; look at the groups." if group == "prior" else "."),
            )
        )
    return found


def _require_draws(idata: xr.DataTree, posterior: xr.Dataset) -> None:
    method = str(idata.attrs.get("method", ""))
    n = posterior.sizes["chain"] * posterior.sizes["draw"]
    if method.lower() in NOT_POSTERIORS:
        raise MethodError(
            f"prior_sensitivity: {method} gives optima, not draws from a posterior that could be reweighted; fit with "
            "'mclmc', 'nuts', or an approximation such as 'laplace'."
        )
    if n < MIN_DRAWS:
        raise MethodError(
            f"prior_sensitivity: needs at least {MIN_DRAWS} draws from the posterior; this fit has {n}. Fit with more "
            "draws, or with another method than one that finds an optimum."
        )


def _log_likelihood(bnn: BNN, idata: xr.DataTree, forward: Forward, posterior: xr.Dataset) -> xr.DataArray:
    """Return the log-likelihood of all training data for each draw."""
    X, y = training_data(bnn, idata, "prior_sensitivity")
    data = Target.of(bnn, forward.precision).bind_encoded(X, y)
    return _by_draw(forward.log_likelihood(data).sum(axis=1, dtype=float), posterior)


def _log_priors(bnn: BNN, posterior: xr.Dataset) -> dict[str, xr.DataArray]:
    """Return the log prior density of each group of variables for each draw.

    A group that the method holds fixed, as a Laplace approximation does learned scales, has no draws to reweight.
    """
    target = Target.of(bnn, "float64")
    z = target.draws(posterior).reshape(-1, target.dim)
    model = bnn.model
    own = {target.variables[i].name for i in target.own}
    terms = [term.sum() for term in model.logp(vars=model.free_RVs, sum=False)]
    function = jaxify(model.value_vars, terms, "float64")
    with target.scope():
        run = jax.jit(lambda z: jax.lax.map(lambda one: function(*target.split(one)), z, batch_size=BATCH))
        values = [np.asarray(v) for v in run(z)]
    groups: dict[str, np.ndarray] = {}
    for rv, value in zip(model.free_RVs, values, strict=True):
        name = "noise" if rv.name in own else "weights" if rv.name in target.weights else "scales"
        groups[name] = groups.get(name, 0.0) + value
    varying = [name for name in GROUPS if name in groups and np.ptp(groups[name]) > ROUNDING]
    return {name: _by_draw(groups[name], posterior) for name in varying}


def _quantities(
    bnn: BNN, forward: Forward, posterior: xr.Dataset, X: np.ndarray, labels: np.ndarray, rows: int
) -> dict[str, xr.DataArray]:
    """Return what is watched, by name: each a number for each draw."""
    some = spaced(len(X), MAX_ROWS)
    singled = set(some[spaced(len(some), rows)].tolist()) if rows else set()
    name = "p" if bnn.response.kind == "classes" else "mu"
    arrays = forward.allocate([name], len(some))
    forward.fill(X[some], arrays)
    values = arrays[name].astype(float)
    if values.ndim == 2:
        values, ends = values[..., None], [""]
    else:
        ends = [f" of {label}" for label in (bnn.response.classes or bnn.response.names)]
    if bnn.response.kind == "classes" and len(ends) == 2:
        values, ends = values[..., 1:], ends[1:]
    what = "probability" if name == "p" else "mean response"
    found = {}
    for i, end in enumerate(ends):
        found[f"{what}{end}"] = _by_draw(values[..., i].mean(axis=1), posterior)
        for at, row in enumerate(some):
            if int(row) in singled:
                found[f"{what}{end} at row {labels[row]}"] = _by_draw(values[:, at, i], posterior)
    target = Target.of(bnn, forward.precision)
    for one in (target.variables[i].name for i in target.own):
        flat = posterior[one].transpose("chain", "draw", ...).to_numpy()
        flat = flat.reshape(*flat.shape[:2], -1)
        labels = bnn.response.names if flat.shape[-1] == len(bnn.response.names) else range(flat.shape[-1])
        for i, label in enumerate(labels):
            end = "" if flat.shape[-1] == 1 else f" of {label}"
            found[f"{one}{end}"] = _by_draw(flat[..., i].ravel(), posterior)
    return found


def _by_draw(values: np.ndarray, posterior: xr.Dataset) -> xr.DataArray:
    shape = posterior.sizes["chain"], posterior.sizes["draw"]
    return xr.DataArray(np.reshape(values, shape), dims=("chain", "draw"))


def _scaled(values: xr.DataArray) -> xr.DataArray:
    """Centre and scale, so that the distance of distributions does not depend on the unit."""
    spread = values.std()
    return (values - values.mean()) / spread if spread > 0 else values * np.nan


def _sensitivity(tree: xr.DataTree, group: str, names: list[str]) -> np.ndarray:
    with quiet("arviz_stats", logging.ERROR), np.errstate(invalid="ignore", divide="ignore"):
        found = psense(tree, group=group, group_var_names=names)
    return np.asarray([float(found[name]) for name in tree["posterior"].data_vars])


def _unrelated(tree: xr.DataTree) -> list[xr.DataTree]:
    """Return trees whose quantities keep their distribution and autocorrelation, and lose the link to densities."""
    values = tree["posterior"].to_dataset()
    n = values.sizes["draw"]
    turns = np.linspace(0, n, SHIFTS + 2)[1:-1].round().astype(int)
    return [
        xr.DataTree.from_dict(
            {
                "posterior": values.roll(draw=int(turn), chain=i % values.sizes["chain"]),
                "log_prior": tree["log_prior"].to_dataset(),
                "log_likelihood": tree["log_likelihood"].to_dataset(),
            }
        )
        for i, turn in enumerate(turns)
    ]
