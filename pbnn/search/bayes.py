"""Full Bayes over a surrogate's hyperparameters: the Gaussian process as a `pm.Model`, fitted by the toolkit itself."""

from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import xarray as xr
from optuna import Study

from pbnn.infer import NUTS, fit
from pbnn.search.gp import JITTER, Rows, fit_surrogate
from pbnn.search.hyperparameters import Hyperparameters, prior, sizes, unpack, warped
from pbnn.search.inputs import Inputs, Layout
from pbnn.search.kernel import EDGE, ONE
from pbnn.search.soften import Softening, soften
from pbnn.search.told import Told, inputs_of, no_score, read
from pbnn.threads import one_blas_thread

KEPT = 16
"""Draws that a surrogate holds: one Cholesky factor each."""
METHOD = NUTS(draws=250, tune=250, chains=2, target_accept=0.8)
"""For the surrogate inside a search, which asks for tens of draws rather than for thousands."""


def gp_model(rows: Rows, names: list[str] | None = None) -> pm.Model:
    """Return the surrogate as a `pm.Model` of standardised scores, with the function integrated out.

    Free variables are those of `Hyperparameters`; `score` is observed.
    """
    layout, n = rows.layout, int(np.sum(rows.mask))
    names = names or [f"x{j}" for j in range(len(layout.choices))]
    loc, scale = (unpack(v, layout) for v in prior(layout))
    shaped = [names[j] for j in warped(layout)]
    coords = {
        "input": [*names, *(f"has {names[j]}" for j in layout.gates)],
        "warped": shaped,
        "trial": np.arange(n),
    }
    dims = Hyperparameters("input", "warped", "warped", None, None, None)
    with pm.Model(coords={name: values for name, values in coords.items() if len(values)}) as model:
        h = Hyperparameters(
            *(
                pm.Normal(name, getattr(loc, name), getattr(scale, name), dims=getattr(dims, name))
                if size
                else None
                for name, size in zip(Hyperparameters._fields, sizes(layout), strict=True)
            )
        )
        z = _embed(h, np.asarray(rows.x)[:n], np.asarray(rows.active)[:n], layout)
        size = (z**2).sum(1)[:, None] + (z**2).sum(1)
        square = pt.maximum(size - 2 * z @ z.T, 0.0)
        # Off zero by less than rounding shows in the correlation, for the root has no slope there.
        r = pt.sqrt(5 * square + 1e-16)
        k = pt.exp(h.log_amplitude) * (1 + r + r**2 / 3) * pt.exp(-r)
        cov = k + np.asarray(rows.noise)[:n, :n] + JITTER * np.eye(n)
        if layout.parts:
            same, share = square <= ONE * (1 + size), np.asarray(rows.share)[:n]
            own = pt.exp(h.log_nugget) * same
            on_a_part = pt.exp(h.log_common) + pt.exp(h.log_own) * k + own
            cov = cov + own / layout.parts + share @ share.T * on_a_part
        elif not layout.exact:
            cov = cov + pt.exp(h.log_nugget) * pt.eye(n)
        pm.MvNormal("score", h.mean * pt.ones(n), cov=cov, observed=np.asarray(rows.y)[:n], dims="trial")
    return model


def _embed(h: Hyperparameters, x: np.ndarray, active: np.ndarray, layout: Layout) -> Any:
    """Say in PyTensor what `kernel.embed` says in JAX."""
    rate = pt.exp(-h.log_length)
    parts = []
    for j in layout.numeric:
        column = pt.as_tensor(x[:, j])
        if j in warped(layout):
            w = warped(layout).index(j)
            inner = np.log(EDGE + (1 - 2 * EDGE) * x[:, j])
            column = -pt.expm1(pt.exp(h.log_b[w]) * pt.log(-pt.expm1(pt.exp(h.log_a[w]) * inner)))
        parts.append(((column - 0.5) * rate[j] * active[:, j])[:, None])
    for j in layout.categorical:
        choice = np.eye(layout.choices[j])[x[:, j].astype(int)] * active[:, [j]]
        parts.append(choice * rate[j] / 2**0.5)
    parts += [(active[:, j] * rate[len(layout.choices) + g])[:, None] for g, j in enumerate(layout.gates)]
    return pt.concatenate(parts, axis=1)


def draw_hyperparameters(
    rows: Rows, seed: int, method: NUTS = METHOD, names: list[str] | None = None
) -> tuple[xr.DataTree, np.ndarray]:
    """Draw hyperparameters by NUTS: the fit, and `KEPT` of its draws as vectors `(h, p)`, evenly spaced."""
    with one_blas_thread():
        idata = fit(gp_model(rows, names), method, seed=seed, progress=False)
    theta = vectors(idata, rows.layout)
    keep = np.linspace(0, len(theta) - 1, min(KEPT, len(theta))).round().astype(int)
    return idata, theta[keep]


