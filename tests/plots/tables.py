"""Tables of `assess`, small: those that need no fit are made by it, the others look like what it makes."""

import numpy as np
import xarray as xr
from scipy import stats

from pbnn.assess import (
    by_group,
    class_calibration,
    class_table,
    coverage,
    pit_ecdf,
    reliability,
    risk_coverage,
    separation,
)


def number_rows(n: int = 200, spread: float = 1.0, seed: int = 0) -> xr.Dataset:
    """Rows of a regression whose intervals are too narrow if `spread` is above 1."""
    rng = np.random.default_rng(seed)
    sd = rng.uniform(0.5, 2.0, n)
    z = spread * rng.normal(size=n)
    columns = {
        "pit": stats.norm.cdf(z),
        "standardized": z,
        "residual": z * sd,
        "sd": sd,
        "lpd": stats.norm.logpdf(z),
    }
    return xr.Dataset({name: ("obs", v) for name, v in columns.items()}, attrs={"kind": "continuous"})


def class_rows(n: int = 300, classes: int = 3, sharpen: float = 1.0, seed: int = 0) -> xr.Dataset:
    """Rows of a classifier that is overconfident if `sharpen` is above 1."""
    rng = np.random.default_rng(seed)
    truth = rng.dirichlet([1.0] * classes, size=n)
    codes = (rng.uniform(size=(n, 1)) > truth.cumsum(axis=1)).sum(axis=1)
    p = truth**sharpen
    p /= p.sum(axis=1, keepdims=True)
    table = class_table(p, codes, np.array([f"c{i}" for i in range(classes)]))
    table["lpd"] = ("obs", np.log(p[np.arange(n), codes]))
    return table


def groups(n: int = 4, spread: float = 1.0) -> xr.Dataset:
    """Coverage by group; the last group has one row."""
    rows = number_rows(60 * n, spread)
    names = np.array([f"g{i}" for i in np.arange(60 * n) % n], dtype=object)
    names[-1] = "single"
    return by_group(rows, names)


def class_groups() -> xr.Dataset:
    return by_group(class_rows(sharpen=3.0), np.arange(300) % 3)


def classes(n: int = 3) -> xr.Dataset:
    return class_calibration(class_rows(max(300, 6 * n), n, sharpen=3.0), bins=4)


def risk(of_classes: bool = False) -> xr.Dataset:
    return risk_coverage(class_rows() if of_classes else number_rows())


def curve(spread: float = 1.0) -> xr.Dataset:
    return pit_ecdf(number_rows(spread=spread))


def levels() -> xr.Dataset:
    return coverage(number_rows())


def frequencies() -> xr.Dataset:
    return reliability(class_rows(sharpen=2.0))


def ranks() -> xr.Dataset:
    """What `sbc` gives of three quantities, two of which are wrong."""
    point = np.linspace(0.05, 0.95, 19)
    curves = np.stack([np.full(19, 0.3), np.full(19, 0.25), np.zeros(19)])
    columns = {
        "ecdf_difference": (("quantity", "point"), curves),
        "p_value": ("quantity", [0.001, 0.002, 0.5]),
        "lower": ("point", np.full(19, -0.1)),
        "upper": ("point", np.full(19, 0.1)),
    }
    names = ["noise", "mu[0]", "mu[1]"]
    return xr.Dataset(columns, coords={"quantity": names, "point": point}, attrs={"level": 0.95})


def familiar(measures: int = 3) -> xr.Dataset:
    rng = np.random.default_rng(1)
    unknown = np.arange(150) >= 100
    scores = {f"measure_{i}": rng.gamma(2.0, size=150) * (1 + i * unknown) for i in range(measures)}
    return separation(scores, unknown, resamples=20)


def uncertainty_map(even: bool = False) -> xr.Dataset:
    x, z = np.linspace(-2, 2, 9), np.linspace(0, 1, 7)
    epistemic = 0.1 + np.add.outer(x**2, z)
    aleatoric = np.full((9, 7), 0.5) if even else 0.5 + 0.1 * np.add.outer(x, z)
    parts = {"epistemic": epistemic, "aleatoric": aleatoric, "total": np.hypot(epistemic, aleatoric)}
    return xr.Dataset(
        {name: (("speed", "load"), values, {"units": "y"}) for name, values in parts.items()},
        coords={"speed": x, "load": z},
        attrs={"at": "heat = 20"},
    )


def intervals(n: int = 30, endless: int = 0) -> xr.Dataset:
    middle = np.random.default_rng(2).normal(size=n)
    lower, upper = middle - 1.5, middle + 1.5
    lower[:endless], upper[:endless] = -np.inf, np.inf
    return xr.Dataset({"lower": ("obs", lower), "upper": ("obs", upper)}, attrs={"level": 0.9})


def sets() -> xr.Dataset:
    contains = np.arange(3) < np.array([0, 1, 1, 2, 3])[:, None]
    table = xr.Dataset({"contains": (("obs", "class"), contains)}, coords={"class": ["a", "b", "c"]})
    return table.assign(size=table["contains"].sum("class")).assign_attrs(level=0.9)


