"""Every layer and every likelihood with every method, on tiny data: `docs/compatibility.md`.

`python -m tests.compatibility.table` writes the page; the tests beside it fill its cells. A few networks hold all
layers between them, and each has a likelihood of its own, so that a fit serves several layers and a likelihood.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pandas as pd
import pytensor

import pbnn
from pbnn.graph.build import BNN
from pbnn.spec.layers import all_layers
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


@lru_cache(maxsize=1)
def bnn_of(network: str, response: str) -> BNN:
    """Return a network of layers, or the linear one (`""`), with a likelihood."""
    layers, X = NETWORKS[network] if network else ([], TABLE[["a", "b"]])
    likelihood, y = RESPONSES[response]
    return pbnn.build(pbnn.Network(layers, likelihood), X, y)


@contextmanager
def quick_compilation(network: str, response: str) -> Iterator[None]:
    """What runs for milliseconds need not be compiled well."""
    # PyTensor's quick mode fuses more operands of a scan than Python's loops take, and folds no constants, which the
    # windows of an image need in JAX.
    mode = pytensor.config.mode if network in ("sequence", "image") else "FAST_COMPILE"
    # So compiled, XLA's eigendecompositions in a batch are NaN at singular matrices: a mixture's information is one.
    jax.config.update("jax_disable_most_optimizations", response != "MixtureDensity")
    try:
        with pytensor.config.change_flags(mode=mode):
            yield
    finally:
        jax.config.update("jax_disable_most_optimizations", False)


def works(network: str, response: str, method: str) -> bool:
    """Fit, predict, and return whether all draws and predictions are finite."""
    bnn = bnn_of(network, response)
    with quick_compilation(network, response):
        tree = pbnn.fit(bnn, TINY[method], seed=1, progress=False)
        predicted = pbnn.predict(bnn, tree, seed=2)["predictions"]
    groups = tree["posterior"], predicted
    return all(bool(np.isfinite(group[name]).all()) for group in groups for name in group.data_vars)


def layers_of(network: str) -> list[str]:
    """Return the layers that a network holds."""
    return sorted({type(layer).__name__ for layer in all_layers(NETWORKS[network][0])})


ROWS = {
    "StudentT": "table",
    "Weibull, censored": "groups",
    "Categorical": "image",
    "Gaussian": "sequence",
}
"""Which likelihoods have one of the networks; the others have none but the output layer."""


def rows() -> list[tuple[str, str]]:
    """Return the network (`""` for the linear one) and the likelihood of each row."""
    return [(ROWS.get(response, ""), response) for response in RESPONSES]


def page(cells: dict[tuple[str, str], list[bool]]) -> str:
    """Write the page from what `works` says of each row, for each of the methods."""
    found = {row: " | ".join("yes" if cell else "no" for cell in of) for row, of in cells.items()}
    lines = [
        (layer, found[network, response])
        for network, response in found
        if network
        for layer in layers_of(network)
    ]
    head = f"| | {' | '.join(TINY)} |\n|{' --- |' * (len(TINY) + 1)}"
    parts = [
        "# What works with what\n\nMade by `python -m tests.compatibility.table`; the tests beside it fill each cell "
        "anew: a fit and a prediction on tiny data, all of whose numbers are finite.",
        "## Layers",
        "\n".join([head, *(f"| `{layer}` | {cells} |" for layer, cells in sorted(lines))]),
        "## Likelihoods",
        "\n".join([head, *(f"| {response} | {cells} |" for (_, response), cells in found.items())]),
        'What a method refuses with some layers, priors or data, such as a horseshoe with `Laplace("kron")`, it says '
        "before it begins.",
    ]
    return "\n\n".join(parts) + "\n"


def main() -> None:
    """Fill all cells, and write the page."""
    cells = {}
    for row in rows():
        cells[row] = [works(*row, method) for method in TINY]
        print(*row, cells[row], flush=True)
    PAGE.write_text(page(cells))


if __name__ == "__main__":
    main()