def vectors(idata: xr.DataTree, layout: Layout) -> np.ndarray:
    """Return all draws as vectors `(chain * draw, p)`."""
    draws = idata["posterior"]
    columns = [
        draws[name].to_numpy().reshape(draws.sizes["chain"] * draws.sizes["draw"], -1)
        for name, size in zip(Hyperparameters._fields, sizes(layout), strict=True)
        if size
    ]
    return np.concatenate(columns, axis=1)


def surrogate(
    study: Study, *, inputs: Inputs | None = None, method: NUTS = NUTS(draws=500, tune=500), seed: int = 0
) -> xr.DataTree:
    """Fit the surrogate of a study by full Bayes, for diagnostics of ArviZ: R-hat, predictive checks, pictures.

    Parameters
    ----------
    study
        Of Optuna, with scores that count (`pbnn.search.told.read`).
    inputs
        By default those that the study says.
    method
        How to draw.
    seed
        Of the draws.

    Returns
    -------
    DataTree
        As of `fit`: `posterior` has the hyperparameters, by `input`; `observed_data` the `score` of each `trial`,
        larger being better, in its own units; `posterior_predictive` replicates of it: other functions of the same
        kind, with other noise. `constant_data` has the points, `x` and `active`, and the known `noise_sd` of scores.
        Scores were softened for the fit (`pbnn.search.soften`), and are here as they were.

    Raises
    ------
    DataError
        If no trial counts.

    Examples
    --------
    >>> import optuna, pbnn
    >>> optuna.logging.set_verbosity(optuna.logging.WARNING)
    >>> study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(seed=1))
    >>> study.optimize(lambda trial: -trial.suggest_float("x", 0, 1) ** 2, n_trials=8)
    >>> idata = surrogate(study, method=pbnn.NUTS(draws=200, tune=200, chains=1))
    >>> idata["posterior_predictive"]["score"].dims
    ('chain', 'draw', 'trial')
    """
    inputs = inputs_of(study) if inputs is None else inputs
    told = read(study, inputs)
    if not told.trials:
        raise no_score(study)
    softened, bend = soften(told.observations[0])
    first = fit_surrogate(inputs, softened)
    idata, _ = draw_hyperparameters(first.rows, seed, method, list(inputs.names))
    return _in_own_units(idata, told, first, bend, seed)


def _in_own_units(idata: xr.DataTree, known: Told, fitted: Any, bend: Softening, seed: int) -> xr.DataTree:
    import jax

    from pbnn.search.gp import condition

    told, inputs, n = known.observations[0], fitted.inputs, len(known.trials)
    draws = idata["posterior"].sizes
    theta = vectors(idata, fitted.rows.layout)
    rng = np.random.default_rng(seed)
    replicates = []
    # A few draws at a time: a factor of each in memory would be too much.
    with jax.enable_x64(True):
        for some in np.array_split(theta, -(-len(theta) // 32)):
            chol = np.asarray(condition(some, fitted.rows).chol)[:, :n, :n]
            mean = unpack(some, fitted.rows.layout).mean
            replicates.append(mean[:, None] + np.einsum("hij,hj->hi", chol, rng.normal(size=(len(some), n))))
    replicate = np.concatenate(replicates).reshape(draws["chain"], draws["draw"], n)
    score = bend.back(fitted.loc + fitted.scale * replicate)
    coords = {"trial": [t.number for t in known.trials]}
    sample = {name: idata["posterior"][name] for name in ("chain", "draw")}
    idata["observed_data"] = xr.DataTree(xr.Dataset({"score": ("trial", told.y)}, coords=coords))
    idata["posterior_predictive"] = xr.DataTree(
        xr.Dataset({"score": (("chain", "draw", "trial"), score)}, coords={**coords, **sample})
    )
    points = {
        "x": (("trial", "parameter"), told.points.x),
        "active": (("trial", "parameter"), told.points.active),
        "noise_sd": ("trial", np.sqrt(np.diag(told.noise))),
    }
    idata["constant_data"] = xr.DataTree(
        xr.Dataset(points, coords={**coords, "parameter": list(inputs.names)})
    )
    idata.attrs |= {"score_loc": fitted.loc, "score_scale": fitted.scale}
    idata.attrs |= {"softened_below": bend.median, "softened_width": bend.width}
    return idata
