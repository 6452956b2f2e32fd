"""Fits of one model beside each other: what each approximation does to the predictions, against a reference."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import xarray as xr

from pbnn.assess.comparison_words import describe
from pbnn.assess.importance import gaussian_kl, k_hat
from pbnn.assess.pointwise import pointwise
from pbnn.assess.rows import read_draws, spaced
from pbnn.assess.scores import score_rows
from pbnn.errors import DataError, MethodError, unknown
from pbnn.graph.build import BNN
from pbnn.predict.angles import around, mean_direction
from pbnn.predict.forward import Forward
from pbnn.predict.rows import encode_rows

BINS = 20
"""Of equal probability, for the total variation of continuous predictions."""
QUANTILES = np.linspace(0.005, 0.995, 100)
LEVEL = 0.9
"""Of the intervals whose overlap is the agreement of continuous predictions."""


def compare(
    bnn: BNN,
    fits: Mapping[str, xr.DataTree],
    *,
    reference: str,
    X: Any = None,
    y: Any = None,
    seed: int = 0,
    max_points: int | None = 1000,
) -> xr.Dataset:
    """Compare fits of one model with a reference, in their predictions and where possible in weight space.

    Parameters
    ----------
    bnn
        The model.
    fits
        Fits of it by name.
    reference
        The name of the one to compare with, such as a long run of NUTS or MCLMC.
    X
        Inputs `(obs, feature)`; None takes the training inputs.
    y
        Responses there, for scores; None leaves scores out, unless `X` is None too.
    seed
        Of the draws of the response.
    max_points
        Look at no more inputs, evenly spaced; None looks at all.

    Returns
    -------
    xarray.Dataset
        By `fit` and `obs` (and `output`), against the reference:

        - `total_variation` of the predictive distributions, 0 to 1; `tv_by_chance` is what two sets of draws of one
          distribution would show;
        - `agreement`: overlap of the central 90 % intervals (intersection over union); of classes, whether the most
          probable one is the same (Izmailov et al. 2021, arXiv:2104.14421);
        - `wasserstein`: Wasserstein-2 distance of the predictive distributions, in the units of `y`; of classes, that
          of the distributions of the probabilities, averaged over classes;
        - `mean_difference`, in predictive standard deviations of the reference, of classes the largest difference of a
          probability; `sd_ratio` of the predictive standard deviations, of classes of the entropies;
        - `epistemic_ratio`: of the standard deviations of the mean response, or of the probabilities, over draws.

        By `fit`, the means over `obs` and, but of `wasserstein`, over `output`, under the name `mean_<measure>`;
        `k_hat`, Pareto shape of the importance weights (NaN for samplers); `kl`, Kullback–Leibler divergence from the
        reference where both are Gaussian (nats); and where `y` is known `lpd`, `lpd_difference` and its standard error
        `lpd_difference_se`, `coverage` of the 90 % intervals, or `ece` of classes. attrs: `reference`, `verdict`: how
        each fit fails, in words.

    Raises
    ------
    MethodError
        If `reference` names none of the fits, or there is no other.
    DataError
        If `y` is given without `X`.
    ModelError
        If a fit is of another model.
    """
    if reference not in fits:
        raise MethodError(unknown("compare", "reference", reference, fits))
    if len(fits) < 2:
        raise MethodError(f"compare: there is only {reference!r}; give at least one other fit.")
    if X is None and y is not None:
        raise DataError("compare: pass X with y.")
    inputs, _ = encode_rows(bnn, fits[reference], X, "compare")
    at = spaced(len(inputs), max_points)
    true = _view(bnn, fits[reference], inputs[at], seed)
    views = [
        true if name == reference else _view(bnn, idata, inputs[at], seed, true.centre)
        for name, idata in fits.items()
    ]
    measures = [_measure(view, true) for view in views]
    dims = ("fit", "obs", "output")[: 1 + true.epistemic.ndim]
    table = xr.Dataset(
        {
            name: (dims[: 1 + measures[0][name].ndim], np.stack([m[name] for m in measures]))
            for name in measures[0]
        },
        coords={"fit": list(fits), "obs": at},
        attrs={"reference": reference, "kind": bnn.response.kind},
    )
    if "output" in dims:
        table = table.assign_coords(output=list(bnn.response.names))
    for name in measures[0]:
        # Distances of outputs with different units have no mean.
        over = ["obs"] if name == "wasserstein" else [d for d in table[name].dims if d != "fit"]
        table[f"mean_{name}"] = (
            np.abs(table[name]).mean(over) if name == "mean_difference" else table[name].mean(over)
        )
    table["k_hat"] = ("fit", [_pareto_shape(idata) for idata in fits.values()])
    table["kl"] = ("fit", [gaussian_kl(bnn, idata, fits[reference]) for idata in fits.values()])
    table["reference_epistemic_sd"] = (dims[1:], true.epistemic)
    if y is not None or X is None:
        table = table.assign(_scores(bnn, fits, reference, X, y, seed))
    return table.assign_attrs(verdict=describe(table, {n: dict(i.attrs) for n, i in fits.items()}))


def _pareto_shape(idata: xr.DataTree) -> float:
    stats = idata["sample_stats"].to_dataset() if "sample_stats" in idata.children else xr.Dataset()
    found = k_hat(stats)
    return float("nan") if found is None else found


@final
@dataclass(frozen=True, slots=True)
class _View:
    """What a fit predicts at each input: draws `(draw, obs, ...)` and their moments; angles lie around `centre`."""

    kind: str
    y: np.ndarray | None
    p: np.ndarray | None
    mean: np.ndarray
    sd: np.ndarray
    epistemic: np.ndarray
    centre: np.ndarray | None = None


def _view(
    bnn: BNN, idata: xr.DataTree, inputs: np.ndarray, seed: int, centre: np.ndarray | None = None
) -> _View:
    forward, _ = read_draws(bnn, idata, "compare", seed)
    return _classes(forward, inputs) if bnn.response.kind == "classes" else _numbers(forward, inputs, centre)


def _numbers(forward: Forward, inputs: np.ndarray, centre: np.ndarray | None) -> _View:
    many = forward.with_many_responses()
    drawn = many.allocate(["y", "mu", "variance"], len(inputs))
    many.fill(inputs, drawn)
    y, mu, variance = (drawn[name].astype(float) for name in ("y", "mu", "variance"))
    if forward.bnn.response.circular:
        centre = mean_direction(y) if centre is None else centre
        y, mu = around(y, centre), around(mu, centre)
    epistemic = mu.std(axis=0)
    sd = np.sqrt(mu.var(axis=0) + variance.mean(axis=0))
    y = np.sort(y, axis=0)
    return _View(forward.bnn.response.kind, y, None, mu.mean(axis=0), sd, epistemic, centre)


def _classes(forward: Forward, inputs: np.ndarray) -> _View:
    drawn = forward.allocate(["p"], len(inputs))
    forward.fill(inputs, drawn)
    p = np.sort(drawn["p"].astype(float), axis=0)
    mean = p.mean(axis=0)
    entropy = -(mean * np.log(mean.clip(1e-300))).sum(axis=1)
    return _View("classes", None, p, mean, entropy, p.std(axis=0).mean(axis=1))


def _measure(view: _View, true: _View) -> dict[str, np.ndarray]:
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = {"sd_ratio": view.sd / true.sd, "epistemic_ratio": view.epistemic / true.epistemic}
    if view.p is not None and true.p is not None:
        return {
            "total_variation": 0.5 * np.abs(view.mean - true.mean).sum(axis=1),
            "tv_by_chance": 0.5 * np.sqrt(2 / np.pi) * _chance(view.p, true.p).sum(axis=1),
            "agreement": (view.mean.argmax(axis=1) == true.mean.argmax(axis=1)).astype(float),
            "wasserstein": _wasserstein(view.p, true.p).mean(axis=1),
            "mean_difference": np.abs(view.mean - true.mean).max(axis=1),
            **ratios,
        }
    assert view.y is not None
    assert true.y is not None
    tv, chance = _total_variation(view.y, true.y)
    return {
        "total_variation": tv,
        "tv_by_chance": chance,
        "agreement": _overlap(view.y, true.y),
        "wasserstein": _wasserstein(view.y, true.y),
        "mean_difference": (view.mean - true.mean) / true.sd,
        **ratios,
    }


def _chance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the standard error of a difference of means over independent draws."""
    return np.sqrt(a.var(axis=0) / len(a) + b.var(axis=0) / len(b))


