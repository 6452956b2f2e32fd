"""`calibrate`: priors of weights that mean what is said of functions."""

from dataclasses import dataclass, replace
from typing import Any, final

import jax
import numpy as np
import optax
import xarray as xr

from pbnn.errors import DataError, MethodError, SpecError, count
from pbnn.graph.build import BNN, build
from pbnn.graph.likelihoods import output_labels
from pbnn.graph.response import Response
from pbnn.predict.predictions import resolve_seed
from pbnn.predict.prior import draw_weights
from pbnn.prior.distance import Distance, energy_distance, energy_loss
from pbnn.prior.scales import Knobs, rescaled, spelled_out
from pbnn.prior.targets import draw_functions
from pbnn.spec.functions import FunctionTarget
from pbnn.spec.likelihoods import Gaussian
from pbnn.spec.network import Network
from pbnn.target import Target

DRAWS = 2000
"""Of the weights, and of the target: one lot to fit, and another to measure."""
POOL_BYTES = 2**28
MAX_ROWS = 256
SHOWN = 50
FAR_MEAN = 5.0
"""In standard deviations of the response: a mean beyond it was meant in other units."""
BATCH = 128
"""Functions of each kind in one step."""


@final
@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """What `calibrate` found.

    Attributes
    ----------
    network
        The network with calibrated priors: plain data, to build, fit, or write as JSON.
    before, after
        The energy distance of the network's prior over functions to the target, at rows of `X`, from draws that were
        not used to fit; functions are in units of the target's standard deviation there.
    factors
        By how much the scale of each prior was multiplied, by layer and field: `h0_weight`.
    kept
        Priors that stay as they were: those of another kind, centred ones, and those with a scale that layers share.
    functions
        Draws for `plots.plot_calibration`: `f` `(source, draw, obs)` in the units of the response, the `source` being
        `"target"`, `"before"` or `"after"`; and `X`.
    losses
        The squared distance on the way, one value for each step.
    """

    network: Network
    before: Distance
    after: Distance
    factors: dict[str, float]
    kept: tuple[str, ...]
    functions: xr.Dataset
    losses: np.ndarray

    @property
    def reduction(self) -> float:
        """How many times nearer the target the prior is now; a distance lost in the noise counts as the noise."""
        return self.before.root / max(self.after.root, float(np.sqrt(self.after.squared_se)))

    def __str__(self) -> str:
        was, now = (f"{d.root:.3g} ± {d.root_se:.1g}" for d in (self.before, self.after))
        kept = f"Left as they were: the priors of {', '.join(self.kept)}.\n" if self.kept else ""
        return f"Distance to the target: {was} before, {now} after.\n{kept}{self.network}"


