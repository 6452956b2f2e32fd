"""What the priors of a matrix of weights mean, written a second time in NumPy and SciPy.

Each function takes unconstrained variables `z` by name and adds up the log density in those coordinates; it returns the
weights too.
"""

from functools import singledispatch

import numpy as np
from scipy import stats
from scipy.special import expit

from pbnn.spec import priors


class Density:
    """The unconstrained variables of the weights `w` `(n_in, units)`, and the log density of those used so far."""

    def __init__(self, z, shape):
        self.z, self.shape, self.value, self.used = z, shape, 0.0, set()

    def take(self, name):
        self.used.add(name)
        return np.asarray(self.z[name], float)

    def noncentred(self, name, scale, loc=0.0, standard=stats.norm):
        """Return `loc + scale * e`, with the density of the product and the Jacobian written out."""
        e = self.take(f"{name}_noncentered__")
        scale = np.broadcast_to(scale, e.shape)
        self.value += (standard.logpdf(loc + scale * e, loc=loc, scale=scale) + np.log(scale)).sum()
        return loc + scale * e

    def of_log(self, name, distribution):
        """Return a positive variable that is sampled by its logarithm."""
        log = self.take(f"{name}_log__")
        self.value += (distribution.logpdf(np.exp(log)) + log).sum()
        return np.exp(log)

    def positive(self, prior, name, center, *, around=False):
        """Return a half-normal or log-normal variable, `around` a centre that is learned or not."""
        key = f"{name}_logratio__" if around else f"{name}_log__"
        log = self.take(key) + (np.log(center) if around else 0.0)
        match prior:
            case priors.HalfNormal():
                density = stats.halfnorm(scale=center)
            case priors.LogNormal():
                density = stats.lognorm(prior.sigma, scale=center)
        self.value += (density.logpdf(np.exp(log)) + log).sum()
        return np.exp(log)


def scale_of(scale, name, at, level=None):
    n_in, _ = at.shape
    match scale:
        case int() | float():
            return scale
        case priors.FanIn(gain):
            return gain / np.sqrt(n_in)
        case priors.RelevantInputs(count, rows, noise):
            return count / (n_in - count) * noise / np.sqrt(rows)
    if scale.per == "network":
        inner = 1.0 / np.sqrt(n_in) if isinstance(scale.scale, priors.FanIn) else 1.0
        center = scale.scale.gain if isinstance(scale.scale, priors.FanIn) else scale.scale
        return inner * at.positive(scale, "weight_scale", center)
    name = f"{name}_scale"
    center = scale_of(scale.scale, name, at, scale.per if scale.per != "layer" else None)
    learned = isinstance(scale.scale, priors.HalfNormal | priors.LogNormal)
    value = at.positive(scale, name, center, around=learned and scale.per != "layer")
    if level == scale.per:
        return value
    return value[:, None] if scale.per == "input" else value


@singledispatch
def weights(prior, at, name="w"):
    """Return the weights, and add their log density to `at`."""
    standard = {priors.Normal: stats.norm, priors.Laplace: stats.laplace}.get(type(prior))
    scale = scale_of(prior.scale, name, at)
    if prior.centered:
        value = at.take(name)
        at.value += standard.logpdf(value, prior.loc, np.broadcast_to(scale, value.shape)).sum()
        return value
    return at.noncentred(name, scale, prior.loc, standard)


@weights.register
def _(prior: priors.ARD, at, name="w"):
    center = scale_of(prior.scale.scale, f"{name}_local", at)
    learned = isinstance(prior.scale.scale, priors.HalfNormal | priors.LogNormal)
    local = at.positive(prior.scale, f"{name}_local", center, around=learned)
    return at.noncentred(name, local[:, None])


@weights.register
def _(prior: priors.Horseshoe, at, name="w"):
    tau = at.of_log(f"{name}_global", stats.halfcauchy(scale=scale_of(prior.global_scale, name, at)))
    local = at.of_log(f"{name}_local", stats.halfcauchy())
    squared = (local if prior.each == "weight" else local[:, None]) ** 2
    if prior.slab_scale is not None:
        half = prior.slab_df / 2
        slab = stats.invgamma(half, scale=half * scale_of(prior.slab_scale, name, at) ** 2)
        c2 = at.of_log(f"{name}_slab", slab)
        squared = c2 * squared / (c2 + tau**2 * squared)
    return at.noncentred(name, tau * np.sqrt(squared))


@weights.register
def _(prior: priors.SpikeSlab, at, name="w"):
    middle = prior.sharpness * stats.norm.ppf(prior.included)
    gate = expit(at.noncentred(f"{name}_gate_logit", prior.sharpness, middle))
    gate = gate if prior.each == "weight" else gate[:, None]
    slab = scale_of(prior.slab, name, at)
    return at.noncentred(name, np.sqrt(gate * slab**2 + (1 - gate) * (prior.spike * slab) ** 2))


@weights.register
def _(prior: priors.R2D2, at, name="w"):
    odds = at.take(f"{name}_r2_logodds__")
    r2 = expit(odds)
    beta = stats.beta(prior.r2 * prior.precision, (1 - prior.r2) * prior.precision)
    at.value += beta.logpdf(r2) + np.log(r2) + np.log1p(-r2)
    mass = at.of_log(f"{name}_mass", stats.gamma(prior.concentration))
    share = mass / mass.sum()
    variance = scale_of(prior.scale, name, at) ** 2 * share * r2 / (1 - r2)
    return at.noncentred(name, np.sqrt(variance)[:, None])


@weights.register
def _(prior: priors.MatrixNormal, at, name="w"):
    row = at.of_log(f"{name}_row", stats.lognorm(prior.row))
    column = at.of_log(f"{name}_column", stats.lognorm(prior.column))
    scale = scale_of(prior.scale, name, at)
    e = at.take(f"{name}_noncentered__")
    w = scale * row[:, None] * e * column
    # As a matrix normal, column by column on top of each other: covariance V ⊗ U.
    covariance = np.kron(np.diag(column**2), np.diag((scale * row) ** 2))
    jacobian = len(column) * np.log(scale * row).sum() + len(row) * np.log(column).sum()
    at.value += stats.multivariate_normal(np.zeros(w.size), covariance).logpdf(w.T.ravel()) + jacobian
    return w


@weights.register
def _(prior: priors.Pretrained, at, name="w"):
    scale = prior.scale if isinstance(prior.scale, tuple) else scale_of(prior.scale, name, at)
    return at.noncentred(name, np.asarray(scale), np.asarray(prior.mean))


@weights.register
def _(prior: priors.PyMC, at, name="w"):
    parameters = dict(prior.parameters)
    match prior.name:
        case "Gumbel":
            value = at.take(name)
            at.value += stats.gumbel_r(parameters["mu"], parameters["beta"]).logpdf(value).sum()
            return value
        case "Gamma":
            return at.of_log(name, stats.gamma(parameters["alpha"], scale=1 / parameters["beta"]))