def _total_variation(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the total variation of draws `(draw, ...)`, in bins of the second, and what it would be by chance."""
    edges = np.quantile(b, np.linspace(0, 1, BINS + 1)[1:-1], axis=0)
    shares = []
    for draws in (a, b):
        below = np.stack([(draws <= edge).mean(axis=0) for edge in edges])
        shares.append(np.diff(below, axis=0, prepend=0, append=1))
    size = 1 / len(a) + 1 / len(b)
    chance = 0.5 * np.sqrt(2 / np.pi * shares[1] * (1 - shares[1]) * size).sum(axis=0)
    return 0.5 * np.abs(shares[0] - shares[1]).sum(axis=0), chance


def _overlap(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    tails = [(1 - LEVEL) / 2, (1 + LEVEL) / 2]
    (low_a, high_a), (low_b, high_b) = np.quantile(a, tails, axis=0), np.quantile(b, tails, axis=0)
    common = np.minimum(high_a, high_b) - np.maximum(low_a, low_b)
    union = np.maximum(high_a, high_b) - np.minimum(low_a, low_b)
    # Of counts both intervals may be one point.
    return np.divide(common.clip(0), union, out=np.ones_like(union), where=union > 0)


def _wasserstein(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the Wasserstein-2 distance of one-dimensional distributions, by their quantiles."""
    difference = np.quantile(a, QUANTILES, axis=0) - np.quantile(b, QUANTILES, axis=0)
    return np.sqrt((difference**2).mean(axis=0))


def _scores(
    bnn: BNN, fits: Mapping[str, xr.DataTree], reference: str, X: Any, y: Any, seed: int
) -> dict[str, tuple[str, list[float]]]:
    rows = {name: pointwise(bnn, idata, X, y, seed=seed, levels=(LEVEL,)) for name, idata in fits.items()}
    scores = {name: score_rows(table) for name, table in rows.items()}
    differences = [(table["lpd"] - rows[reference]["lpd"]).to_numpy() for table in rows.values()]
    calibration = "ece" if bnn.response.kind == "classes" else "coverage"
    return {
        "lpd": ("fit", [float(s["lpd"]) for s in scores.values()]),
        "lpd_difference": ("fit", [float(d.mean()) for d in differences]),
        "lpd_difference_se": ("fit", [float(d.std(ddof=1) / np.sqrt(len(d))) for d in differences]),
        calibration: ("fit", [float(s[calibration].mean()) for s in scores.values()]),
    }
