"""Models whose posterior is known in closed form, for tests to compare with."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import xarray as xr

import pbnn
from pbnn.graph.build import BNN, build
from pbnn.spec.likelihoods import Gaussian
from pbnn.spec.network import Network
from pbnn.spec.priors import Normal


@dataclass(frozen=True)
class LinearGaussian:
    """`y = X w + b + noise`: weights and bias standard normal, the sd of the noise known."""

    X: np.ndarray
    y: np.ndarray
    noise: float = 0.5

    @classmethod
    def simulate(cls, n: int = 40, n_in: int = 3, noise: float = 0.5, seed: int = 0) -> "LinearGaussian":
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(n, n_in))
        truth = rng.normal(size=n_in + 1)
        return cls(X, _design(X) @ truth + noise * rng.normal(size=n), noise)

    def new_data(self, n: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """Draw other inputs, and responses from the posterior predictive distribution."""
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(n, self.X.shape[1]))
        weights = rng.multivariate_normal(self.mean, self.covariance, size=n)
        return X, (_design(X) * weights).sum(axis=1) + self.noise * rng.normal(size=n)

    @cached_property
    def bnn(self) -> BNN:
        net = Network([], Gaussian(noise=self.noise), weights=Normal(scale=1.0), biases=Normal(scale=1.0))
        return build(net, self.X, self.y, standardize=False)

    @cached_property
    def covariance(self) -> np.ndarray:
        """Posterior covariance of weights and bias."""
        A = _design(self.X)
        return np.linalg.inv(np.eye(A.shape[1]) + A.T @ A / self.noise**2)

    @cached_property
    def mean(self) -> np.ndarray:
        """Posterior mean of weights and bias."""
        return self.covariance @ _design(self.X).T @ self.y / self.noise**2

    def function(self, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return posterior mean and sd of the noise-free response."""
        A = _design(X)
        return A @ self.mean, np.sqrt(np.einsum("ij,jk,ik->i", A, self.covariance, A))

    def draws(self, chains: int = 4, draws: int = 500, seed: int = 2, shift: float = 0.0) -> xr.DataTree:
        """Draw from the posterior, as `fit` would; `shift`, in posterior sd, plants a bias."""
        rng = np.random.default_rng(seed)
        bias = shift * np.sqrt(np.diag(self.covariance))
        return self.tree(rng.multivariate_normal(self.mean + bias, self.covariance, size=(chains, draws)))

    def tree(self, weights: np.ndarray) -> xr.DataTree:
        """Return `weights` `(chain, draw, feature + 1)`, the bias last, in the layout of a fit."""
        posterior = xr.Dataset(
            {
                "out_weight": (("chain", "draw", "feature", "out_unit"), weights[..., :-1, None]),
                "out_bias": (("chain", "draw", "out_unit"), weights[..., -1:]),
            }
        )
        return xr.DataTree.from_dict({"posterior": posterior})


def _design(X: np.ndarray) -> np.ndarray:
    return np.column_stack([X, np.ones(len(X))])


def assert_can_be_used(linear: LinearGaussian, tree: xr.DataTree, n_draws: int) -> None:
    """Check that an approximation goes through diagnosis, prediction and scores."""
    assert pbnn.diagnose(linear.bnn, tree).attrs["trust"] == "caution"
    assert pbnn.predict(linear.bnn, tree, linear.X[:5], seed=1)["predictions"].sizes["draw"] == n_draws
    assert np.isfinite(pbnn.score(linear.bnn, tree, *linear.new_data(50), seed=1)["lpd"])
