"""Draw the figures of README.md: `python docs/figures.py`."""

import base64
import json
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.figure import Figure

import pbnn
from pbnn import likelihoods, priors
from pbnn.cli.demo import METHOD, NETWORK
from pbnn.plots.bands import plot_bands

OUT = Path(__file__).resolve().parent / "img"
NOTEBOOK = OUT.parents[1] / "notebooks" / "07_tuning.ipynb"


def bands() -> None:
    """Fit the network of `pbnn demo` to all its data, and draw its bands a little beyond them."""
    data = pbnn.datasets.load_motorcycle()
    bnn = pbnn.build(NETWORK, data.X, data.y)
    idata = pbnn.fit(bnn, pbnn.NUTS(**METHOD), seed=1)
    times = data.X["time"]
    grid = data.X.iloc[[0]].reindex(range(300))
    grid["time"] = np.linspace(times.min() - 3, times.max() + 12, 300)
    pred = pbnn.predict(bnn, idata, grid, seed=2, kind="summary")
    with matplotlib.rc_context({"font.size": 10, "svg.fonttype": "path"}):
        figure = Figure(figsize=(7.2, 3.8), layout="constrained")
        plot_bands(pred, X=data.X, y=data.y, ax=figure.add_subplot()).set_ylabel("acceleration (g)")
        figure.savefig(OUT / "bands.png", dpi=110)


def calibrated() -> None:
    """Draw functions from a prior before and after it was told how functions should look."""
    X = np.linspace(0, 10, 80)[:, None]
    y = 20 + 20 * np.sin(X[:, 0])  # only its units count
    plain = pbnn.Network(
        [pbnn.Dense(50), pbnn.Dense(50)],
        likelihoods.Gaussian(),
        weights=priors.Normal(),
        biases=priors.Normal(),
    )
    said = priors.elicit(x_changes_over=3.0, response_between=(0, 40))
    found = priors.calibrate(plain, X, said, y, seed=1)
    with matplotlib.rc_context({"font.size": 10, "svg.fonttype": "path"}):
        figure = Figure(figsize=(9, 3.2), layout="constrained")
        axes = figure.subplots(1, 2)
        for ax, network, title in zip(
            axes, (plain, found.network), ("N(0, 1) on all weights", "calibrated"), strict=True
        ):
            bnn = pbnn.build(network, X, y)
            functions = pbnn.prior_predict(bnn, draws=25, seed=3)["prior_predictive"]["mu"].squeeze("chain")
            ax.plot(X[:, 0], functions.T, color="C0", linewidth=0.8, alpha=0.7)
            ax.axhspan(0, 40, color="0.92", zorder=0)
            ax.set(title=title, xlabel="x")
        axes[0].set_ylabel("response")
        figure.savefig(OUT / "calibrated_prior.png", dpi=110)


def search() -> None:
    """Take the course of the search from the notebook that tunes a classifier, as it was run last."""
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    shown = next(cell for cell in cells if "plots.plot_history(" in "".join(cell["source"]))
    picture = next(output["data"]["image/png"] for output in shown["outputs"] if "data" in output)
    (OUT / "search.png").write_bytes(base64.b64decode(picture))


def main() -> None:
    """Draw all."""
    OUT.mkdir(exist_ok=True)
    bands()
    calibrated()
    search()


if __name__ == "__main__":
    main()