def models(n: int = 3) -> xr.Dataset:
    columns = {
        "elpd_difference": -6.0 * np.arange(n),
        "difference_se": 2.0 * np.minimum(np.arange(n), 2),
        "stacking": np.r_[0.7, np.full(n - 1, 0.3 / max(n - 1, 1))],
        "pseudo_bma": np.full(n, 1 / n),
        "n_bad": (np.arange(n) == 1).astype(int),
    }
    return xr.Dataset(
        {name: ("model", values) for name, values in columns.items()},
        coords={"model": [f"net{i}" for i in range(n)]},
    )


def left_out() -> xr.Dataset:
    k = np.random.default_rng(3).uniform(-0.1, 0.8, 40)
    return xr.Dataset({"pareto_k": ("obs", k)}, coords={"obs": np.arange(40)}, attrs={"k_threshold": 0.7})


def search_history(n: int = 12, direction: str = "maximize") -> xr.Dataset:
    """A search that gets better, with one bad corner and two failures."""
    sign = -1.0 if direction == "minimize" else 1.0
    score = np.linspace(0, 2, n) + np.where(np.arange(n) % 2, 0.3, -0.3)
    score[3] = -80.0
    columns = {
        "score": sign * score,
        "noise_sd": np.full(n, 0.3),
        "luckiest": sign * np.maximum.accumulate(score),
        "incumbent": np.maximum(np.arange(n) - 1, 0),
        "mean": sign * np.linspace(0, 1.9, n),
        "sd": np.linspace(0.5, 0.2, n),
        "lower": sign * np.linspace(0, 1.9, n) - 0.5,
        "upper": sign * np.linspace(0, 1.9, n) + 0.5,
        "hindsight": sign * np.linspace(0, 1.9, n),
    }
    return xr.Dataset(
        {name: ("trial", values) for name, values in columns.items()},
        coords={"trial": np.arange(n)},
        attrs={"direction": direction, "not_counted": [n, n + 1], "how": "map", "prob": 0.9},
    )


def parameters(n: int = 3) -> xr.Dataset:
    """Importance of parameters."""
    total = 0.6 / (1 + np.arange(n))
    ends = np.stack([0.8 * total, 1.2 * total], axis=1)
    return xr.Dataset(
        {
            "total": ("parameter", total),
            "total_interval": (("parameter", "bound"), ends),
            "main": ("parameter", 0.7 * total),
            "main_interval": (("parameter", "bound"), 0.7 * ends),
        },
        coords={"parameter": [f"h{i}_units" for i in range(n)], "bound": ["lower", "upper"]},
        attrs={"prob": 0.9, "how": "map", "sd": 0.4},
    )


def along() -> xr.Dataset:
    """Slices along a width, on a log scale, and along an activation."""
    width = np.geomspace(8, 128, 5)
    columns = {
        "value": [width, [0, 1, *[np.nan] * 3]],
        "mean": [np.linspace(0, 2, 5), [1.0, 2.0, *[np.nan] * 3]],
        "lower": [np.linspace(-0.3, 1.7, 5), [0.7, 1.7, *[np.nan] * 3]],
        "upper": [np.linspace(0.3, 2.3, 5), [1.3, 2.3, *[np.nan] * 3]],
        "label": [[f"{w:.0f}" for w in width], ["relu", "tanh", "", "", ""]],
    }
    return xr.Dataset(
        {name: (("parameter", "place"), values) for name, values in columns.items()}
        | {
            "trial_value": (("trial", "parameter"), [[8, 0], [20, 1], [np.nan, 1], [60, 0]]),
            "score": ("trial", [0.1, 1.0, 1.2, -50.0]),
            "noise_sd": ("trial", [0.2] * 4),
            "log": ("parameter", [True, False]),
            "categorical": ("parameter", [False, True]),
            "base": ("parameter", [1, 1]),
        },
        coords={"parameter": ["width", "act"], "trial": [0, 1, 2, 3]},
        attrs={"direction": "maximize", "how": "map", "prob": 0.9},
    )


def across(n: int = 9) -> xr.Dataset:
    """Trials across three parameters, the last of which some do not have."""
    place = np.random.default_rng(4).random((n, 3))
    place[::2, 2] = np.nan
    return xr.Dataset(
        {
            "place": (("trial", "parameter"), place),
            "score": ("trial", -np.arange(n) / n),
            "mean": ("trial", -np.arange(n) / n),
            "sd": ("trial", np.full(n, 0.1)),
            "tick_place": (("parameter", "tick"), [[0, 0.5, 1], [0, 1, np.nan], [0, 0.5, 1]]),
            "label": (("parameter", "tick"), [["8", "32", "128"], ["relu", "tanh", ""], ["8", "32", "128"]]),
        },
        coords={"trial": np.arange(n)[::-1], "parameter": ["h0_units", "activation", "h1_units"]},
        attrs={"direction": "maximize", "how": "map"},
    )


def candidates(n: int = 4) -> xr.Dataset:
    """The best of a search; one was not tried."""
    columns = {
        "score": [1.4, 1.9, np.nan, 1.0],
        "mean": [1.5, 1.4, 1.3, 1.0],
        "sd": [0.2, 0.3, 0.4, 0.2],
        "p_best": [0.45, 0.3, 0.2, 0.01],
        "regret": [0.1, 0.2, 0.3, 0.6],
    }
    return xr.Dataset(
        {name: ("trial", values[:n]) for name, values in columns.items()},
        coords={"trial": [7, 2, -1, 5][:n]},
        attrs={"n": 12, "chosen": "width=64"},
    )
