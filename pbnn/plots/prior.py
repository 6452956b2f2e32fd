"""What the prior expects before it has seen data."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from pbnn.plots.expect import expect
from pbnn.plots.style import BLUE, GREY, ORANGE, axes_for, column_values, one_output, point_alpha

BINS = 40


def plot_prior(
    prior: xr.DataTree,
    X: Any = None,
    y: Any = None,
    *,
    output: str | None = None,
    n_draws: int = 30,
    ax: Axes | None = None,
) -> Axes:
    """Draw functions from the prior along the input, if there is but one; else what it expects of the response.

    Parameters
    ----------
    prior
        From `prior_predict`.
    X, y
        Training data, drawn beside it: `X` `(obs, 1)` or `(obs,)` where there is one input, and `y` `(obs,)`; not for
        a classifier.
    output
        Which output, if there are several.
    n_draws
        Number of functions.
    """
    expect(prior, "plot_prior", "pbnn.prior_predict", "prior_predictive/", "constant_data/X")
    ax = axes_for(ax)
    table = one_output(prior["prior_predictive"].to_dataset(), output)
    inputs = prior["constant_data"]["X"]
    classes = "p" in table
    if inputs.sizes["feature"] == 1:
        functions = table["p"].isel({"class": -1}) if classes else table["mu"]
        points = None if classes or X is None or y is None else (column_values(X), np.asarray(y))
        _functions(ax, functions, inputs.isel(feature=0), points, n_draws)
        ax.set_ylabel(f"P({table['class'].values[-1]})" if classes else output or "mean response")
    elif classes:
        _probabilities(ax, table["p"])
    else:
        _response(ax, table["y"], y)
        ax.set_xlabel(output or "response")
    ax.legend(loc="best")
    return ax


def _functions(
    ax: Axes, f: xr.DataArray, x: xr.DataArray, points: tuple[np.ndarray, np.ndarray] | None, n_draws: int
) -> None:
    order = np.argsort(x.to_numpy())
    lines = f.transpose("chain", "draw", "obs").to_numpy().reshape(-1, len(order))[:n_draws]
    for i, line in enumerate(lines):
        label = None if i else "drawn from the prior"
        ax.plot(x.to_numpy()[order], line[order], color=BLUE, lw=0.9, alpha=0.5, label=label)
    if points is not None:
        alpha = point_alpha(len(points[1]))
        ax.scatter(*points, s=14, color=ORANGE, alpha=alpha, linewidths=0, zorder=3, label="training data")
        _frame(ax, lines, points[1])
    ax.set_xlabel(str(x["feature"].item()))
    ax.margins(x=0.01)


def _response(ax: Axes, drawn: xr.DataArray, y: Any) -> None:
    values = drawn.to_numpy().ravel()
    low, high = np.quantile(values, [0.05, 0.95])
    observed = None if y is None else np.asarray(y, dtype=float).ravel()
    if observed is not None:
        low, high = min(low, observed.min()), max(high, observed.max())
    edges = np.linspace(low, high, BINS + 1)
    if observed is not None:
        ax.hist(observed, edges, density=True, color=ORANGE, alpha=0.55, label="training data")
    # The density is of all draws: what lies outside the axes is not spread over what lies inside.
    weights = np.full(len(values), 1 / (len(values) * (edges[1] - edges[0])))
    ax.hist(values, edges, weights=weights, color=BLUE, histtype="step", lw=1.6, label="drawn from the prior")
    ax.set_ylabel("density")


def _probabilities(ax: Axes, p: xr.DataArray) -> None:
    largest = p.max("class").to_numpy().ravel()
    ax.hist(largest, np.linspace(0, 1, 26), density=True, color=BLUE, alpha=0.8, edgecolor="white")
    ax.axvline(1 / p.sizes["class"], color=GREY, lw=1.2, ls="--", label="all classes alike")
    ax.set(xlabel="probability of the most probable class", ylabel="density", xlim=(0, 1))


def _frame(ax: Axes, lines: np.ndarray, y: np.ndarray) -> None:
    """Keep a few wild functions from flattening all the rest."""
    low, high = np.quantile(lines, [0.02, 0.98])
    low, high = min(low, y.min()), max(high, y.max())
    margin = 0.05 * (high - low)
    ax.set_ylim(low - margin, high + margin)
