"""Likelihoods on small data, and what each means at given outputs of the network, written in SciPy."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from scipy import stats
from scipy.special import expit, logsumexp, softmax

from pbnn.graph.build import BNN, build
from pbnn.spec import likelihoods as L
from pbnn.spec.network import Network
from pbnn.target import Target

N = 12
rng = np.random.default_rng(0)
X = rng.normal(size=(N, 2))
TIMES = rng.weibull(1.5, N) * 40
WORDS = np.array(["low", "mid", "top"])[np.arange(N) % 3]
TABLE = rng.multinomial(7, [0.2, 0.5, 0.3], size=N)
PAIR = np.column_stack([100 + 7 * rng.normal(size=N), rng.normal(size=N)])


@dataclass(frozen=True)
class Meaning:
    """What a likelihood says at outputs `f`: `log_density` of `y`, and `mu`, `variance` or `p`."""

    log_density: np.ndarray
    parameters: dict[str, np.ndarray]
    quantile: Callable[[float], np.ndarray] | None = None
    cdf: Callable[[np.ndarray], np.ndarray] | None = None


def of_scipy(dist: Any, y: np.ndarray) -> Meaning:
    density = (
        dist.logpmf(y)
        if hasattr(dist, "logpmf") and isinstance(dist.dist, stats.rv_discrete)
        else dist.logpdf(y)
    )
    return Meaning(density, {"mu": dist.mean(), "variance": dist.var()}, dist.ppf, dist.cdf)


def negative_binomial(f, y, own, scale):
    mu, alpha = scale * np.exp(f[:, 0]), 1 / own["dispersion"]
    return of_scipy(stats.nbinom(alpha, alpha / (alpha + mu)), y)


def binomial(f, y, own, scale):
    return of_scipy(stats.binom(5, expit(f[:, 0])), y)


def zero_inflated_poisson(f, y, own, scale):
    rate, zero = scale * np.exp(f[:, 0]), expit(f[:, 1])
    pmf = (1 - zero) * stats.poisson.pmf(y, rate) + zero * (y == 0)
    mean = (1 - zero) * rate
    # E y^2 = (1 - zero) (rate + rate^2)
    variance = (1 - zero) * (rate + rate**2) - mean**2
    return Meaning(
        np.log(pmf),
        {"mu": mean, "variance": variance},
        cdf=lambda k: zero + (1 - zero) * stats.poisson.cdf(k, rate),
    )


def multinomial(f, y, own, scale):
    p = softmax(f, axis=1)
    density = [stats.multinomial.logpmf(row, row.sum(), q) for row, q in zip(y, p, strict=True)]
    return Meaning(np.array(density), {"mu": 4 * p, "variance": 4 * p * (1 - p)})


def ordinal(f, y, own, scale):
    cuts = own["first_cutpoint"] + np.append(0, np.cumsum(own["cutpoint_gap"]))
    below = np.column_stack([expit(cuts - f), np.ones(len(f))])
    p = np.diff(below, axis=1, prepend=0)
    return Meaning(np.log(p[np.arange(len(y)), y]), {"p": p})


def asymmetric_laplace(f, y, own, scale):
    # SciPy's: density exp(-x kappa) above and exp(x / kappa) below, over kappa + 1 / kappa
    q, sigma, mu = 0.8, own["noise"], PAIR[:, 0].mean() + scale * f[:, 0]
    kappa = np.sqrt(q / (1 - q))
    return of_scipy(stats.laplace_asymmetric(kappa, mu, sigma / np.sqrt(q * (1 - q))), y)


def mixture(f, y, own, scale):
    w, m = softmax(f[:, :2], axis=1), PAIR[:, 0].mean() + scale * f[:, 2:4]
    s = 0.5 * scale * np.exp(f[:, 4:])
    mean = (w * m).sum(axis=1)
    variance = (w * (s**2 + m**2)).sum(axis=1) - mean**2
    density = logsumexp(np.log(w) + stats.norm.logpdf(y[:, None], m, s), axis=1)
    return Meaning(
        density,
        {"mu": mean, "variance": variance},
        cdf=lambda t: (w * stats.norm.cdf(t[:, None], m, s)).sum(axis=1),
    )


def multivariate_gaussian(f, y, own, scale):
    r = 2 * own["partial_correlation"][0] - 1
    d = np.diag(own["noise"])
    cov = d @ np.array([[1, r], [r, 1]]) @ d
    mu = PAIR.mean(axis=0) + scale * f
    density = [stats.multivariate_normal(m, cov).logpdf(row) for m, row in zip(mu, y, strict=True)]
    return Meaning(np.array(density), {"mu": mu, "variance": np.diag(cov) + 0 * mu})


def von_mises(f, y, own, scale):
    kappa, mu = np.hypot(*f.T), np.arctan2(f[:, 1], f[:, 0])
    dist = stats.vonmises(kappa, mu)
    chord = [2 * (1 - stats.vonmises(k).expect(np.cos, lb=-np.pi, ub=np.pi)) for k in kappa]
    return Meaning(dist.logpdf(y), {"mu": mu, "variance": np.array(chord)})


def beta(f, y, own, scale):
    m, phi = expit(f[:, 0]), own["precision"]
    return of_scipy(stats.beta(m * phi, (1 - m) * phi), y)


def gamma(f, y, own, scale):
    return of_scipy(stats.gamma(own["shape"], scale=scale * np.exp(f[:, 0]) / own["shape"]), y)


def lognormal(f, y, own, scale):
    return of_scipy(stats.lognorm(own["sigma"], scale=scale * np.exp(f[:, 0])), y)


def weibull(f, y, own, scale):
    return of_scipy(stats.weibull_min(own["shape"], scale=scale * np.exp(f[:, 0])), y)


CASES = {
    "NegativeBinomial": (L.NegativeBinomial(), rng.poisson(5, N), negative_binomial),
    "Binomial": (L.Binomial(5), rng.binomial(5, 0.4, N), binomial),
    "ZeroInflatedPoisson": (
        L.ZeroInflatedPoisson(),
        rng.poisson(2, N) * (np.arange(N) % 2),
        zero_inflated_poisson,
    ),
    "Multinomial": (L.Multinomial(4), TABLE, multinomial),
    "Ordinal": (L.Ordinal(("low", "mid", "top")), WORDS, ordinal),
    "AsymmetricLaplace": (L.AsymmetricLaplace(0.8), PAIR[:, 0], asymmetric_laplace),
    "MixtureDensity": (L.MixtureDensity(2), PAIR[:, 0], mixture),
    "MultivariateGaussian": (L.MultivariateGaussian(), PAIR, multivariate_gaussian),
    "VonMises": (L.VonMises(), rng.vonmises(1, 2, N), von_mises),
    "Beta": (L.Beta(), rng.beta(2, 3, N), beta),
    "Gamma": (L.Gamma(), TIMES, gamma),
    "LogNormal": (L.LogNormal(), TIMES, lognormal),
    "Weibull": (L.Weibull(), TIMES, weibull),
}


@cache
def bnn(name: str) -> BNN:
    likelihood, y, _ = CASES[name]
    return build(Network([], likelihood), X, y)


@cache
def target(name: str, precision: str = "float64") -> Target:
    return Target.of(bnn(name), precision)


def point(name: str) -> np.ndarray:
    return 0.5 * np.random.default_rng(1).normal(size=target(name).dim)


def outputs(name: str, size: float = 0.7) -> np.ndarray:
    return size * np.random.default_rng(2).normal(size=(N, target(name).n_outputs))


def meaning(name: str, f: np.ndarray, z: np.ndarray) -> Meaning:
    _, y, says = CASES[name]
    own = {key: np.asarray(v) for key, v in target(name).constrain(z).items()}
    codes = np.unique(y, return_inverse=True)[1] if bnn(name).response.kind == "classes" else y
    scale = np.asarray(bnn(name).response.scale)
    return says(f, codes, own, scale if bnn(name).response.kind != "x" and len(scale) > 1 else scale[0])
