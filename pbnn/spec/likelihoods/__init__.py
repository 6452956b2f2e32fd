"""What the distribution of the response given the network is: plain frozen data.

`pbnn.graph.likelihoods` says how many outputs each needs and how it is observed.
"""

from pbnn.spec.likelihoods.classes import Bernoulli, Categorical
from pbnn.spec.likelihoods.continuous import Gaussian, StudentT
from pbnn.spec.likelihoods.counts import Poisson
from pbnn.spec.priors import Prior

Likelihood = Gaussian | StudentT | Bernoulli | Categorical | Poisson
LIKELIHOODS: dict[str, type] = {
    cls.__name__: cls for cls in (Gaussian, StudentT, Bernoulli, Categorical, Poisson)
}

__all__ = [
    "LIKELIHOODS",
    "Bernoulli",
    "Categorical",
    "Gaussian",
    "Likelihood",
    "Poisson",
    "Prior",
    "StudentT",
]
