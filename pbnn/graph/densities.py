"""Log densities of responses, as graphs that stay finite, as do their slopes, at outputs far from 0."""

from math import log, pi

import pytensor.tensor as pt
from pytensor.tensor.variable import TensorVariable as T

from pbnn.graph.family import Family

HALF_LOG_2PI = 0.5 * log(2 * pi)
STEEPEST = 60.0
"""Beyond it `exp` goes on as a straight line, for float32 ends at exp(88): a density of exp(-1e26) is 0 anyway."""


def _exp(x: T) -> T:
    return pt.exp(pt.minimum(x, STEEPEST)) * (1 + pt.maximum(x - STEEPEST, 0.0))


def _softplus(x: T) -> T:
    """`pt.softplus` in JAX has branches that overflow where they are not taken, which makes slopes NaN."""
    return pt.maximum(x, 0.0) + pt.softplus(pt.maximum(-pt.abs(x), -80.0))


def _log_sigmoid(x: T) -> T:
    return -_softplus(-x)


# ---------------------------------------------------------------- counts


def _negative_binomial(k: T, log_mu: T, log_alpha: T) -> T:
    alpha = pt.exp(log_alpha)
    coefficient = pt.gammaln(k + alpha) - pt.gammaln(alpha) - pt.gammaln(k + 1)
    return coefficient - k * _softplus(log_alpha - log_mu) - alpha * _softplus(log_mu - log_alpha)


def _binomial(k: T, n: T, logit: T) -> T:
    coefficient = pt.gammaln(n + 1.0) - pt.gammaln(k + 1) - pt.gammaln(n - k + 1)
    return coefficient - k * _softplus(-logit) - (n - k) * _softplus(logit)


def _zero_inflated_poisson(k: T, log_rate: T, logit_zero: T) -> T:
    rate, log_zero, log_other = _exp(log_rate), _log_sigmoid(logit_zero), _log_sigmoid(-logit_zero)
    none = log_zero + _softplus(log_other - rate - log_zero)
    some = log_other + k * log_rate - rate - pt.gammaln(k + 1)
    return pt.switch(pt.eq(k, 0), none, some)


def _multinomial(k: T, n: T, logits: T) -> T:
    """`n` is for draws; the total of a row that is observed is its own."""
    coefficient = pt.gammaln(k.sum(axis=-1) + 1) - pt.gammaln(k + 1).sum(axis=-1)
    return coefficient + (k * pt.special.log_softmax(logits, axis=-1)).sum(axis=-1)


# ---------------------------------------------------------------- classes


def _ordinal(k: T, f: T, cutpoints: T) -> T:
    """The difference of two sigmoids at `a > b` is `sigmoid(a) sigmoid(-b) (1 - exp(b - a))`, without cancellation."""
    return pt.take_along_axis(ordinal_log_p(f, cutpoints), pt.cast(k, "int64")[..., None], axis=-1)[..., 0]


def ordinal_log_p(f: T, cutpoints: T) -> T:
    """Return the log probabilities `(obs, class)` of classes between cutpoints `(class - 1,)`."""
    below = _log_sigmoid(cutpoints - f[..., None])
    above = _log_sigmoid(f[..., None] - cutpoints)
    gaps = _log1mexp(-pt.diff(cutpoints, axis=-1))
    between = below[..., 1:] + above[..., :-1] + gaps
    return pt.concatenate([below[..., :1], between, above[..., -1:]], axis=-1)


# ---------------------------------------------------------------- real numbers


def _asymmetric_laplace(y: T, mu: T, sigma: T, quantile: T) -> T:
    u = (y - mu) / sigma
    return pt.log(quantile * (1 - quantile)) - pt.log(sigma) - pt.maximum(quantile * u, (quantile - 1) * u)


def _mixture(y: T, logits: T, mu: T, log_sigma: T) -> T:
    z = (y[..., None] - mu) * pt.exp(-log_sigma)
    terms = pt.special.log_softmax(logits, axis=-1) - 0.5 * z**2 - log_sigma - HALF_LOG_2PI
    return pt.logsumexp(terms, axis=-1)


def _multivariate_gaussian(y: T, mu: T, cholesky: T) -> T:
    """All rows share the factor, which comes as `(1, k, k)`."""
    root = cholesky.reshape(cholesky.shape[-2:])
    z = pt.linalg.solve_triangular(root, (y - mu).T, lower=True).T
    log_det = pt.log(pt.diagonal(root)).sum()
    return -0.5 * (z**2).sum(axis=-1) - log_det - mu.shape[-1] * HALF_LOG_2PI


