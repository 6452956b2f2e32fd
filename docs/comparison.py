"""Write the page `comparison.md`: what each method does on the data set of the demo. `python docs/comparison.py`."""

from pathlib import Path

import matplotlib
import numpy as np
import xarray as xr
from matplotlib.figure import Figure

import pbnn
from pbnn.cli.demo import METHOD, NETWORK
from pbnn.plots import plot_bands, plot_comparison

HERE = Path(__file__).resolve().parent
METHODS = {
    "nuts": pbnn.NUTS(**METHOD),
    "mclmc": pbnn.MCLMC(),
    "laplace, full": pbnn.Laplace("full"),
    "laplace, diag": pbnn.Laplace("diag"),
    "gauss-newton vi": pbnn.GaussNewtonVI("full"),
    "advi": pbnn.ADVI(),
    "ensemble": pbnn.Ensemble(members=10),
}
COLUMNS = {
    "mean_total_variation": "total variation",
    "mean_agreement": "overlap of 90 % intervals",
    "mean_wasserstein": "Wasserstein-2 (g)",
    "mean_sd_ratio": "predictive sd, ratio",
    "mean_epistemic_ratio": "epistemic sd, ratio",
    "k_hat": "k-hat",
    "seconds": "seconds",
}
TEXT = """# What each approximation does

The network of `pbnn demo` on its data, fitted by seven methods, each compared with NUTS at 200 inputs, from a little
before the data to well beyond them. This page is made by `python docs/comparison.py`; the calls are

```python
table = pbnn.compare(bnn, fits, reference="nuts", X=grid)
print(table.attrs["verdict"])
```

{table}

Total variation between two sets of draws of one distribution would be {chance:.2f} by chance.

## In words

{words}

## In pictures

![Bands of seven methods](img/comparison_bands.png)

The epistemic standard deviation of each against that of NUTS, at each input; left of the line a method is
over-confident:

![Ratio of epistemic standard deviations](img/comparison_ratio.png)
"""


def main() -> None:
    """Fit, compare, and write."""
    data = pbnn.datasets.load_motorcycle()
    bnn = pbnn.build(NETWORK, data.X, data.y)
    fits = {name: pbnn.fit(bnn, method, seed=1) for name, method in METHODS.items()}
    times = data.X["time"]
    grid = data.X.iloc[[0]].reindex(range(200))
    grid["time"] = np.linspace(times.min() - 3, times.max() + 12, 200)
    table = pbnn.compare(bnn, fits, reference="nuts", X=grid)
    table["seconds"] = ("fit", [fit.attrs["wall_time"] for fit in fits.values()])
    words = "\n".join(f"- **{line.partition(':')[0]}**:{line.partition(':')[2]}" for line in verdict(table))
    (HERE / "comparison.md").write_text(
        TEXT.format(table=markdown(table), words=words, chance=float(table["mean_tv_by_chance"].median()))
    )
    with matplotlib.rc_context({"font.size": 10}):
        figure = Figure(figsize=(10, 8), layout="constrained")
        axes = figure.subplots(3, 3, sharex=True, sharey=True).ravel()
        for ax, (name, fit) in zip(axes, fits.items(), strict=False):
            plot_bands(pbnn.predict(bnn, fit, grid, seed=2, kind="summary"), X=data.X, y=data.y, ax=ax)
            ax.set_title(name)
            if ax.get_legend():
                ax.get_legend().remove()
        for ax in axes[len(fits) :]:
            ax.remove()
        figure.savefig(HERE / "img" / "comparison_bands.png", dpi=90)
        figure = Figure(figsize=(7.2, 3.4), layout="constrained")
        plot_comparison(table, of="epistemic_ratio", ax=figure.add_subplot())
        figure.savefig(HERE / "img" / "comparison_ratio.png", dpi=110)


def verdict(table: xr.Dataset) -> list[str]:
    """Return the sentences on each method."""
    return str(table.attrs["verdict"]).splitlines()


def markdown(table: xr.Dataset) -> str:
    """Return the figures as a table."""
    rows = [["", *COLUMNS.values()], ["---"] * (len(COLUMNS) + 1)]
    for name in table["fit"].to_numpy():
        values = [float(table[column].sel(fit=name)) for column in COLUMNS]
        rows.append([str(name), *("" if np.isnan(v) else f"{v:.3g}" for v in values)])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


if __name__ == "__main__":
    main()
