"""One small network for each likelihood, and its predictions written out in NumPy."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
import xarray as xr
from scipy.special import expit, softmax

from pbnn.graph.build import BNN, build
from pbnn.graph.likelihoods.continuous import HETEROSCEDASTIC_MEDIAN
from pbnn.predict import prior_predict
from pbnn.spec.layers import Dense
from pbnn.spec.likelihoods import Bernoulli, Categorical, Gaussian, Poisson, StudentT
from pbnn.spec.network import Network
from pbnn.spec.priors import HalfNormal, LogNormal, Normal

N = 30
rng = np.random.default_rng(0)
X = pd.DataFrame(rng.normal(3.0, 2.0, size=(N, 2)), columns=["a", "b"])
SIGNAL = np.sin(X["a"].to_numpy()) + 0.1 * rng.normal(size=N)
X_NEW = pd.DataFrame(rng.normal(3.0, 2.0, size=(7, 2)), columns=["a", "b"])

NETS = {
    "gaussian": (Gaussian(), pd.Series(5 * SIGNAL + 20, name="heat")),
    "known noise": (Gaussian(noise=0.5), SIGNAL),
    "two outputs": (Gaussian(), pd.DataFrame({"u": SIGNAL, "v": 3 * SIGNAL**2})),
    "heteroscedastic": (Gaussian("heteroscedastic"), np.stack([SIGNAL, SIGNAL**2], axis=1)),
    "student": (StudentT(df=HalfNormal(3.0)), SIGNAL),
    "bernoulli": (Bernoulli(), SIGNAL > 0),
    "categorical": (Categorical(), np.asarray(["low", "mid", "high"])[np.digitize(SIGNAL, [-0.5, 0.5])]),
    "poisson": (Poisson(), np.round(3 + 2 * SIGNAL)),
}


@dataclass(frozen=True)
class Case:
    """A model, and weights drawn from its prior in the place of a posterior."""

    name: str
    chains: int = 2
    draws: int = 600

    @cached_property
    def bnn(self) -> BNN:
        likelihood, y = NETS[self.name]
        # Scales below 1, so that the rates of counts stay small.
        scale = LogNormal(0.5, sigma=0.3)
        net = Network([Dense(4)], likelihood, weights=Normal(scale=scale), biases=Normal(scale=0.5))
        return build(net, X, y)

    @cached_property
    def idata(self) -> xr.DataTree:
        prior = prior_predict(self.bnn, X_NEW, draws=self.chains * self.draws, seed=1)["prior"].to_dataset()
        return as_posterior(prior, self.chains)

    def parameters(self, inputs: pd.DataFrame) -> dict[str, np.ndarray]:
        """Return `mu` and `variance`, or `p`, `(chain, draw, obs, ...)`, by a forward pass in NumPy."""
        w = {name: v.values.astype(float) for name, v in self.idata["posterior"].items()}
        x = (inputs.to_numpy() - X.mean().to_numpy()) / X.std(ddof=0).to_numpy()
        hidden = np.tanh(x @ w["h0_weight"] + w["h0_bias"][..., None, :])
        f = hidden @ w["out_weight"] + w["out_bias"][..., None, :]
        return self._of_outputs(f, w)

    def _of_outputs(self, f: np.ndarray, w: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        likelihood, y = NETS[self.name]
        y = np.asarray(y)
        match likelihood:
            case Bernoulli():
                return {"p": np.concatenate([expit(-f), expit(f)], axis=-1)}
            case Categorical():
                return {"p": softmax(f, axis=-1)}
            case Poisson():
                rate = y.mean() * np.exp(f[..., 0])
                return {"mu": rate, "variance": rate}
        loc, scale = np.atleast_1d(y.mean(axis=0)), np.atleast_1d(y.std(axis=0))
        n = len(loc)
        mu = loc + scale * f[..., :n]
        if likelihood == Gaussian("heteroscedastic"):
            sd = HETEROSCEDASTIC_MEDIAN * scale * np.exp(f[..., n:])
        elif isinstance(likelihood.noise, float):
            sd = np.full_like(mu, likelihood.noise)
        else:
            noise = w["noise"][..., None, None] if y.ndim == 1 else w["noise"][..., None, :]
            sd = np.broadcast_to(noise, mu.shape)
        variance = sd**2
        if isinstance(likelihood, StudentT):
            df = w["df"][..., None, None]
            variance = variance * df / (df - 2)
        if y.ndim == 1:
            mu, variance = mu[..., 0], variance[..., 0]
        return {"mu": mu, "variance": variance}


def as_posterior(prior: xr.Dataset, chains: int) -> xr.DataTree:
    """Split the draws of a prior into chains, as a fit would have them."""
    shape = (chains, prior.sizes["draw"] // chains)
    table = {name: (v.dims, v.values.reshape(*shape, *v.shape[2:])) for name, v in prior.items()}
    rest = {name: c for name, c in prior.coords.items() if name not in ("chain", "draw")}
    posterior = xr.Dataset(table, coords={**rest, "chain": range(chains), "draw": range(shape[1])})
    return xr.DataTree.from_dict({"posterior": posterior})


_made: dict[str, Case] = {}


def case(name: str) -> Case:
    """Return a case, built once for all tests."""
    return _made.setdefault(name, Case(name))