def _von_mises(y: T, a: T, b: T) -> T:
    return a * pt.cos(y) + b * pt.sin(y) - log(2 * pi) - _log_i0(pt.sqrt(a**2 + b**2 + 1e-30))


def _log_i0(x: T) -> T:
    """Return the logarithm of the Bessel function; far out by its asymptotic series (Abramowitz & Stegun 9.7.1)."""
    near, far = pt.minimum(x, 50.0), pt.maximum(x, 50.0)
    u = 1 / (8 * far)
    term, series = 1.0, 1.0
    for k in range(1, 8):
        term = term * (2 * k - 1) ** 2 / k * u
        series = series + term
    asymptotic = far - 0.5 * pt.log(2 * pi * far) + pt.log(series)
    return pt.switch(x < 50.0, pt.log(pt.i0(near)), asymptotic)


def chord(kappa: T) -> T:
    """Return the mean square of the chord to the mean direction, `2 (1 - I1/I0)`: about a variance if it is small."""
    near, u = pt.minimum(kappa, 80.0), 1 / pt.maximum(kappa, 80.0)
    series = u * (1 / 2 + u * (1 / 8 + u * (1 / 8 + u * (25 / 128 + u * (13 / 32 + u * 1073 / 1024)))))
    return 2 * pt.switch(kappa < 80.0, 1 - pt.i1(near) / pt.i0(near), series)


def _beta(y: T, logit: T, log_precision: T) -> T:
    precision = pt.exp(log_precision)
    a, b = precision * pt.sigmoid(logit), precision * pt.sigmoid(-logit)
    log_rest = pt.switch(y < 0.5, pt.log1p(-pt.minimum(y, 0.5)), pt.log(pt.maximum(1 - y, 1e-30)))
    normalisation = pt.gammaln(precision) - pt.gammaln(a) - pt.gammaln(b)
    return normalisation + (a - 1) * pt.log(y) + (b - 1) * log_rest


# ---------------------------------------------------------------- positive numbers


def _gamma(y: T, log_mu: T, log_shape: T) -> T:
    shape, log_ratio = pt.exp(log_shape), pt.log(y) - log_mu
    return shape * (log_shape + log_ratio - _exp(log_ratio)) - pt.gammaln(shape) - pt.log(y)


def _lognormal(y: T, mu: T, log_sigma: T) -> T:
    z = (pt.log(y) - mu) * pt.exp(-log_sigma)
    return -0.5 * z**2 - log_sigma - pt.log(y) - HALF_LOG_2PI


def _weibull(y: T, log_scale: T, log_shape: T) -> T:
    w = pt.exp(log_shape) * (pt.log(y) - log_scale)
    return log_shape - pt.log(y) + w - _exp(w)


def _weibull_log_survival(log_t: T, log_scale: T, log_shape: T) -> T:
    return -_exp(pt.exp(log_shape) * (log_t - log_scale))


def _lognormal_log_survival(log_t: T, mu: T, log_sigma: T) -> T:
    return _log_normal_cdf((mu - log_t) * pt.exp(-log_sigma))


def _log_normal_cdf(z: T) -> T:
    """Far out by its asymptotic series (Abramowitz & Stegun 26.2.12), for JAX's `erfcx` has no second derivative.

    Each branch sees only the arguments it is made for: the slope of the others would be infinite times 0.
    """
    far, low, high = pt.minimum(z, -10.0), pt.clip(z, -10.0, -1.0), pt.maximum(z, -1.0)
    term, series = 1.0, 1.0
    for k in range(1, 11):
        term = term * (1 - 2 * k) / far**2
        series = series + term
    asymptotic = pt.log(series) - 0.5 * far**2 - pt.log(-far) - HALF_LOG_2PI
    near = pt.switch(z < -1.0, pt.log(pt.erfc(-low / 2**0.5) / 2), pt.log1p(-pt.erfc(high / 2**0.5) / 2))
    return pt.switch(z < -10.0, asymptotic, near)


