"""How a prior on weights carries signals through depth: the limit of wide layers, and networks as wide as they are."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, final

import numpy as np
import xarray as xr
from scipy.special import expit, ndtr

from pbnn.errors import MethodError, SpecError, unknown
from pbnn.predict.predictions import resolve_seed
from pbnn.spec.layers import ACTIVATIONS
from pbnn.spec.priors import DEFAULT_BIASES, DEFAULT_WEIGHTS, FanIn, HalfNormal, LogNormal, Normal, Prior

Function = Callable[[np.ndarray], np.ndarray]

FUNCTIONS: dict[str, tuple[Function, Function]] = {
    "tanh": (np.tanh, lambda x: 1 - np.tanh(x) ** 2),
    "relu": (lambda x: np.maximum(x, 0), lambda x: np.heaviside(x, 0.5)),
    "gelu": (lambda x: x * ndtr(x), lambda x: ndtr(x) + x * np.exp(-0.5 * x**2) / np.sqrt(2 * np.pi)),
    "silu": (lambda x: x * expit(x), lambda x: expit(x) * (1 + x * (1 - expit(x)))),
    "softplus": (lambda x: np.logaddexp(0, x), expit),
    "sin": (np.sin, np.cos),
    "identity": (lambda x: x, np.ones_like),
}
"""Activations and their derivatives."""

SATURATED = 0.99
"""A tanh unit beyond this is stuck."""
EDGE = 0.01
"""This near to 1, chi counts as the edge of chaos."""
FIXED_POINT_STEPS = 500


def depth_width(
    activation: str = "tanh",
    *,
    weights: Prior = DEFAULT_WEIGHTS,
    biases: Prior = DEFAULT_BIASES,
    depth: int = 8,
    widths: Sequence[int] = (10, 30, 100, 300),
    inputs: int = 10,
    correlation: float = 0.5,
    draws: int = 1000,
    seed: int = 0,
) -> xr.Dataset:
    r"""Follow two inputs through random networks of every depth and width: how large units are, and how alike.

    For a unit of layer `l` before its activation, with weights of variance :math:`\sigma_w^2 / n` (`n` inputs) and
    biases of variance :math:`\sigma_b^2`, wide layers obey

    .. math:: q_l = \sigma_w^2 E[\phi(\sqrt{q_{l-1}} z)^2] + \sigma_b^2, \qquad
        c_l q_l = \sigma_w^2 E[\phi(u_1) \phi(u_2)] + \sigma_b^2, \qquad
        \chi = \sigma_w^2 E[\phi'(\sqrt{q} z)^2],

    with `u` normal, of variance :math:`q_{l-1}` and correlation :math:`c_{l-1}`. Where :math:`\chi` at the fixed point
    of `q` is below 1, inputs become alike and gradients vanish with depth (order); above 1, near inputs part and
    gradients explode (chaos).

    Layers of finite width are drawn, exactly: given the layer below, units are independent and normal.

    Parameters
    ----------
    activation
        Of all hidden layers.
    weights, biases
        As of `Network`: `Normal` with a number or `FanIn` as scale, or a learned scale, which is set to its median.
    depth
        Number of layers to go through; what arrives at `depth` is also the output of a network with one hidden
        layer less.
    widths
        Units in each hidden layer.
    inputs
        Number of input columns, standardised: the mean square of an input is 1.
    correlation
        Of the two inputs.
    draws
        Networks of each width.
    seed
        The same seed gives the same table.

    Returns
    -------
    xarray.Dataset
        Dims `(depth, width)`. Of finite networks: `variance` of a unit before its activation, `correlation` of the two
        inputs there, `saturation` (of tanh; the share of units beyond 0.99 after it) and `kurtosis` (3 for a Gaussian
        process), each with a Monte Carlo standard error (`..._mcse`). Of the limit: `variance_limit`,
        `correlation_limit`, `saturation_limit`, `chi`. By `width`: `fixed_point` of the variance, `chi_fixed_point`,
        `depth_scale` (layers over which gradients change by a factor of e) and `regime` in words.

    Raises
    ------
    SpecError
        If the activation is unknown, or a prior is not normal around 0.
    MethodError
        If a number makes no sense.

    References
    ----------
    Poole et al. (2016), Exponential expressivity in deep neural networks through transient chaos, arXiv:1606.05340,
    eq. 3 and 5; Schoenholz et al. (2017), Deep information propagation, arXiv:1611.01232.

    Examples
    --------
    >>> from pbnn import priors
    >>> table = priors.depth_width("tanh", weights=priors.Normal(), biases=priors.Normal(), depth=3, widths=[20, 200])
    >>> [str(words) for words in table["regime"].values]
    ['chaos', 'chaos']
    >>> bool(table["saturation"].sel(depth=3, width=200) > table["saturation"].sel(depth=3, width=20))
    True
    """
    if activation not in ACTIVATIONS:
        raise SpecError(unknown("depth_width", "activation", activation, ACTIVATIONS))
    for name, value in (
        ("depth", depth),
        ("inputs", inputs),
        ("draws", draws),
        *(("widths", w) for w in widths),
    ):
        if (
            isinstance(value, bool)
            or not isinstance(value, int | np.integer)
            or value < 1 + (name == "draws")
        ):
            raise MethodError(f"depth_width: {name} must be whole and positive (draws >= 2); got {value!r}.")
    if not -1 <= correlation <= 1:
        raise MethodError(f"depth_width: correlation must lie between -1 and 1; got {correlation!r}.")
    seeds = np.random.SeedSequence(resolve_seed(seed, "depth_width")).spawn(len(widths))
    columns = []
    for width, own in zip(widths, seeds, strict=True):
        signal = _Signal.of(activation, weights, biases, inputs, width)
        rng = np.random.default_rng(own)
        columns.append(
            {**signal.limit(depth, correlation), **signal.draw(depth, width, correlation, draws, rng)}
        )
    coords = {"depth": np.arange(1, depth + 1), "width": list(widths)}
    table = {
        name: (
            ("depth", "width") if values.ndim else ("width",),
            np.stack([c[name] for c in columns], axis=-1),
        )
        for name, values in columns[0].items()
    }
    if activation != "tanh":
        table = {name: values for name, values in table.items() if not name.startswith("saturation")}
    return xr.Dataset(
        table, coords=coords, attrs={"activation": activation, "inputs": inputs, "draws": draws}
    )


@final
@dataclass(frozen=True)
class _Signal:
    """What decides how a signal travels: variances of weights times the number of inputs, first layer and others."""

    activation: str
    first: float
    weights: float
    biases: float

    @classmethod
    def of(cls, activation: str, weights: Prior, biases: Prior, inputs: int, width: int) -> "_Signal":
        first, others = (n * _scale("weights", weights, n) ** 2 for n in (inputs, width))
        return cls(activation, first, others, _scale("biases", biases, width) ** 2)

    def limit(self, depth: int, correlation: float) -> dict[str, Any]:
        """Return the recursion of wide layers."""
        return _limit(self, depth, correlation)

    def draw(
        self, depth: int, width: int, correlation: float, draws: int, rng: np.random.Generator
    ) -> dict[str, Any]:
        """Return means over networks of finite width, and their standard errors."""
        phi = FUNCTIONS[self.activation][0]
        start = self.first * np.array([[1, correlation], [correlation, 1]]) + self.biases
        q = np.broadcast_to(start, (draws, 2, 2))
        found: dict[str, list[float]] = {}
        for _ in range(depth):
            for name, (value, error) in _moments(q).items():
                found.setdefault(name, []).append(value)
                found.setdefault(f"{name}_mcse", []).append(error)
            z = rng.normal(size=(draws, width, 2))
            a = np.sqrt(q[:, 0, 0])[:, None]
            along = q[:, 0, 1][:, None] / np.maximum(a, 1e-300)
            rest = np.sqrt(np.maximum(q[:, 1, 1][:, None] - along**2, 0))
            units = phi(np.stack([a * z[..., 0], along * z[..., 0] + rest * z[..., 1]], axis=-1))
            q = self.weights / width * np.einsum("dui,duj->dij", units, units) + self.biases
        return {name: np.asarray(values) for name, values in found.items()}


def _moments(q: np.ndarray) -> dict[str, tuple[float, float]]:
    """Return statistics of units whose variances given the layer below are `q` `(draw, 2, 2)`, each with its error."""
    n, own = len(q), 0.5 * (q[:, 0, 0] + q[:, 1, 1])

    def ratio(top: np.ndarray, bottom: np.ndarray) -> tuple[float, float]:
        value = top.mean() / bottom.mean()
        return float(value), float((top - value * bottom).std(ddof=1) / bottom.mean() / np.sqrt(n))

    stuck = 0.5 * (_beyond(q[:, 0, 0]) + _beyond(q[:, 1, 1]))
    kurtosis = ratio(3 * own**2, np.full(n, own.mean() ** 2))
    # The square of the mean is estimated too.
    slope = 3 * own**2 / own.mean() ** 2 - 2 * kurtosis[0] * own / own.mean()
    return {
        "variance": (float(own.mean()), float(own.std(ddof=1) / np.sqrt(n))),
        "correlation": ratio(q[:, 0, 1], own),
        "saturation": (float(stuck.mean()), float(stuck.std(ddof=1) / np.sqrt(n))),
        "kurtosis": (kurtosis[0], float(slope.std(ddof=1) / np.sqrt(n))),
    }


def _beyond(variance: Any) -> Any:
    """Return the share of normal units of this variance whose tanh is beyond `SATURATED`."""
    return 2 * ndtr(-np.arctanh(SATURATED) / np.sqrt(np.maximum(variance, 1e-300)))


@cache
def _limit(signal: _Signal, depth: int, correlation: float) -> dict[str, Any]:
    phi, slope = FUNCTIONS[signal.activation]
    q, c = signal.first + signal.biases, signal.first * correlation + signal.biases
    rows = []
    for _ in range(depth):
        chi = signal.weights * _mean(lambda z, q=q: slope(np.sqrt(q) * z) ** 2)
        rows.append((q, c / q if q > 0 else 1.0, _beyond(q), chi))
        c = signal.weights * _mean_of_two(phi, q, c) + signal.biases
        q = signal.weights * _mean(lambda z, q=q: phi(np.sqrt(q) * z) ** 2) + signal.biases
    for _ in range(FIXED_POINT_STEPS):
        q = min(signal.weights * _mean(lambda z, q=q: phi(np.sqrt(q) * z) ** 2) + signal.biases, 1e100)
    chi = signal.weights * _mean(lambda z: slope(np.sqrt(q) * z) ** 2)
    names = ("variance_limit", "correlation_limit", "saturation_limit", "chi")
    columns = dict(zip(names, np.asarray(rows).T, strict=True))
    regime = "edge of chaos" if abs(chi - 1) < EDGE else "order" if chi < 1 else "chaos"
    return {
        **columns,
        "fixed_point": np.asarray(q if q < 1e100 else np.inf),
        "chi_fixed_point": np.asarray(chi),
        "depth_scale": np.asarray(1 / abs(np.log(chi)) if chi not in (0.0, 1.0) else np.inf if chi else 0.0),
        "regime": np.asarray(regime),
    }


def _scale(name: str, prior: Any, fan_in: int) -> float:
    """Return the standard deviation of a weight; a learned one at its median."""
    if not isinstance(prior, Normal) or prior.loc != 0:
        raise SpecError(f"depth_width: {name} must have a Normal prior around 0; got {prior!r}.")
    factor, scale = 1.0, prior.scale
    while isinstance(scale, LogNormal | HalfNormal):
        factor *= 1.0 if isinstance(scale, LogNormal) else 0.6744897501960817  # the median of |N(0, 1)|
        scale = scale.scale
    if isinstance(scale, FanIn):
        return factor * scale.gain / fan_in**0.5
    if not isinstance(scale, int | float):
        raise SpecError(
            f"depth_width: the scale of {name} must be a number, FanIn, or learned; got {scale!r}."
        )
    return factor * scale


def _nodes(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return nodes and weights of the mean of a function of a standard normal variable.

    The trapezoidal rule: for smooth functions as exact as Gauss-Hermite, and good for steps and kinks at 0, where
    no node is, too.
    """
    z = np.linspace(-8, 8, n)
    w = np.exp(-0.5 * z**2)
    return z, w / w.sum()


def _mean(function: Function) -> float:
    z, w = _nodes(4000)
    return float(w @ function(z))


def _mean_of_two(phi: Function, variance: float, covariance: float) -> float:
    z, w = _nodes(800)
    sd = np.sqrt(variance)
    along = covariance / max(sd, 1e-300)
    second = along * z[:, None] + np.sqrt(max(variance - along**2, 0.0)) * z
    return float((w * phi(sd * z)) @ (phi(second) @ w))
