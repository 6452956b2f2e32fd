"""What the distribution of the response given the network is: plain frozen data.

`pbnn.graph.likelihoods` says how many outputs each needs and how it is observed.
"""

from typing import get_args

from pbnn.spec.likelihoods.classes import Bernoulli, Categorical, Ordinal
from pbnn.spec.likelihoods.continuous import (
    AsymmetricLaplace,
    Beta,
    Gaussian,
    MixtureDensity,
    MultivariateGaussian,
    StudentT,
    VonMises,
)
from pbnn.spec.likelihoods.counts import (
    Binomial,
    Multinomial,
    NegativeBinomial,
    Poisson,
    ZeroInflatedPoisson,
)
from pbnn.spec.likelihoods.positive import Gamma, LogNormal, Weibull
from pbnn.spec.priors import Prior
from pbnn.spec.unknowns import leave_open

Likelihood = (
    Gaussian
    | StudentT
    | AsymmetricLaplace
    | MixtureDensity
    | MultivariateGaussian
    | VonMises
    | Beta
    | Gamma
    | LogNormal
    | Weibull
    | Poisson
    | NegativeBinomial
    | Binomial
    | ZeroInflatedPoisson
    | Multinomial
    | Bernoulli
    | Categorical
    | Ordinal
)
LIKELIHOODS: dict[str, type] = {cls.__name__: leave_open(cls) for cls in get_args(Likelihood)}

__all__ = [
    "LIKELIHOODS",
    "AsymmetricLaplace",
    "Bernoulli",
    "Beta",
    "Binomial",
    "Categorical",
    "Gamma",
    "Gaussian",
    "Likelihood",
    "LogNormal",
    "MixtureDensity",
    "Multinomial",
    "MultivariateGaussian",
    "NegativeBinomial",
    "Ordinal",
    "Poisson",
    "Prior",
    "StudentT",
    "VonMises",
    "Weibull",
    "ZeroInflatedPoisson",
]