def _censored(density: object, log_survival: object, log_cdf: object) -> object:
    """Return the log density of rows `(lower, upper, entry)`: see `pbnn.graph.censoring`."""

    def log_density(value: T, location: T, log_spread: T) -> T:
        lower, upper, entry = value[..., 0], value[..., 1], value[..., 2]
        # What a row does not have is put to a harmless number before any function sees it.
        exact, open_, late = pt.eq(lower, upper), pt.isinf(upper), entry > 0
        begun = lower > 0
        high = pt.switch(open_ | exact, 2 * pt.switch(begun, lower, 1.0), upper)
        log_lower, log_upper = pt.log(pt.switch(begun, lower, high / 2)), pt.log(high)
        log_entry = pt.log(pt.switch(late, entry, 1.0))
        s_lower = pt.switch(begun, log_survival(log_lower, location, log_spread), 0.0)
        s_entry = pt.switch(late, log_survival(log_entry, location, log_spread), 0.0)
        within = pt.switch(
            begun,
            log_between(log_lower, log_upper, location, log_spread),
            log_cdf(log_upper, location, log_spread),
        )
        at = density(pt.switch(exact, lower, 1.0), location, log_spread)
        return pt.switch(exact, at, pt.switch(open_, s_lower, within)) - s_entry

    def log_between(log_lower: T, log_upper: T, location: T, log_spread: T) -> T:
        s_lower = log_survival(log_lower, location, log_spread)
        s_upper = log_survival(log_upper, location, log_spread)
        c_lower = log_cdf(log_lower, location, log_spread)
        c_upper = log_cdf(log_upper, location, log_spread)
        # From the side on which less lies, where the digits are.
        early = c_upper < s_lower
        larger, smaller = pt.switch(early, c_upper, s_lower), pt.switch(early, c_lower, s_upper)
        return larger + _log1mexp(smaller - larger)

    return log_density


def _weibull_log_cdf(log_t: T, log_scale: T, log_shape: T) -> T:
    w = pt.exp(log_shape) * (log_t - log_scale)
    early, h = pt.minimum(w, -5.0), pt.exp(pt.minimum(w, -5.0))
    return pt.switch(w < -5.0, early + _bend(h), pt.log1mexp(-_exp(pt.maximum(w, -5.0))))


def _log1mexp(x: T) -> T:
    """Return `log(1 - exp(x))`; near 0 by its series, for the other branch of JAX's has an infinite slope there."""
    h = pt.maximum(pt.minimum(-x, 1e-2), 1e-15)  # float32 holds the square of its inverse
    return pt.switch(x > -1e-2, pt.log(h) + _bend(h), pt.log1mexp(pt.minimum(x, -1e-2)))


def _bend(h: T) -> T:
    """Return `log((1 - exp(-h)) / h)` of a small `h`: the next term is `h**6 / 181440`."""
    return -h / 2 + h**2 / 24 - h**4 / 2880


def _lognormal_log_cdf(log_t: T, mu: T, log_sigma: T) -> T:
    return _log_normal_cdf((log_t - mu) * pt.exp(-log_sigma))


SCALAR = "(),()->()"
NEGATIVE_BINOMIAL = Family("negative_binomial", _negative_binomial, SCALAR, "int64")
BINOMIAL = Family("binomial", _binomial, SCALAR, "int64")
ZERO_INFLATED_POISSON = Family("zero_inflated_poisson", _zero_inflated_poisson, SCALAR, "int64")
MULTINOMIAL = Family("multinomial", _multinomial, "(),(k)->(k)", "int64")
ORDINAL = Family("ordinal", _ordinal, "(),(c)->()", "int64")
ASYMMETRIC_LAPLACE = Family("asymmetric_laplace", _asymmetric_laplace, "(),(),()->()")
MIXTURE = Family("mixture", _mixture, "(k),(k),(k)->()")
MULTIVARIATE_GAUSSIAN = Family("multivariate_gaussian", _multivariate_gaussian, "(k),(k,k)->(k)")
VON_MISES = Family("von_mises", _von_mises, SCALAR)
BETA = Family("beta", _beta, SCALAR)
GAMMA = Family("gamma", _gamma, SCALAR)
LOGNORMAL = Family("lognormal", _lognormal, SCALAR)
WEIBULL = Family("weibull", _weibull, SCALAR)
CENSORED_LOGNORMAL = Family(
    "censored_lognormal",
    _censored(_lognormal, _lognormal_log_survival, _lognormal_log_cdf),
    "(),()->(3)",
)
CENSORED_WEIBULL = Family(
    "censored_weibull", _censored(_weibull, _weibull_log_survival, _weibull_log_cdf), "(),()->(3)"
)