def calibrate(
    network: Network,
    X: Any,
    target: FunctionTarget,
    y: Any = None,
    *,
    standardize: bool = True,
    steps: int = 400,
    learning_rate: float = 0.05,
    points: int = 32,
    seed: int = 0,
) -> Calibration:
    """Fit the scales of a network's priors, so that its functions look like those of a target before any data.

    The scale of the weights and that of the biases of each layer are multiplied by a factor each, by stochastic
    gradients of the energy distance between functions of the network and of the target, at inputs drawn anew from `X`
    for each step. A learned scale, or one for each input or unit, keeps its spread, and its median (or the scale of its
    `HalfNormal`) is multiplied. The output's bias is centred on the target's mean. What is no `Normal`, `StudentT` or
    `Laplace`, is centred, or has a scale that all layers share (`per="network"`) stays as it is, and so do weights
    that are `Frozen`.

    Parameters
    ----------
    network
        The network, with the priors to begin from. Layers that take the network's default get priors of their own;
        `weights` and `biases` of the result are those of the output layer.
    X
        Where functions are compared, as given to `build`, in the user's units: training inputs, or any others that lie
        where predictions will be asked for. With `standardize`, `build` must see inputs of the same mean and spread.
    target
        `priors.GP`, `priors.FunctionPrior`, or what `priors.elicit` returns. Lengthscales are in the units of `X`.
    y
        The training response `(obs,)`, as given to `build`. With it, the target's amplitude and mean are in the units
        of `y`. Without, they are in standard deviations of the response around its mean. For a likelihood with a link
        they are those of what the link takes (logits; the log of a rate relative to the mean count), with or without.
    standardize
        As in the call of `build` that will follow.
    steps, learning_rate
        Of Adam, on the logarithms of the factors; the rate falls to 0 along a cosine.
    points
        How many rows of `X` are drawn for each step.
    seed
        The same seed gives the same result.

    Returns
    -------
    Calibration
        `.network`, and how far it was and is from the target, with Monte Carlo error.

    Raises
    ------
    SpecError
        If a part of the call is not what it should be, or nothing in the network can be calibrated.
    DataError
        If the target's covariance is not positive definite, or `X` cannot be used.

    Notes
    -----
    With fixed scales this is the layer-wise Gaussian prior ("GPi-G") of Tran et al. (2022), who minimise the
    Wasserstein-1 distance in its dual form; the energy distance (a maximum mean discrepancy) has unbiased gradients
    without a second network to train, and can be measured afterwards with an error.

    References
    ----------
    Tran, Rossi, Milios & Filippone (2022), All you need is a good functional prior for Bayesian deep learning,
    JMLR 23(74).

    Examples
    --------
    >>> import numpy as np, pbnn
    >>> from pbnn import likelihoods, priors
    >>> X = np.linspace(0, 10, 30)[:, None]
    >>> net = pbnn.Network([pbnn.Dense(10)], likelihoods.Gaussian(), weights=priors.Normal(), biases=priors.Normal())
    >>> found = priors.calibrate(net, X, priors.GP(priors.RBF(lengthscale=3.0)), steps=50)
    >>> found.after.root < found.before.root
    True
    """
    _check_call(network, target, steps, points, learning_rate)
    if y is None and abs(getattr(target, "mean", None) or 0.0) > FAR_MEAN:
        raise SpecError(
            f"calibrate: without y the target is in standard deviations of the response around its mean, and its mean "
            f"is {target.mean:g}; pass y, the training response, if it is in the units of y."
        )
    seeds = [int(s) for s in np.random.SeedSequence(resolve_seed(seed, "calibrate")).generate_state(2)]
    loc, scale = _response_units(network, y, standardize)
    spelled, shift = _centred(spelled_out(network), target, loc, scale)
    bnn = _functions_of(spelled, X, standardize)
    rng = np.random.default_rng(seeds[0])
    rows = _some_rows(bnn.n_obs, rng)
    values = np.asarray(bnn.model["X"].get_value())[rows]
    _check_columns(bnn)
    wanted = draw_functions(target, values, 2 * DRAWS, rng, bnn.columns.names) / scale

    with_jax = Target.of(bnn, "float32")
    knobs = Knobs.of(bnn, with_jax)
    if not knobs.names:
        raise SpecError(
            "calibrate: the network has no prior whose scale can be fitted; give its layers Normal, StudentT or "
            "Laplace priors."
        )
    pool, fresh = _pools(bnn, with_jax, seeds[1])
    x = bnn.columns.standardize(values).astype(np.float32)
    mean = _mean_of(spelled)
    # Functions are compared in units of the target's own size.
    size = float(wanted.std())
    fit = _Fit(with_jax, knobs, x, size, mean)
    t, losses = fit.run(pool, wanted[:DRAWS] / size, steps, learning_rate, min(points, len(x)), rng)

    goal = wanted[DRAWS : DRAWS + len(fresh)]
    before, after = fit.functions(fresh, [np.zeros_like(t), t])
    before = before - shift / size
    factors = {name: float(np.exp(v)) for name, v in zip(knobs.names, t, strict=True)}
    drawn = {"target": goal, "before": before * size, "after": after * size}
    return Calibration(
        rescaled(spelled, factors),
        energy_distance(before, goal / size),
        energy_distance(after, goal / size),
        factors,
        knobs.kept,
        _shown(drawn, values, bnn, loc, scale, mean),
        losses,
    )


