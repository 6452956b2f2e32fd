"""Every layer and every likelihood with every method, on tiny data: `docs/compatibility.md`.

`python -m tests.compatibility.table` writes the page. A few networks hold all layers between them, so that a fit serves
several.
"""

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pandas as pd
import pytensor

import pbnn
from pbnn.errors import PbnnError
from pbnn.graph.build import BNN
from pbnn.infer import METHODS
from pbnn.spec.layers import LAYERS, all_layers
from pbnn.spec.likelihoods import (
    AsymmetricLaplace,
    Bernoulli,
    Beta,
    Binomial,
    Categorical,
    Gamma,
    Gaussian,
    LogNormal,
    MixtureDensity,
    Multinomial,
    MultivariateGaussian,
    NegativeBinomial,
    Ordinal,
    Poisson,
    StudentT,
    VonMises,
    Weibull,
    ZeroInflatedPoisson,
)

PAGE = Path(__file__).resolve().parents[2] / "docs" / "compatibility.md"
N = 12
TINY = {
    "nuts": pbnn.NUTS(draws=2, tune=2, chains=1, max_treedepth=2),
    "mclmc": pbnn.MCLMC(draws=2, chains=1, tune=100),
    "sgmcmc": pbnn.SGMCMC(draws=2, chains=1, tune=10, thin=2, cycles=1, step_size=1e-5),
    "advi": pbnn.ADVI(draws=2, steps=10),
    "pymc-advi": pbnn.PymcADVI(draws=2, steps=10),
    "gauss-newton-vi": pbnn.GaussNewtonVI(draws=2, steps=10),
    "laplace": pbnn.Laplace("diag", draws=2, steps=20, tune=None),
    "swag": pbnn.SWAG(members=1, draws=2, iterates=2, thin=2, rank=2),
    "ensemble": pbnn.Ensemble(members=2),
    "map": pbnn.MAP(starts=1, steps=10),
}
rng = np.random.default_rng(0)
TABLE = pd.DataFrame(rng.normal(size=(N, 2)), columns=["a", "b"]).assign(kind=list("uvw" * 4))
REAL = 100 + 7 * rng.normal(size=N)
PAIR = np.column_stack([REAL, rng.normal(size=N)])
TIMES = 40 * rng.weibull(1.5, N)
WORDS = np.array(["low", "mid", "top"])[np.arange(N) % 3]
EARLY = np.arange(N) % 4 == 1
PARTLY_KNOWN = pbnn.censored(
    np.where(EARLY, 0.0, TIMES),
    TIMES * np.array([1, 1, 2, np.inf] * 3),
    entry=np.where(EARLY, 0.0, 0.1 * TIMES),
)

NETWORKS: dict[str, tuple[list[Any], Any]] = {
    "table": (
        [
            pbnn.Embedding("kind", 2),
            pbnn.Concat([[pbnn.FourierFeatures(3)], [pbnn.RBF(3)]]),
            pbnn.Parallel([[pbnn.Dense(2, "relu"), pbnn.LayerNorm()], [pbnn.Dense(2, "identity")]]),
            pbnn.Residual([pbnn.Frozen(pbnn.Dense(2), {"weight": np.eye(2).tolist()})]),
        ],
        TABLE,
    ),
    "groups": ([pbnn.GroupDense("kind", 3)], TABLE),
    "image": (
        [pbnn.Conv2D(2, 2, padding="same"), pbnn.MaxPool(2), pbnn.AveragePool(2), pbnn.Flatten()],
        rng.normal(size=(N, 4, 4, 1)),
    ),
    "sequence": (
        [
            pbnn.Reshape((6, 1)),
            pbnn.Conv1D(4, 2),
            pbnn.PositionalEncoding(),
            pbnn.SelfAttention(2, 2),
            pbnn.GRU(2, return_sequence=True),
            pbnn.LSTM(2),
        ],
        rng.normal(size=(N, 6)),
    ),
}
"""Between them all layers; the last of their inputs is a table that `Reshape` makes a sequence."""

