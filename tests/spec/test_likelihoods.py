"""Every likelihood through JSON and in words, and what their fields may hold."""

import pytest

from pbnn.errors import SpecError
from pbnn.spec import likelihoods as L
from pbnn.spec.network import Network
from pbnn.spec.priors import HalfNormal, LogNormal

SPECS = [
    *(cls() for cls in L.LIKELIHOODS.values()),
    L.NegativeBinomial(HalfNormal(0.5)),
    L.Binomial(5),
    L.Multinomial(100),
    L.Beta(3),
    L.Gamma(LogNormal(2.0, sigma=0.1)),
    L.LogNormal(sigma=0.5),
    L.Weibull(1.5),
    L.Ordinal(order=["low", "mid", "top"]),
    L.Ordinal(order=(1, 2, 3, 4)),
    L.AsymmetricLaplace(0.05, noise=2.0),
    L.MixtureDensity(5),
    L.MultivariateGaussian(HalfNormal(), lkj=1),
]


@pytest.mark.parametrize("likelihood", SPECS, ids=str)
def test_a_likelihood_survives_json(likelihood):
    network = Network([], likelihood)
    again = Network.from_json(network.to_json())
    assert again == network
    assert again.to_json() == network.to_json()
    assert type(likelihood).__name__ in str(network)


MISTAKES = {
    "dispersion": (
        lambda: L.NegativeBinomial(0),
        "NegativeBinomial: dispersion must be a positive number; got 0",
    ),
    "trials": (lambda: L.Binomial(2.5), r"Binomial: n must be a whole number >= 1; got 2.5"),
    "total": (lambda: L.Multinomial(0), "Multinomial: n must be a whole number >= 1; got 0"),
    "quantile": (lambda: L.AsymmetricLaplace(1.0), "quantile must lie between 0 and 1; got 1.0"),
    "one component": (lambda: L.MixtureDensity(1), "components must be >= 2; got 1"),
    "shape": (lambda: L.Weibull("high"), "Weibull: shape must be a positive number or a prior on such"),
    "sigma": (lambda: L.LogNormal(-1.0), "LogNormal: sigma must be a positive number; got -1.0"),
    "lkj": (lambda: L.MultivariateGaussian(lkj=0), "lkj must be a positive number; got 0"),
    "order": (lambda: L.Ordinal(order="abc"), "order must be a sequence of labels; got 'abc'"),
    "short order": (lambda: L.Ordinal(order=("a", "b")), "three or more different labels"),
}


@pytest.mark.parametrize(("make", "message"), MISTAKES.values(), ids=MISTAKES)
def test_mistake_is_named(make, message):
    with pytest.raises(SpecError, match=message):
        make()