@final
@dataclass(frozen=True, slots=True, eq=False)
class _Fit:
    """The network's functions as functions of its prior's scales, in JAX: less their mean, in units of `size`."""

    target: Target
    knobs: Knobs
    x: np.ndarray
    size: float
    mean: float

    def _outputs(self, z: Any, t: Any, x: Any) -> Any:
        moved = self.knobs.move(z, t)
        return (jax.vmap(lambda one: self.target.outputs(one, x)[:, 0])(moved) - self.mean) / self.size

    def functions(self, z: np.ndarray, vectors: list[np.ndarray]) -> list[np.ndarray]:
        """Return functions `(draw, obs)` at all rows, for each of several vectors of logarithms of the factors."""
        batches = np.concatenate([z, z[: -len(z) % BATCH]]).reshape(-1, BATCH, z.shape[1])
        with self.target.scope():
            run = jax.jit(self._outputs)
            drawn = [[run(batch, t.astype(z.dtype), self.x) for batch in batches] for t in vectors]
        return [np.concatenate(parts).astype(float)[: len(z)] for parts in drawn]

    def run(
        self, z: np.ndarray, goal: np.ndarray, steps: int, rate: float, points: int, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the logarithms of the factors, and the loss of each step."""
        adam = optax.adam(optax.cosine_decay_schedule(rate, steps))
        z, goal, x = (np.asarray(v, self.target.dtype) for v in (z, goal, self.x))

        def some(n: int, size: int) -> np.ndarray:
            return np.stack([rng.choice(n, size, replace=False) for _ in range(steps)])

        # What is drawn in each step: networks, functions of the target, and rows.
        lots = some(len(z), BATCH), some(len(goal), BATCH), some(len(x), points)

        def loss(t: Any, lot: Any, z: Any, goal: Any, x: Any) -> Any:
            of_z, of_goal, of_x = lot
            return energy_loss(self._outputs(z[of_z], t, x[of_x]), goal[of_goal][:, of_x])

        slope = jax.value_and_grad(loss)

        def step(state: Any, lot: Any, *data: Any) -> Any:
            t, memory = state
            value, gradient = slope(t, lot, *data)
            change, memory = adam.update(gradient, memory)
            return (optax.apply_updates(t, change), memory), value

        with self.target.scope():
            run = jax.jit(
                lambda t, lots, *data: jax.lax.scan(
                    lambda s, lot: step(s, lot, *data), (t, adam.init(t)), lots
                )
            )
            # Where scales are numbers, begin at weights of variance 1 over the number of inputs: units of wide layers
            # with larger ones are stuck, and tell no direction.
            (t, _), losses = run(self.knobs.fan_in.astype(z.dtype), lots, z, goal, x)
        t, losses = np.asarray(t, dtype=float), np.asarray(losses, dtype=float)
        if not np.isfinite(t).all() or not np.isfinite(losses).all():
            raise MethodError(
                "calibrate: functions of the network became infinite; pass a smaller learning_rate."
            )
        return t, losses


def _check_call(network: Any, target: Any, steps: int, points: int, rate: float) -> None:
    if not isinstance(network, Network):
        raise SpecError(
            f"calibrate: the first argument must be a pbnn.Network; got {type(network).__name__}."
        )
    if not isinstance(target, FunctionTarget):
        raise SpecError(
            "calibrate: target must be priors.GP(...), priors.FunctionPrior(...) or what priors.elicit returns; got "
            f"{type(target).__name__}. The order is calibrate(network, X, target, y)."
        )
    for name, value in (("steps", steps), ("points", points)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
            raise MethodError(f"calibrate: {name} must be a whole number >= 1; got {value!r}.")
    if not 0 < rate < np.inf:
        raise MethodError(f"calibrate: learning_rate must be a positive number; got {rate!r}.")


def _check_columns(bnn: BNN) -> None:
    coded = [n for n, c in zip(bnn.columns.names, bnn.columns.categories, strict=True) if c is not None]
    if coded:
        raise SpecError(
            f"calibrate: {count(len(coded), 'column')} of X ({', '.join(map(repr, coded))}) hold categories, between "
            "which a target knows no distance. Calibrate a network without them, and take over its priors."
        )


def _response_units(network: Network, y: Any, standardize: bool) -> tuple[float, float]:
    """Return mean and standard deviation of the response, where the target is in its units."""
    if y is None:
        return 0.0, 1.0
    response = Response.learn(y, network.likelihood, standardize=standardize)
    if response.kind != "continuous":
        return 0.0, 1.0
    if len(response.names) > 1:
        raise DataError(
            f"calibrate: y has {len(response.names)} outputs, in units of their own, and one prior serves them all; "
            "leave out y, and give the target in standard deviations of the response."
        )
    return float(response.loc[0]), float(response.scale[0])


def _mean_of(network: Network) -> float:
    return float(getattr(network.biases, "loc", 0.0))


def _centred(network: Network, target: Any, loc: float, scale: float) -> tuple[Network, float]:
    """Return the network with the output's bias centred on the target's mean, and by how much it was moved."""
    goal = 0.0 if getattr(target, "mean", None) is None else (target.mean - loc) / scale
    if not hasattr(network.biases, "loc"):
        return network, 0.0
    labels = output_labels(network.likelihood, ("y",), ("0", "1"))
    if goal != 0 and any("[" in label for label in labels):
        raise SpecError(
            f"calibrate: the target's mean, {goal:.3g} standard deviations of y from its centre, would move the prior "
            f"of all outputs of {type(network.likelihood).__name__}: {', '.join(labels)}. Leave out the mean "
            "(mean=None), or calibrate with a likelihood of one output and take over the priors."
        )
    return replace(network, biases=replace(network.biases, loc=goal)), goal - _mean_of(network)


def _functions_of(network: Network, X: Any, standardize: bool) -> BNN:
    """Bind the network to inputs. Which response it had plays no part: the function is what its outputs are."""
    plain = replace(network, likelihood=Gaussian(noise=1.0))
    rows = len(X) if hasattr(X, "__len__") else 0
    return build(plain, X, np.arange(rows, dtype=float), standardize=standardize)


def _some_rows(n: int, rng: np.random.Generator) -> np.ndarray:
    return np.arange(n) if n <= MAX_ROWS else np.sort(rng.choice(n, MAX_ROWS, replace=False))


def _pools(bnn: BNN, target: Target, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return draws of the weights `(draw, dim)` to fit, and as many to measure: as many as memory allows."""
    draws = int(np.clip(POOL_BYTES // (8 * target.dim), BATCH, DRAWS))
    z = np.asarray(target.draws(draw_weights(bnn, 2 * draws, seed))).reshape(-1, target.dim)
    return z[:draws], z[draws:]


def _shown(
    drawn: dict[str, np.ndarray], X: np.ndarray, bnn: BNN, loc: float, scale: float, mean: float
) -> xr.Dataset:
    """Return some of the functions, in the units of the response."""
    f = np.stack([loc + scale * (mean + values[:SHOWN]) for values in drawn.values()])
    coords = {"source": list(drawn), "feature": list(bnn.columns.names)}
    return xr.Dataset({"f": (("source", "draw", "obs"), f), "X": (("obs", "feature"), X)}, coords=coords)
