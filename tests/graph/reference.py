"""What a network means, written a second time in NumPy and SciPy: the log density in unconstrained coordinates."""

from collections.abc import Mapping
from functools import singledispatch

import numpy as np
from scipy import stats
from scipy.special import erf, expit, log_softmax, softmax

from pbnn.spec import layers, likelihoods, priors
from pbnn.spec.network import Network
from tests.graph import reference_layers

ACTIVATIONS = {
    "tanh": np.tanh,
    "relu": lambda x: np.where(x > 0, x, 0.0),
    "gelu": lambda x: x * stats.norm.cdf(x),
    "silu": lambda x: x * expit(x),
    "softplus": lambda x: np.logaddexp(0.0, x),
    "sin": np.sin,
    "identity": lambda x: x,
}
assert abs(ACTIVATIONS["gelu"](0.7) - 0.5 * 0.7 * (1 + erf(0.7 / np.sqrt(2)))) < 1e-15


class Reference:
    """Evaluates a network at unconstrained variables `z`, adding up the log prior as they are used.

    `X` are encoded inputs, `y` the response or codes of its classes, both in the user's units; `categorical` are the
    positions of columns that hold codes.
    """

    def __init__(
        self, net: Network, names: list[str], X: np.ndarray, y: np.ndarray, z: Mapping[str, np.ndarray], *,
        standardize: bool = True,
    ):  # fmt: skip
        self.net, self.z, self.log_prior = net, z, 0.0
        self.used: set[str] = set()
        takers = (layers.Embedding, layers.GroupDense)
        embedded = {layer.column for layer in layers.all_layers(net.layers) if isinstance(layer, takers)}
        numeric = np.array([name not in embedded for name in names])
        self.codes = {n: X[:, i].astype(int) for i, n in enumerate(names) if n in embedded}
        loc = np.where(numeric & standardize, X.mean(axis=0), 0.0)
        scale = np.where(numeric & standardize, X.std(axis=0), 1.0)
        value = ((X - loc) / scale)[:, numeric]
        for i, layer in enumerate(net.layers):
            value = self.layer(layer, value, f"h{i}")
        self.y_loc, self.y_scale = 0.0 * y.mean(axis=0), 1.0 + 0.0 * y.mean(axis=0)
        if standardize and isinstance(net.likelihood, likelihoods.Gaussian | likelihoods.StudentT):
            self.y_loc, self.y_scale = y.mean(axis=0), y.std(axis=0)
        elif standardize and isinstance(net.likelihood, likelihoods.Poisson):
            self.y_scale = y.mean(axis=0)
        n_out = outputs(net.likelihood, y)
        self.outputs = self.affine(value, "out", n_out, net.weights, net.biases)
        self.log_likelihood, self.parameters = observe(net.likelihood, self, y)

    @property
    def log_density(self) -> float:
        assert self.used == set(self.z), "a variable has no meaning"
        return self.log_prior + self.log_likelihood.sum()

    # --------------------------------------------------------------------------------------------- variables

    def draw(self, prior, name, shape=(), n_in=None, response_sd=None):
        scale = self.scale(prior.scale, name, n_in, response_sd)
        if isinstance(prior, priors.HalfNormal | priors.LogNormal):
            # Many scales around one that is learned are sampled as ratios to it.
            around = shape and isinstance(prior.scale, priors.HalfNormal | priors.LogNormal)
            log = self.value(f"{name}_logratio__" if around else f"{name}_log__", shape)
            log = log + np.log(scale) if around else log
            if isinstance(prior, priors.HalfNormal):
                density = stats.halfnorm.logpdf(np.exp(log), scale=scale) + log
            else:
                density = stats.norm.logpdf(log, np.log(scale), prior.sigma)
            self.log_prior += density.sum()
            return np.exp(log)
        standard = self.value(f"{name}_noncentered__", shape)
        value = prior.loc + scale * standard
        # The density of the weights, and the Jacobian of the transform from the standard ones.
        match prior:
            case priors.Normal():
                density = stats.norm.logpdf(value, prior.loc, scale)
            case priors.Laplace():
                density = stats.laplace.logpdf(value, prior.loc, scale)
            case priors.StudentT():
                density = stats.t.logpdf(value, prior.df, prior.loc, scale)
        self.log_prior += density.sum() + standard.size * np.log(scale)
        return value

    def scale(self, scale, name, n_in, response_sd):
        match scale:
            case int() | float():
                return scale
            case priors.FanIn(gain):
                return gain / np.sqrt(n_in)
            case priors.ResponseSD(factor):
                return factor * response_sd
        return self.draw(scale, f"{name}_scale", (), n_in, response_sd)

    def value(self, name, shape):
        self.used.add(name)
        assert self.z[name].shape == shape, name
        return self.z[name]

    # ------------------------------------------------------------------------------------------------ layers

    def affine(self, x, stem, units, weight, bias):
        n_in = x.shape[-1]
        w = self.draw(weight or self.net.weights, f"{stem}_weight", (n_in, units), n_in)
        if bias is False:
            return x @ w
        return x @ w + self.draw(self.net.biases if bias is True else bias, f"{stem}_bias", (units,), n_in)

    def layer(self, layer, x, stem):
        match layer:
            case layers.Dense():
                return ACTIVATIONS[layer.activation](
                    self.affine(x, stem, layer.units, layer.weight, layer.bias)
                )
            case layers.Residual():
                inner = x
                for i, part in enumerate(layer.layers):
                    inner = self.layer(part, inner, f"{stem}_{i}")
                return x + inner
            case layers.LayerNorm():
                value = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + layer.epsilon)
                n = x.shape[-1]
                if layer.gain is not None:
                    value = value * self.draw(layer.gain, f"{stem}_gain", (n,), n)
                if layer.offset is not None:
                    value = value + self.draw(layer.offset, f"{stem}_offset", (n,), n)
                return value
            case layers.Embedding():
                codes = self.codes[layer.column]
                table = self.draw(
                    layer.weight or priors.Normal(), f"{stem}_weight", (codes.max() + 1, layer.units), 1
                )
                return np.hstack([x, table[codes]])

        def get(name, prior, shape, n_in):
            return self.draw(prior, f"{stem}_{name}", shape, n_in)

        return reference_layers.apply(layer, x, get, self.net, self.codes).real