RESPONSES: dict[str, tuple[Any, Any]] = {
    "Gaussian": (Gaussian(), REAL),
    "Gaussian, heteroscedastic": (Gaussian("heteroscedastic"), REAL),
    "StudentT": (StudentT(), REAL),
    "AsymmetricLaplace": (AsymmetricLaplace(0.8), REAL),
    "MixtureDensity": (MixtureDensity(2), REAL),
    "MultivariateGaussian": (MultivariateGaussian(), PAIR),
    "VonMises": (VonMises(), rng.vonmises(1, 2, N)),
    "Beta": (Beta(), rng.beta(2, 3, N)),
    "Gamma": (Gamma(), TIMES),
    "LogNormal": (LogNormal(), TIMES),
    "LogNormal, censored": (LogNormal(), PARTLY_KNOWN),
    "Weibull": (Weibull(), TIMES),
    "Weibull, censored": (Weibull(), PARTLY_KNOWN),
    "Poisson": (Poisson(), rng.poisson(5, N)),
    "NegativeBinomial": (NegativeBinomial(), rng.poisson(5, N)),
    "ZeroInflatedPoisson": (ZeroInflatedPoisson(), rng.poisson(2, N)),
    "Binomial": (Binomial(5), rng.binomial(5, 0.4, N)),
    "Multinomial": (Multinomial(7), rng.multinomial(7, [0.2, 0.5, 0.3], size=N)),
    "Bernoulli": (Bernoulli(), REAL > 100),
    "Categorical": (Categorical(), WORDS),
    "Ordinal": (Ordinal(("low", "mid", "top")), WORDS),
}


@cache
def bnn_of(network: str, response: str) -> BNN:
    """Return a network of layers, or the linear one (`""`), with a likelihood."""
    layers, X = NETWORKS[network] if network else ([], TABLE[["a", "b"]])
    likelihood, y = RESPONSES[response]
    return pbnn.build(pbnn.Network(layers, likelihood), X, y)


@contextmanager
def quick_compilation(network: str) -> Iterator[None]:
    """What runs for milliseconds need not be compiled well."""
    # In PyTensor's quick mode a scan cannot run: it fuses more operands than Python's loops take.
    mode = pytensor.config.mode if network == "sequence" else "FAST_COMPILE"
    jax.config.update("jax_disable_most_optimizations", True)
    try:
        with pytensor.config.change_flags(mode=mode):
            yield
    finally:
        jax.config.update("jax_disable_most_optimizations", False)


def cell(network: str, response: str, method: str) -> str:
    """Fit and predict; return `"yes"`, or why the method refuses.

    Raises
    ------
    AssertionError
        If something is not finite.
    """
    bnn = bnn_of(network, response)
    with quick_compilation(network):
        try:
            tree = pbnn.fit(bnn, TINY[method], seed=1, progress=False)
        except PbnnError as refusal:
            return str(refusal)
        predicted = pbnn.predict(bnn, tree, seed=2)["predictions"]
    finite = all(np.isfinite(tree["posterior"][name]).all() for name in tree["posterior"].data_vars)
    for name in predicted.data_vars:
        finite &= bool(np.isfinite(predicted[name]).all())
    assert finite, f"{network or 'linear'}, {response}, {method}: a draw or a prediction is not finite"
    return "yes"


def layers_of(network: str) -> list[str]:
    """Return the layers that a network holds."""
    return sorted({type(layer).__name__ for layer in all_layers(NETWORKS[network][0])})


def rows() -> dict[tuple[str, str], list[str]]:
    """Return the rows of the page: network and response of each, and the names under which it stands."""
    of_layers = {(network, "Gaussian"): layers_of(network) for network in NETWORKS}
    return of_layers | {("", response): [response] for response in RESPONSES}


def _cells(row: tuple[str, str]) -> list[str]:
    print(*row, flush=True)
    return [cell(*row, method) for method in TINY]


def page() -> str:
    """Fit everything, and write the page."""
    reasons: list[str] = []
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        found = dict(zip(rows(), pool.map(_cells, rows()), strict=True))

    def words(found: str) -> str:
        if found == "yes":
            return found
        if found not in reasons:
            reasons.append(found)
        return f"no ({reasons.index(found) + 1})"

    lines: dict[bool, list[str]] = {True: [], False: []}
    for (network, response), names in rows().items():
        cells = [words(cell) for cell in found[network, response]]
        lines[bool(network)] += [f"| {name} | {' | '.join(cells)} |" for name in names]
    head = f"| | {' | '.join(TINY)} |\n|{' --- |' * (len(TINY) + 1)}"
    parts = [
        "# What works with what\n\nMade by `python -m tests.compatibility.table`, and checked by the tests beside it: "
        "each cell is a fit and a prediction on tiny data.",
        "## Layers",
        "\n".join([head, *sorted(lines[True])]),
        "## Likelihoods",
        "\n".join([head, *lines[False]]),
        *(f"({i + 1}) {reason}" for i, reason in enumerate(reasons)),
    ]
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    assert {*TINY} == {*METHODS}
    assert {name for network in NETWORKS for name in layers_of(network)} == {*LAYERS}
    PAGE.write_text(page())
