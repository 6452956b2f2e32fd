"""How each fit differs from the reference, in words."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

NARROW, WIDE = 0.8, 1.25
"""Ratios of standard deviations that are worth a word."""
SHIFTED = 0.2
"""Of a mean, in predictive standard deviations; of a probability, absolute."""
SIGNIFICANT, SLIGHT = 2.0, 0.02
"""A difference of scores is worth a word beyond so many standard errors, and so many nats a row."""
LEAST_SURE = 0.75
"""Quantile of the reference's own uncertainty beyond which inputs count as far from the data."""
WORST = 3
"""Inputs that are named."""


def describe(table: xr.Dataset, attrs: Mapping[str, Mapping[str, Any]]) -> str:
    """Return a paragraph for each fit but the reference."""
    reference = table.attrs["reference"]
    names = [str(n) for n in table["fit"].to_numpy() if n != reference]
    return "\n".join(f"{name}: {_one(table.sel(fit=name), attrs[name], reference)}" for name in names)


def _one(fit: xr.Dataset, attrs: Mapping[str, Any], reference: str) -> str:
    classes = fit.attrs["kind"] == "classes"
    of = "probabilities" if classes else "mean response"
    said = []
    own = fit["reference_epistemic_sd"].to_numpy()
    far = own >= np.quantile(own, LEAST_SURE, axis=0)
    ratio = fit["epistemic_ratio"].to_numpy()
    near_ratio, far_ratio = (_median(ratio[here]) for here in (~far, far))
    said += _spread(near_ratio, far_ratio, reference)
    shift = np.abs(fit["mean_difference"].to_numpy())
    if np.quantile(shift, 0.9) > SHIFTED:
        unit = "" if classes else " predictive standard deviations"
        differ = "differ" if classes else "differs"
        said.append(f"its {of} {differ} by {np.quantile(shift, 0.9):.2g}{unit} or more at one input in ten")
    said += _cause(attrs, far_ratio)
    said += _score(fit, reference)
    if not said:
        excess = max(0.0, float(fit["mean_total_variation"] - fit["mean_tv_by_chance"]))
        said.append(
            f"no difference from {reference} that matters (total variation {excess:.2g} above chance)"
        )
    worst = _worst(fit)
    text = "; ".join(said)
    return f"{text}. It differs most at rows {', '.join(map(str, worst))}."


def _spread(near: float, far: float, reference: str) -> list[str]:
    if not (np.isfinite(near) and np.isfinite(far)):
        return []
    if near == 0 and far == 0:
        return ["it has no uncertainty of the weights at all: a point"]
    if far < NARROW and near < NARROW:
        return [
            f"over-confident throughout: its epistemic sd is {near:.2f} of {reference}'s where that is sure, and "
            f"{far:.2f} where it is not"
        ]
    if far < NARROW:
        return [f"over-confident away from the data, where its epistemic sd is {far:.2f} of {reference}'s"]
    if far > WIDE and near > WIDE:
        return [
            f"under-confident throughout: its epistemic sd is {near:.2f} times {reference}'s where that is sure, and "
            f"{far:.2f} times where it is not"
        ]
    if far > WIDE:
        return [
            f"under-confident away from the data, where its epistemic sd is {far:.2f} times {reference}'s"
        ]
    if near < NARROW:
        return [f"over-confident near the data, where its epistemic sd is {near:.2f} of {reference}'s"]
    if near > WIDE:
        return [f"under-confident near the data, where its epistemic sd is {near:.2f} times {reference}'s"]
    return []


def _cause(attrs: Mapping[str, Any], far: float) -> list[str]:
    """Say what is known of the method that explains a failure which was seen."""
    method = str(attrs.get("method", ""))
    if method in ("laplace", "advi", "gauss-newton-vi", "map") and far < NARROW:
        return ["it knows one mode of the weights only"]
    if method == "laplace" and far > WIDE and json.loads(attrs["options"])["predictive"] == "mc":
        return ["its draws leave the range in which the network is linear: predictive='glm' is made for that"]
    return []


def _score(fit: xr.Dataset, reference: str) -> list[str]:
    if "lpd_difference" not in fit:
        return []
    difference, error = float(fit["lpd_difference"]), float(fit["lpd_difference_se"])
    if not np.abs(difference) > max(SIGNIFICANT * error, SLIGHT):
        return []
    better = "better" if difference > 0 else "worse"
    return [
        f"its log predictive density is {better} than {reference}'s by {abs(difference):.2g} ± {error:.1g} nats a row"
    ]


def _worst(fit: xr.Dataset) -> list[int]:
    tv = fit["total_variation"]
    over = [d for d in tv.dims if d != "obs"]
    order = np.argsort(-(tv.max(over) if over else tv).to_numpy(), kind="stable")[:WORST]
    return [int(o) for o in fit["obs"].to_numpy()[order]]


def _median(values: np.ndarray) -> float:
    values = values[np.isfinite(values)]
    return float(np.median(values)) if values.size else float("nan")
