"""The code that CONTRIBUTING.md shows works: a layer, a method and a figure, added as it says."""

import re
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, final

import jax
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import pbnn
from pbnn import likelihoods
from pbnn.graph import layers as graph_layers
from pbnn.infer import methods
from pbnn.infer import run as infer_run
from pbnn.plots import style
from pbnn.spec import layers as spec_layers
from pbnn.spec.priors import Normal
from pbnn.target import Target

TEXT = (Path(__file__).resolve().parent.parent / "CONTRIBUTING.md").read_text()


def snippets(title: str) -> list[str]:
    """Return the Python code under a heading."""
    section = TEXT.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    found = re.findall(r"```python\n(.*?)```", section, flags=re.DOTALL)
    assert found, f"CONTRIBUTING.md shows no code under {title!r}"
    return found


def execute(code: str, **names: Any) -> dict[str, Any]:
    """Run code that sees `names`, as if it stood in the file that the text names."""
    space = {**names, "__name__": __name__}
    exec(code, space)
    return space


@pytest.fixture
def bnn():
    X = np.linspace(-1, 1, 20)[:, None]
    return pbnn.build(pbnn.Network([pbnn.Dense(3)], likelihoods.Gaussian()), X, np.sin(3 * X[:, 0]))


def test_layer(monkeypatch):
    spec, meaning = snippets("Add a layer")
    layer = execute(spec, final=final, dataclass=dataclass)["Dropless"]
    monkeypatch.setitem(spec_layers.LAYERS, layer.__name__, layer)
    execute(
        meaning,
        **{
            **vars(graph_layers),
            "replace": replace,
            "layers": SimpleNamespace(Dropless=layer),
            "Normal": Normal,
        },
    )

    net = pbnn.Network([pbnn.Dense(3), layer(2.0)], likelihoods.Gaussian())
    assert pbnn.Network.from_json(net.to_json()) == net
    X = np.linspace(-1, 1, 20)[:, None]
    bnn = pbnn.build(net, X, np.sin(3 * X[:, 0]))
    idata = pbnn.fit(bnn, pbnn.MAP(starts=1), seed=1)
    assert idata["posterior"]["h1_gain"].dims == ("chain", "draw", "h0_unit")


def test_method(bnn, monkeypatch):
    (code,) = snippets("Add a method")

    @final
    @dataclass(frozen=True, slots=True)
    class PriorDraws:
        draws: int = 50
        precision: str = "float64"

    monkeypatch.setattr(methods, "METHODS", {**methods.METHODS, "prior": PriorDraws})
    execute(code, **{**vars(infer_run), "PriorDraws": PriorDraws, "jax": jax, "np": np, "Target": Target})

    idata = pbnn.fit(bnn, PriorDraws(), seed=1)
    assert idata.attrs["method"] == "prior"
    assert dict(idata["sample_stats"]["lp"].sizes) == {"chain": 1, "draw": 50}


def test_figure():
    (code,) = snippets("Add a figure")
    import xarray as xr

    plot = execute(code, **{**vars(style), "Axes": Axes, "xr": xr})["plot_entropy"]
    ax = plot(xr.Dataset({"entropy": ("obs", np.linspace(0, 0.7, 9))}), ax=Figure().subplots())
    assert ax.get_xlabel() == "entropy of the prediction (nats)"
    assert sum(bar.get_height() for bar in ax.patches) == 9
