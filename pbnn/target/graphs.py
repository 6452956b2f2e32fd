"""The graphs of a model as JAX functions of its unconstrained variables: made once for each model."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, final

import jax
import jax.numpy as jnp
import numpy as np
import pymc as pm
from pytensor.graph.replace import graph_replace
from pytensor.graph.traversal import graph_inputs
from pytensor.tensor.sharedvar import TensorSharedVariable
from pytensor.tensor.type_other import NoneConst

from pbnn.graph.build import BNN
from pbnn.graph.family import ResponseRV
from pbnn.target.jaxify import Precision, jaxify


@final
@dataclass(frozen=True, slots=True)
class Variable:
    """A free variable: its name in the posterior, its name and shape on the unconstrained scale, and its dims."""

    name: str
    value_name: str
    shape: tuple[int, ...]
    dims: tuple[str, ...]

    @property
    def size(self) -> int:
        """Number of unconstrained values."""
        return prod(self.shape)


@dataclass(frozen=True, slots=True, eq=False)
class ModelGraphs:
    """Functions of the value variables of any model.

    Attributes
    ----------
    variables
        The free variables, in the model's order.
    log_prior
        The log density of everything but the response of a BNN; of everything for another model.
    constrained
        The free variables on their own scales, and the deterministic ones.
    unconstrained
        The free variables on their own scales, `(chain, draw, ...)` each and in the model's order, to flat vectors
        `(chain, draw, dim)` of the value variables: the way back, compiled.
    names
        The names of the `constrained`.
    """

    variables: tuple[Variable, ...]
    log_prior: Callable[..., list[Any]]
    constrained: Callable[..., list[Any]]
    unconstrained: Callable[..., Any]
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class ResponseGraphs:
    """Functions of the value variables of a BNN, in two parts: the network, and the response given its outputs.

    Attributes
    ----------
    outputs
        `(*values, x)` to the outputs `f` of the network `(obs, n_outputs)`.
    log_likelihood
        `(f, *values, y_loc, y)` to the log-likelihood of each observation, and of each output where `y` has several.
    parameters
        `(f, *values, y_loc)` to the parameters of the response, named in `names`.
    draw
        `(f, *values, y_loc, rng)` to one draw of the response.
    affines
        One function for each affine map of the network, the last of which gives `f`: `(*values, *cuts, x)`, where
        `cuts` stand for the outputs of all affine maps, to input and output of this one.
    own
        Numbers of the value variables on which the response depends beside `f`, such as the noise.
    weights
        Numbers of those that the network itself applies: weights, biases, gains, but not their scales.
    family
        The name of the response's distribution, where it is a `Family`.
    theta
        `(f, *values, y_loc)` to the parameters of that distribution.
    """

    outputs: Callable[..., list[Any]]
    log_likelihood: Callable[..., list[Any]]
    parameters: Callable[..., list[Any]]
    draw: Callable[..., list[Any]]
    affines: tuple[Callable[..., list[Any]], ...]
    names: tuple[str, ...]
    own: tuple[int, ...]
    weights: tuple[int, ...]
    family: str | None
    theta: Callable[..., list[Any]]


def model_graphs(model: pm.Model, precision: Precision, *, leave_out: str | None = None) -> ModelGraphs:
    """Return the functions of a model; `leave_out` names the observed variable that `log_prior` omits."""
    terms = [rv for rv in [*model.basic_RVs, *model.potentials] if rv.name != leave_out]
    log_prior = model.logp(vars=terms)
    variables = [*model.free_RVs, *model.deterministics]
    constrained = model.replace_rvs_by_values(variables)
    return ModelGraphs(
        _variables(model),
        jaxify(model.value_vars, [log_prior], precision),
        jaxify(model.value_vars, constrained, precision),
        _unconstrained(model, precision),
        tuple(v.name for v in variables),
    )


def log_terms(
    model: pm.Model, precision: Precision, *, leave_out: str | None = None
) -> Callable[[Sequence[Any]], dict[str, Any]]:
    """Return the function of the value variables that gives the log density of each variable and potential.

    Of a BNN leave out the response: the number of its rows is no constant of the graph, as JAX may ask.
    """
    factors = [rv for rv in [*model.basic_RVs, *model.potentials] if rv.name != leave_out]
    terms = [term.sum() for term in model.logp(vars=factors, sum=False)]
    function = jax.jit(jaxify(model.value_vars, terms, precision))
    return lambda values: dict(zip([f.name for f in factors], function(*values), strict=True))


def _variables(model: pm.Model) -> tuple[Variable, ...]:
    point = model.initial_point()
    return tuple(
        Variable(
            rv.name,
            value.name,
            np.shape(point[value.name]),
            tuple(model.named_vars_to_dims.get(rv.name) or ()),
        )
        for rv, value in zip(model.free_RVs, model.value_vars, strict=True)
    )


def _unconstrained(model: pm.Model, precision: Precision) -> Callable[..., Any]:
    inputs = {rv: rv.type(rv.name) for rv in model.free_RVs}
    values = []
    for rv in model.free_RVs:
        transform = model.rvs_to_transforms[rv]
        value = rv if transform is None else transform.forward(rv, *rv.owner.inputs)
        values.append(graph_replace([value], inputs, strict=False)[0])
    function = jaxify(list(inputs.values()), values, precision)

    def flat(*of_one_draw: Any) -> Any:
        return jnp.concatenate([jnp.ravel(value) for value in function(*of_one_draw)])

    return jax.jit(jax.vmap(jax.vmap(flat)))


def bnn_graphs(bnn: BNN, precision: Precision) -> tuple[ModelGraphs, ResponseGraphs]:
    """Return the functions of a BNN, made anew only when its model has changed."""
    state = _state(bnn)
    if bnn.compiled.get("state") != state:
        bnn.compiled.clear()
        bnn.compiled["state"] = state
    graphs: tuple[ModelGraphs, ResponseGraphs] | None = bnn.compiled.get(precision)
    if graphs is None:
        graphs = model_graphs(bnn.model, precision, leave_out="y"), _response_graphs(bnn, precision)
        bnn.compiled[precision] = graphs
    return graphs


def _state(bnn: BNN) -> tuple[Any, ...]:
    """Return what the functions depend on: the variables, and data that a user's own additions read.

    The inputs and the response of the network itself are arguments, and may change.
    """
    model = bnn.model
    added = [*model.potentials, *model.deterministics]
    others = [rv for rv in model.basic_RVs if rv.name != "y"]
    reading = [*others, *(model.rvs_to_values[rv] for rv in others), *added]
    read = [v for v in graph_inputs(reading) if isinstance(v, TensorSharedVariable)]
    return (*model.basic_RVs, *added, *((v.name, v.get_value(borrow=True).tobytes()) for v in read))


def _response_graphs(bnn: BNN, precision: Precision) -> ResponseGraphs:
    model, y_rv = bnn.model, bnn.model["y"]
    values = model.value_vars
    x, f, y_loc = bnn.x.type("x"), bnn.outputs.type("f"), bnn.y_loc.type("y_loc")
    y = model.rvs_to_values[y_rv].type("y")
    # Free variables become functions of the value variables, and the data become inputs.
    free = dict(zip(model.free_RVs, model.replace_rvs_by_values(model.free_RVs), strict=True))
    network = {**free, bnn.x: x, model["X"]: x}
    # The response asks for the number of rows only, which `f` has too.
    response = {**free, bnn.outputs: f, bnn.y_loc: y_loc, model["X"]: f}

    def function(inputs: list[Any], outputs: list[Any], cut: dict[Any, Any]) -> Callable[..., list[Any]]:
        return jaxify(inputs, graph_replace(outputs, cut, strict=False), precision)

    # The response's own node, with a generator that is an input. Its size follows from its parameters: JAX cannot
    # take one that is computed.
    node = y_rv.owner
    rng = node.inputs[0].type("rng")
    draw = node.op.make_node(rng, NoneConst, *node.inputs[2:]).outputs[1]

    cuts = {a.output: a.output.type(f"{a.weight}_output") for a in bnn.affines}
    affines = tuple(
        function(
            [*values, *cuts.values(), x],
            [a.input, a.output],
            {**network, **{output: cut for output, cut in cuts.items() if output is not a.output}},
        )
        for a in bnn.affines
    )
    log_likelihood = graph_replace([pm.logp(y_rv, y)], response, strict=False)
    read = set(graph_inputs(log_likelihood))
    applied = {rv: rv.type(rv.name) for rv in model.free_RVs}
    in_network = set(graph_inputs(graph_replace([bnn.outputs], applied, strict=False)))
    return ResponseGraphs(
        function([*values, x], [bnn.outputs], network),
        jaxify([f, *values, y_loc, y], log_likelihood, precision),
        function([f, *values, y_loc], list(bnn.parameters.values()), response),
        function([f, *values, y_loc, rng], [draw], response),
        affines,
        tuple(bnn.parameters),
        tuple(i for i, value in enumerate(values) if value in read),
        tuple(i for i, rv in enumerate(model.free_RVs) if applied[rv] in in_network),
        node.op.family.name if isinstance(node.op, ResponseRV) else None,
        function([f, *values, y_loc], list(node.inputs[2:]), response),
    )
