"""Models of the same rows, to be compared: quick, since their posteriors are known."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import xarray as xr

import pbnn
from pbnn.graph.build import BNN
from tests.exact import LinearGaussian

Models = dict[str, tuple[BNN, xr.DataTree]]


def truth_and_blind(n: int = 40) -> tuple[Models, np.ndarray, np.ndarray]:
    """Return the model that made the data, one that takes its noise for larger, a point; and new rows."""
    truth = LinearGaussian.simulate(n=n)
    noisy = replace(truth, noise=4 * truth.noise)
    models = {
        "noisy": (noisy.bnn, noisy.draws()),
        "truth": (truth.bnn, truth.draws()),
        "point": (truth.bnn, truth.tree(truth.mean[None, None])),
    }
    return models, *truth.new_data(60)


def without_data(bnn: BNN, idata: xr.DataTree, path: Path) -> tuple[BNN, xr.DataTree]:
    """Return a model and its fit as they come back from a file without the training data."""
    bare = idata.copy()
    for group in ("constant_data", "observed_data"):
        if group in bare.children:
            del bare[group]
    pbnn.save(bnn, bare, path)
    return pbnn.load(path)
