"""Networks that together use every layer, prior, scale, likelihood and shape of response, bound to small data."""

from functools import cache

import jax
import numpy as np
import pandas as pd

from pbnn.graph.build import BNN, build
from pbnn.spec.layers import (
    ACTIVATIONS,
    GRU,
    AveragePool,
    Concat,
    Conv2D,
    Dense,
    Embedding,
    Flatten,
    FourierFeatures,
    GroupDense,
    LayerNorm,
    Reshape,
    Residual,
    SelfAttention,
)
from pbnn.spec.likelihoods import Bernoulli, Categorical, Gaussian, Poisson, StudentT
from pbnn.spec.network import Network
from pbnn.spec.priors import FanIn, HalfNormal, Laplace, LogNormal, Normal, ResponseSD
from pbnn.spec.priors import StudentT as StudentTPrior
from pbnn.target import Target
from tests.graph.reference import Reference
from tests.tiers import tiers

N = 12
rng = np.random.default_rng(0)
X = pd.DataFrame(rng.normal([0, 50], [1, 20], size=(N, 2)), columns=["a", "b"])
TABLE = X.assign(kind=list("uvw" * 4), level=[3, 1] * 6)
WIDE = pd.DataFrame(np.random.default_rng(3).normal(size=(N, 12)), columns=[f"w{i}" for i in range(12)])
REAL = 100 + 7 * rng.normal(size=N)
PAIR = np.column_stack([REAL, 0.01 * rng.normal(size=N)])
COUNTS = rng.poisson(5, size=N)
LABELS = np.array(["low", "mid", "top"])[np.arange(N) % 3]

NETS = {
    "linear": ([], Gaussian(0.5), X, REAL),
    "noise learned": ([Dense(3)], Gaussian(), X, REAL),
    "noise half-normal": ([Dense(3, bias=False)], Gaussian(HalfNormal(2.0)), X, REAL),
    "heteroscedastic": ([Dense(3)], Gaussian("heteroscedastic"), X, REAL),
    "two outputs": ([Dense(3)], Gaussian(HalfNormal(ResponseSD(0.5))), X, PAIR),
    "two heteroscedastic": ([], Gaussian("heteroscedastic"), X, PAIR),
    "column of y": ([], Gaussian(), X, REAL[:, None]),
    "student": ([Dense(3)], StudentT(), X, REAL),
    "student df learned": ([], StudentT(df=LogNormal(8.0), noise=1.5), X, PAIR),
    "bernoulli": ([Dense(3)], Bernoulli(), X, REAL > 100),
    "categorical": ([Dense(3)], Categorical(), X, LABELS),
    "categorical of two": ([], Categorical(), X, LABELS == "mid"),
    "poisson": ([Dense(3)], Poisson(), X, COUNTS),
    "poisson pair": ([], Poisson(), X, np.column_stack([COUNTS, COUNTS[::-1] ** 2])),
    "activations": ([Dense(2, activation) for activation in ACTIVATIONS], Gaussian(1.0), X, REAL),
    "blocks": (
        [
            LayerNorm(0.1, gain=HalfNormal(0.5), offset=Laplace(1.0, 2.0)),
            Residual([Dense(3, "relu"), LayerNorm(gain=None, offset=None), Dense(2, "sin")]),
            Residual([Residual([LayerNorm()])]),
        ],
        Gaussian(1.0),
        X,
        REAL,
    ),
    "embeddings": (
        [Embedding("kind", 2), Embedding("level", 1, weight=Normal(1.0, HalfNormal(2.0))), Dense(3)],
        Gaussian(1.0),
        TABLE,
        REAL,
    ),
    "image": (
        [Reshape((4, 3, 1)), Conv2D(2, 2), AveragePool(2, stride=1), Flatten()],
        Gaussian(1.0),
        WIDE,
        REAL,
    ),
    "sequence": (
        [Reshape((6, 2)), Residual([SelfAttention(2, 1, causal=True)]), GRU(2)],
        Gaussian("heteroscedastic"),
        WIDE,
        REAL,
    ),
    "groups": (
        [
            Embedding("level", 1),
            Concat([[], FourierFeatures(2, LogNormal(1.0))]),
            GroupDense("kind", 2, spread=HalfNormal(FanIn(0.5))),
        ],
        Poisson(),
        TABLE,
        COUNTS,
    ),
    "only an embedding": ([Embedding("kind", 2)], Gaussian(1.0), TABLE[["kind"]], REAL),
    "priors": (
        [
            Dense(2, weight=Normal(0.1, 2), bias=Normal(0.2, FanIn(0.5))),
            Dense(2, weight=Laplace(-0.1, FanIn(3.0)), bias=Laplace(0.3, HalfNormal(0.7))),
            Dense(2, weight=StudentTPrior(3.0, 0.1, LogNormal(FanIn(2.0), sigma=0.5)), bias=StudentTPrior(5)),
            Dense(2, weight=LogNormal(0.5, sigma=0.3), bias=HalfNormal(LogNormal(HalfNormal(0.1)))),
        ],
        Gaussian(1.0),
        X,
        REAL,
    ),
}


# Those that between them use nearly everything; the others are variations.
QUICK = ("noise learned", "two heteroscedastic", "categorical", "blocks", "embeddings", "priors")
CASES = tiers(NETS, QUICK, ("image", "sequence", "groups", "student df learned", "poisson"))


@cache
def bnn(name: str) -> BNN:
    layers, likelihood, X, y = NETS[name]
    return build(Network(layers, likelihood), X, y)


@cache
def target(name: str, precision: str = "float64") -> Target:
    return Target.of(bnn(name), precision)


@cache
def _evaluate(name: str, precision: str):
    at = target(name, precision)

    def evaluate(z):
        return {
            "log_prior": at.log_prior(z),
            "log_likelihood": at.log_likelihood(z),
            "log_density": at.log_density(z),
            "parameters": at.parameters(z, at.data["x"]),
        }

    return jax.jit(evaluate)


@cache
def evaluated(name: str, precision: str = "float64", seed: int = 1) -> dict:
    """Return all that a case's target says at `point(name)`, compiled once."""
    return at_point(name, point(name, seed), precision)


def at_point(name: str, z: np.ndarray, precision: str = "float64") -> dict:
    with target(name, precision).scope():
        return jax.tree.map(np.asarray, _evaluate(name, precision)(z))


def point(name: str, seed: int = 1) -> np.ndarray:
    """Return unconstrained values that are nothing special."""
    return 0.7 * np.random.default_rng(seed).normal(size=target(name).dim)


@cache
def expected(name: str) -> Reference:
    """Return the same by NumPy and SciPy."""
    return reference(name, point(name))


def reference(name: str, z: np.ndarray) -> Reference:
    _, likelihood, X, y = NETS[name]
    net = bnn(name).network
    codes = X.apply(lambda c: c if c.dtype.kind == "f" else pd.factorize(c, sort=True)[0])
    if isinstance(likelihood, Bernoulli | Categorical):
        y = pd.factorize(y, sort=True)[0]
    parts = {k: np.asarray(v) for k, v in target(name).unravel(z).items()}
    return Reference(net, list(X.columns), codes.to_numpy(float), np.asarray(y), parts)