def outputs(likelihood, y) -> int:
    n = 1 if y.ndim == 1 else y.shape[1]
    match likelihood:
        case likelihoods.Gaussian(noise="heteroscedastic"):
            return 2 * n
        case likelihoods.Categorical():
            return int(y.max()) + 1
    return n


@singledispatch
def observe(likelihood, at, y):
    raise NotImplementedError


def location(at, y, f):
    return at.y_loc + at.y_scale * (f if y.ndim > 1 else f[:, 0])


def by_row(log_density):
    return log_density if log_density.ndim == 1 else log_density.sum(axis=1)


@observe.register
def _(likelihood: likelihoods.Gaussian, at, y):
    if likelihood.noise == "heteroscedastic":
        n = at.outputs.shape[1] // 2
        mu = location(at, y, at.outputs[:, :n])
        log_noise = at.outputs[:, n:] if y.ndim > 1 else at.outputs[:, 1]
        sigma = 0.3 * at.y_scale * np.exp(log_noise)
    else:
        mu, sigma = location(at, y, at.outputs), noise(likelihood, at, y)
    return by_row(stats.norm.logpdf(y, mu, sigma)), {"mu": mu, "variance": sigma**2 + 0 * mu}


def noise(likelihood, at, y):
    if isinstance(likelihood.noise, int | float):
        return likelihood.noise
    return at.draw(likelihood.noise, "noise", y.shape[1:], response_sd=at.y_scale)


@observe.register
def _(likelihood: likelihoods.StudentT, at, y):
    mu, sigma, df = location(at, y, at.outputs), noise(likelihood, at, y), likelihood.df
    if not isinstance(df, int | float):
        df = 2 + at.draw(df, "df_minus_2")
    parameters = {"mu": mu, "variance": stats.t.var(df, mu, sigma) + 0 * mu}
    return by_row(stats.t.logpdf(y, df, mu, sigma)), parameters


@observe.register
def _(likelihood: likelihoods.Bernoulli, at, y):
    p = expit(at.outputs[:, 0])
    return stats.bernoulli.logpmf(y, p), {"p": np.stack([1 - p, p], axis=-1)}


@observe.register
def _(likelihood: likelihoods.Categorical, at, y):
    return log_softmax(at.outputs, axis=1)[np.arange(len(y)), y], {"p": softmax(at.outputs, axis=1)}


@observe.register
def _(likelihood: likelihoods.Poisson, at, y):
    rate = at.y_scale * np.exp(at.outputs if y.ndim > 1 else at.outputs[:, 0])
    return by_row(stats.poisson.logpmf(y, rate)), {"mu": rate, "variance": rate}
