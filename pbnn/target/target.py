"""`Target`: a model as a log density on `R^d` in JAX, and the way back to named variables."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from threading import RLock
from typing import Any, Self, TypeVar, final

import jax
import jax.numpy as jnp
import numpy as np
import pymc as pm
import xarray as xr
from pymc.initial_point import make_initial_point_fn

from pbnn.errors import ModelError
from pbnn.graph.build import BNN
from pbnn.target.data import Data, bind, check_data, current_data
from pbnn.target.faults import check_continuous, why_not_finite
from pbnn.target.graphs import ModelGraphs, ResponseGraphs, Variable, bnn_graphs, log_terms, model_graphs
from pbnn.target.jaxify import Precision, scope

Array = jax.Array
Made = TypeVar("Made")
KEPT = 32
"""Compiled functions of a BNN that are kept: each takes memory maps, of which a process has 65530, and then it dies."""
_making = RLock()
"""Held while functions of a BNN are looked up or made: its fits may run in several threads."""
Point = Array | list[Array]
"""A flat vector `(dim,)` of the unconstrained variables, or the list of them in their shapes."""


@final
@dataclass(frozen=True, eq=False)
class Target:
    """The log density of a model's unconstrained free variables, laid out in one flat vector `z`.

    Every method is a pure function that JAX can trace, differentiate and map; called outside, it runs in the
    target's precision.

    Attributes
    ----------
    model
        The `pm.Model`.
    bnn
        The `BNN` it belongs to, if any: only then are there `log_likelihood` and `forward`.
    precision
        `"float32"` or `"float64"`.
    variables
        The free variables, in the order of `z`.
    data
        The training data as the functions take them; pass another (`bind`) to evaluate elsewhere.

    Examples
    --------
    >>> import numpy as np, pymc as pm
    >>> from pbnn.target import Target
    >>> with pm.Model() as model:
    ...     mu = pm.Normal("mu")
    ...     y = pm.Normal("y", mu, 1.0, observed=np.ones(3))
    >>> target = Target.of(model)
    >>> target.dim
    1
    >>> float(target.log_density(np.zeros(1))).__round__(3)
    -5.176
    """

    model: pm.Model
    bnn: BNN | None
    precision: Precision
    variables: tuple[Variable, ...]
    data: Data
    _graphs: ModelGraphs
    _response: ResponseGraphs | None

    @classmethod
    def of(cls, model: pm.Model | BNN, precision: Precision = "float64") -> Self:
        """Make the target of a `pm.Model` or a `BNN`, with the data they hold now.

        Raises
        ------
        ModelError
            If there is nothing to infer, or a free variable is discrete; the message names it.
        """
        if precision not in ("float32", "float64"):
            raise ModelError(f"Target: precision must be 'float32' or 'float64'; got {precision!r}.")
        bnn = model if isinstance(model, BNN) else None
        pm_model: pm.Model = bnn.model if bnn is not None else model
        check_continuous(pm_model)
        graphs, response = (
            (model_graphs(pm_model, precision), None) if bnn is None else bnn_graphs(bnn, precision)
        )
        with scope(precision):
            data = {} if bnn is None else bind(bnn, *current_data(bnn))
        return cls(pm_model, bnn, precision, graphs.variables, data, graphs, response)

    @cached_property
    def dim(self) -> int:
        """Length of `z`."""
        return sum(v.size for v in self.variables)

    @property
    def dtype(self) -> np.dtype:
        """Floating-point type of `z`."""
        return np.dtype(self.precision)

    @property
    def n_obs(self) -> int:
        """Number of observations of a BNN; 0 for a general model."""
        return int(self.data["x"].shape[0]) if self.data else 0

    @property
    def n_outputs(self) -> int:
        """Number of outputs of the network of a BNN, before the likelihood."""
        return len(self._need_bnn("n_outputs").model.coords["out_unit"])

    @property
    def own(self) -> tuple[int, ...]:
        """Numbers of the variables on which the response of a BNN depends beside the network's outputs: the noise."""
        return self._need_response("own").own

    @property
    def weights(self) -> tuple[str, ...]:
        """Names of the variables that the network of a BNN applies: weights, biases, gains, but not their scales."""
        return tuple(self.variables[i].name for i in self._need_response("weights").weights)

    def scope(self) -> Any:
        """Return a context manager within which JAX traces and runs in the target's precision."""
        return scope(self.precision)

    def once(self, key: Hashable, make: Callable[[], Made]) -> Made:
        """Return what `make` returns, made once for all fits of a BNN to data of one shape.

        Give it functions that are wrapped in `jax.jit`, and the fits share what these compile. `key` says what they
        depend on beside the model and the shapes of its data; new data (`pm.set_data`) reach them as arguments only.
        """
        if self.bnn is None:
            return make()
        shapes = tuple(sorted((name, np.shape(value)) for name, value in self.data.items()))
        whole = (key, self._graphs, shapes)
        with _making:
            kept: dict[Any, Made] = self.bnn.compiled.setdefault("kernels", {})
            made = kept.pop(whole, None)
            if made is None:
                made = make()
            kept[whole] = made  # behind the others: the first has not been asked for the longest
            if len(kept) > KEPT:
                del kept[next(iter(kept))]
            return made

    def log_density(self, z: Point, data: Data | None = None) -> Array:
        """Return the log posterior density, up to a constant, at `z` `(dim,)`."""
        with self.scope():
            if self.bnn is None:
                return self.log_prior(z)
            return self.log_prior(z) + self.log_likelihood(z, data).sum()

    def slope(self) -> Callable[[np.ndarray, Data], tuple[Array, Array]]:
        """Return the compiled function of `z` and `data` to the log density and its gradient `(dim,)`."""
        return self.once("slope", lambda: jax.jit(jax.value_and_grad(self.log_density)))

    def log_prior(self, z: Point) -> Array:
        """Return the log density of all but the response of a BNN; of everything for another model."""
        with self.scope():
            return self._graphs.log_prior(*self.split(z))[0]

    def log_likelihood(self, z: Point, data: Data | None = None) -> Array:
        """Return the log-likelihood of each observation `(obs,)`, summed over outputs, in the units of `y`."""
        self._need_response("log_likelihood")
        data = self.data if data is None else data
        with self.scope():
            terms = self.log_likelihood_of(self.outputs(z, data["x"]), z, data)
            return terms if terms.ndim == 1 else terms.sum(axis=1)

    def outputs(self, z: Point, x: Array) -> Array:
        """Return the outputs of the network `(obs, n_outputs)`, before the likelihood, at standardised inputs `x`."""
        response = self._need_response("outputs")
        with self.scope():
            return response.outputs(*self.split(z), x)[0]

    def log_likelihood_of(self, f: Array, z: Point, data: Data) -> Array:
        """Return the log-likelihood given the network's outputs `f`: `(obs,)`, or `(obs, output)` if `y` is a matrix.

        `z` gives what the response depends on beside them, such as the noise.
        """
        response = self._need_response("log_likelihood")
        with self.scope():
            return response.log_likelihood(f, *self.split(z), data["y_loc"], data["y"])[0]

    def affine_maps(self, z: Point, x: Array, nudges: Sequence[Array]) -> tuple[list[Array], Array]:
        """Return the inputs of the affine maps of the network, and its outputs, with `nudges` added to their outputs.

        The maps are those of `bnn.affines`, and a nudge has the shape `(obs, *positions, n_out)` of the map's output,
        or is 0. Derivatives by the nudges are those by the units before their activation.
        """
        response, values = self._need_response("affine_maps"), self.split(z)
        inputs, cuts = [], [jnp.zeros((1, 1), x.dtype)] * len(nudges)
        with self.scope():
            for i, (function, nudge) in enumerate(zip(response.affines, nudges, strict=True)):
                entering, leaving = function(*values, *cuts, x)
                inputs.append(entering)
                cuts[i] = leaving + nudge
        return inputs, cuts[-1]

    def forward(self, z: Array, X: Any) -> dict[str, Array]:
        """Return the response given the weights at new inputs: `mu` and `variance`, or `p`.

        Parameters
        ----------
        z
            Unconstrained weights `(dim,)`.
        X
            Inputs in the user's units, as given to `build`.
        """
        with self.scope():
            return self.parameters(z, self.inputs(X))

    def parameters(self, z: Array, x: Array) -> dict[str, Array]:
        """Return the same from inputs that are standardised already (`inputs`)."""
        with self.scope():
            return self.parameters_of(self.outputs(z, x), z)

    def parameters_of(self, f: Array, z: Point, y_loc: Array | None = None) -> dict[str, Array]:
        """Return the same given the network's outputs; `y_loc` takes the place of the response's own offset."""
        response = self._need_response("forward")
        with self.scope():
            y_loc = self._y_loc() if y_loc is None else y_loc
            values = response.parameters(f, *self.split(z), y_loc)
            return dict(zip(response.names, values, strict=True))

    @property
    def family(self) -> str | None:
        """The name of the response's distribution, where it is one of `pbnn.graph.densities`."""
        return self._need_response("family").family

    def theta_of(self, f: Array, z: Point, y_loc: Array) -> list[Array]:
        """Return the parameters of that distribution given the network's outputs."""
        with self.scope():
            return self._need_response("theta_of").theta(f, *self.split(z), y_loc)

    def draw_response(self, z: Array, x: Array, key: Array) -> Array:
        """Draw a response at standardised inputs `x`; `key` is a `jax.random.PRNGKey`."""
        with self.scope():
            return self.draw_response_of(self.outputs(z, x), z, key)

    def draw_response_of(self, f: Array, z: Point, key: Array) -> Array:
        """Draw a response given the network's outputs."""
        response = self._need_response("draw_response")
        with self.scope():
            if "p" in response.names:
                # Not by PyTensor, whose JAX form of the categorical distribution takes logit(p) for log(p).
                return jax.random.categorical(key, jnp.log(self.parameters_of(f, z)["p"]))
            rng = {"bit_generator": 1, "jax_state": key}
            y = response.draw(f, *self.split(z), self._y_loc(), rng)[0]
            return y[..., 0] if self._need_bnn("draw_response").response.censored else y

    def inputs(self, X: Any, where: str = "forward") -> Array:
        """Check, encode and standardise inputs `(obs, feature)`."""
        bnn = self._need_bnn("inputs")
        with self.scope():
            return jnp.asarray(bnn.columns.standardize(bnn.columns.encode(X, where)))

    def bind(self, X: Any, y: Any, where: str = "score") -> Data:
        """Return other observations in the form that `log_likelihood` takes."""
        bnn = self._need_bnn("bind")
        return self.bind_encoded(bnn.columns.encode(X, where), bnn.response.encode(y, where))

    def bind_encoded(self, X: np.ndarray, y: np.ndarray) -> Data:
        """Return the same from inputs and responses that are numbers or codes already, in the user's units."""
        with self.scope():
            return bind(self._need_bnn("bind"), X, y)

    def constrain(self, z: Array) -> dict[str, Array]:
        """Return the free variables on their own scales, and the deterministic ones, by name."""
        with self.scope():
            return dict(zip(self._graphs.names, self._graphs.constrained(*self.split(z)), strict=True))

    def draws(self, posterior: xr.Dataset) -> Array:
        """Return the flat vectors `(chain, draw, dim)` of a posterior group: the inverse of `constrain`.

        Any posterior of this model serves, also one from `pm.sample`.

        Raises
        ------
        ModelError
            If a free variable is missing, or of another shape.
        """
        parts = []
        with self.scope():
            # A transform may change the shape: a simplex of 3 has 2 unconstrained values.
            shapes = jax.eval_shape(self.constrain, jax.ShapeDtypeStruct((self.dim,), self.dtype))
        for v in self.variables:
            if v.name not in posterior:
                raise ModelError(
                    f"posterior: variable {v.name!r} is missing; is this the fit of another model?"
                )
            values = posterior[v.name].transpose("chain", "draw", ...).to_numpy()
            shape = shapes[v.name].shape
            if values.shape[2:] != shape:
                raise ModelError(
                    f"posterior: {v.name!r} has shape {values.shape[2:]} and the model has {shape}; "
                    "is this the fit of another model?"
                )
            parts.append(values.astype(self.dtype))
        with self.scope():
            return self._graphs.unconstrained(*parts)

    def unravel(self, z: Array | np.ndarray) -> dict[str, Array]:
        """Return the unconstrained variables by name, such as `noise_log__`."""
        with self.scope():
            return {v.value_name: part for v, part in zip(self.variables, self.split(z), strict=True)}

    def ravel(self, point: Mapping[str, Any]) -> np.ndarray:
        """Return the flat vector of unconstrained variables given by name: the inverse of `unravel`."""
        parts = [np.ravel(point[v.value_name]) for v in self.variables]
        return np.concatenate(parts).astype(self.dtype)

    def starts(self, n: int, seed: int) -> np.ndarray:
        """Return `n` starting points `(n, dim)`, checked to have a finite log density and gradient.

        Weights of a BNN start from their priors, scalars (learned scales, noise) and scales of inputs or units at their
        centres, since priors of scales have long tails; variables of a general model start at PyMC's initial point with
        uniform jitter.

        Raises
        ------
        ModelError
            If the log density is not finite at ten successive points; the message names the variable.
        DataError, ShapeError
            If `pm.set_data` left missing values, or `X` and `y_data` of different lengths.
        """
        if self.bnn is not None:
            check_data(self.bnn, self.data)
            own = {self.variables[i].name for i in self.own}
            drawn = own | set(self.weights)
            centred = {
                rv: "support_point" for rv in self.model.free_RVs if rv.ndim == 0 or rv.name not in drawn
            }
            draw = make_initial_point_fn(model=self.model, overrides=centred, default_strategy="prior")
        else:
            draw = make_initial_point_fn(model=self.model, jitter_rvs=set(self.model.free_RVs))
        seeds = iter(np.random.SeedSequence(seed).generate_state(10 * n))
        with self.scope():
            slope = self.slope()
            found: list[np.ndarray] = []
            tries = 0
            while len(found) < n:
                z = self.ravel(draw(int(next(seeds))))
                value, gradient = slope(z, self.data)
                if np.isfinite(value) and np.isfinite(gradient).all():
                    found.append(z)
                    tries = 0
                    continue
                tries += 1
                if tries == 10:
                    raise ModelError(why_not_finite(self._terms(z)))
        return np.stack(found)

    def _terms(self, z: np.ndarray) -> dict[str, float]:
        """Return the log density of each variable at `z`, and that of the response of a BNN."""
        with self.scope():
            response = None if self.bnn is None else "y"
            terms = log_terms(self.model, self.precision, leave_out=response)(self.split(z))
            if self.bnn is not None:
                terms["y"] = self.log_likelihood(self.split(z)).sum()
        return {name: float(value) for name, value in terms.items()}

    def split(self, z: Point | np.ndarray) -> list[Array]:
        """Return the parts of `z`, one for each of `variables`; a list of them, as it is."""
        if isinstance(z, list):
            return list(z)
        z = jnp.asarray(z)
        edges = np.cumsum([v.size for v in self.variables])[:-1]
        return [part.reshape(v.shape) for part, v in zip(jnp.split(z, edges), self.variables, strict=True)]

    def _y_loc(self) -> Array:
        return jnp.asarray(np.asarray(self._need_bnn("forward").y_loc.get_value()))

    def _need_bnn(self, what: str) -> BNN:
        if self.bnn is None:
            raise ModelError(
                f"Target.{what}: only for a model made by pbnn.build; this is a general pm.Model."
            )
        return self.bnn

    def _need_response(self, what: str) -> ResponseGraphs:
        self._need_bnn(what)
        assert self._response is not None
        return self._response
