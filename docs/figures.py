"""Draw the figures of README.md: `python docs/figures.py`."""

from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.figure import Figure

import pbnn
from pbnn.cli.demo import METHOD, NETWORK
from pbnn.plots.bands import plot_bands

OUT = Path(__file__).resolve().parent / "img"


def main() -> None:
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
        OUT.mkdir(exist_ok=True)
        figure.savefig(OUT / "bands.png", dpi=110)


if __name__ == "__main__":
    main()
