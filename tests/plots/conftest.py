"""Small tables shaped like what `predict` and `assess` return."""

import matplotlib as mpl
import numpy as np
import pytest
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pbnn.plots.style import RC

N, CHAINS, DRAWS = 40, 3, 60
QUANTILES = [0.05, 0.25, 0.5, 0.75, 0.95]
CLASSES = ["a", "b", "c"]


@pytest.fixture
def ax() -> Axes:
    with mpl.rc_context(RC):
        return Figure(layout="constrained").subplots()


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def _predictions(summary: xr.Dataset, X: np.ndarray) -> xr.DataTree:
    names = [f"x{i}" for i in range(X.shape[1])]
    inputs = xr.Dataset({"X": (("obs", "feature"), X)}, coords={"feature": names})
    return xr.DataTree.from_dict({"predictions": summary, "predictions_constant_data": inputs})


@pytest.fixture
def curve(rng) -> xr.DataTree:
    """A summary along one input, whose rows are in no order."""
    x = rng.permutation(np.linspace(-2.0, 2.0, N))
    mean, sd = np.sin(x), 0.5 + 0 * x
    shift = np.linspace(-1.6, 1.6, 5)[:, None]
    table = {
        "mean": ("obs", mean),
        "sd": ("obs", sd),
        "epistemic_sd": ("obs", 0.3 * sd),
        "aleatoric_sd": ("obs", 0.9 * sd),
        "quantiles": (("quantile", "obs"), mean + shift * sd),
        "mu_quantiles": (("quantile", "obs"), mean + 0.3 * shift * sd),
    }
    return _predictions(xr.Dataset(table, coords={"quantile": QUANTILES}), x[:, None])


@pytest.fixture
def outputs(curve) -> xr.DataTree:
    """The same for two outputs, the second of which is twice the first."""
    first = curve["predictions"].to_dataset()
    both = xr.concat([first, 2 * first], dim="output").assign_coords(output=["u", "v"])
    return _predictions(both, curve["predictions_constant_data"]["X"].to_numpy())


def _class_summary(p: np.ndarray) -> xr.Dataset:
    entropy = -(p * np.log(p)).sum(axis=1)
    table = {
        "p": (("obs", "class"), p),
        "p_quantiles": (("quantile", "obs", "class"), np.stack([p * f for f in (0.8, 0.9, 1.0, 1.05, 1.1)])),
        "entropy": ("obs", entropy),
        "aleatoric_entropy": ("obs", 0.8 * entropy),
        "epistemic_entropy": ("obs", 0.2 * entropy),
    }
    return xr.Dataset(table, coords={"class": CLASSES, "quantile": QUANTILES})


@pytest.fixture
def class_curve(rng) -> xr.DataTree:
    return _predictions(_class_summary(rng.dirichlet(np.ones(3), N)), np.linspace(0, 1, N)[:, None])


@pytest.fixture
def class_map(rng) -> xr.DataTree:
    X = np.stack([a.ravel() for a in np.meshgrid(np.linspace(0, 1, 8), np.linspace(-1, 1, 5))], axis=1)
    return _predictions(_class_summary(rng.dirichlet(np.ones(3), len(X))), X)


@pytest.fixture
def rows(rng) -> xr.Dataset:
    """A table as `pointwise` returns it."""
    predicted = np.linspace(0, 10, N)
    observed = predicted + rng.normal(size=N)
    table = {
        "observed": ("obs", observed),
        "predicted": ("obs", predicted),
        "sd": ("obs", np.ones(N)),
        "epistemic_sd": ("obs", rng.uniform(0.1, 0.3, N)),
        "aleatoric_sd": ("obs", np.full(N, 0.9)),
        "standardized": ("obs", observed - predicted),
        "lower": (("level", "obs"), predicted - np.array([[0.7], [1.6]])),
        "upper": (("level", "obs"), predicted + np.array([[0.7], [1.6]])),
    }
    return xr.Dataset(table, coords={"level": [0.5, 0.9], "obs": np.arange(N)})


@pytest.fixture
def diagnosis(rng) -> xr.Dataset:
    table = {"r_hat": ("obs", 1 + 0.02 * rng.random(N)), "ess_bulk": ("obs", 300 + 200 * rng.random(N))}
    return xr.Dataset({**table, "ess_tail": table["ess_bulk"]})


@pytest.fixture
def idata(rng) -> xr.DataTree:
    """A fit with what ArviZ's figures read."""
    sample = {"chain": np.arange(CHAINS), "draw": np.arange(DRAWS)}
    shape = (CHAINS, DRAWS)
    stats = {
        "lp": (("chain", "draw"), rng.normal(size=shape)),
        "energy": (("chain", "draw"), rng.normal(size=shape)),
        "diverging": (("chain", "draw"), rng.random(shape) < 0.05),
    }
    y = rng.normal(size=N)
    drawn = rng.normal(size=(*shape, N))
    dims = ("chain", "draw", "obs")
    rows = {**sample, "obs": np.arange(N)}
    return xr.DataTree.from_dict(
        {
            "posterior": xr.Dataset({"w": (("chain", "draw"), rng.normal(size=shape))}, coords=sample),
            "sample_stats": xr.Dataset(stats, coords=sample),
            "observed_data": xr.Dataset({"y": ("obs", y)}, coords={"obs": rows["obs"]}),
            "posterior_predictive": xr.Dataset({"y": (dims, drawn)}, coords=rows),
            "log_likelihood": xr.Dataset({"y": (dims, -0.5 * y**2 + 0.1 * drawn)}, coords=rows),
            "optimization": xr.Dataset({"elbo": ("step", -100 * np.exp(-np.arange(200) / 20))}),
        }
    )


@pytest.fixture
def counted(idata, rng) -> xr.DataTree:
    """The same with counts."""
    tree = idata.copy()
    for group in ("observed_data", "posterior_predictive"):
        table = tree[group].to_dataset()
        table["y"] = table["y"].copy(data=rng.poisson(4, table["y"].shape).astype(float))
        tree[group] = xr.DataTree(table)
    return tree
