"""A network and data to a `BNN`: a `pm.Model`, and what is needed to talk about it in the user's terms."""

from dataclasses import dataclass, field
from math import prod
from typing import Any, final

import numpy as np
import pandas as pd
import pymc as pm
import pytensor
from pytensor.tensor.sharedvar import TensorSharedVariable
from pytensor.tensor.variable import TensorVariable

from pbnn.errors import DataError, SpecError
from pbnn.graph.censoring import BOUNDS
from pbnn.graph.columns import Columns, column_name
from pbnn.graph.layers import (
    Affine,
    Category,
    Place,
    Wire,
    add_dim,
    affine,
    apply_layer,
    categorical_columns,
    require_row,
    unit_labels,
)
from pbnn.graph.likelihoods import Observing, Parameters, observe, output_labels
from pbnn.graph.response import Response
from pbnn.spec.layers import Dense, layer_words
from pbnn.spec.network import Network
from pbnn.spec.table import html_table, layer_priors, likelihood_words, text_table
from pbnn.spec.unknowns import require_closed


class Compiled(dict[Any, Any]):
    """Functions that were made for a model, by what made them; they may refer to it, for they live and die with it.

    They are neither pickled nor copied: another process compiles its own.
    """

    def __reduce__(self) -> tuple[Any, ...]:
        return Compiled, ()


@final
@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class BNN:
    """A network bound to data.

    Attributes
    ----------
    network
        The specification.
    model
        The `pm.Model`. `X` and `y_data` are its data, in the user's units; `y` is the observed variable.
    columns, response
        Names, categories and standardisation of `X` and `y`.
    x
        The standardised inputs `(obs, feature)`, a variable of the graph.
    y_loc
        What is added to a continuous response; a shared variable of the graph.
    outputs
        The outputs of the network `(obs, n_outputs)`, before the likelihood.
    affines
        The affine maps of the network, in order.
    shapes
        The shape of an observation as it enters, and as it leaves each hidden layer.
    parameters
        `mu` and `variance`, or `p`: the response given the weights, as variables of the graph.
    compiled
        What was compiled for it so far, so that a second fit or prediction need not wait.
    """

    network: Network
    model: pm.Model
    columns: Columns
    response: Response
    x: TensorVariable
    y_loc: TensorSharedVariable
    outputs: TensorVariable
    affines: tuple[Affine, ...]
    shapes: tuple[tuple[int, ...], ...]
    parameters: Parameters
    compiled: Compiled = field(default_factory=Compiled, init=False, repr=False)

    @property
    def n_obs(self) -> int:
        """Number of rows of the training data."""
        return int(self.model["X"].get_value(borrow=True).shape[0])

    @property
    def n_weights(self) -> int:
        """Number of free parameters: weights, biases, learned scales, noise."""
        return sum(map(prod, _shapes(self.model).values()))

    def __str__(self) -> str:
        return f"{self._title()}\n{text_table(self._rows())}"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return html_table(self._rows(), self._title())

    def _title(self) -> str:
        n, shape = len(self.columns.names), self.columns.shape
        each = "×".join(map(str, shape)) if shape else f"{n} column{'s' if n > 1 else ''}"
        rows = f"{self.n_obs} rows × {each}"
        return f"BNN: {rows}, {self.n_weights} parameters, {likelihood_words(self.network)}"

    def _rows(self) -> list[tuple[str, ...]]:
        net, shapes = self.network, _shapes(self.model)

        def row(stem: str, what: str, prior: str) -> tuple[str, ...]:
            own = {name: shape for name, shape in shapes.items() if name.startswith(f"{stem}_")}
            shape = next((shape for name, shape in own.items() if name.endswith("_weight")), ())
            return (stem, what, "×".join(map(str, shape)), str(sum(map(prod, own.values()))), prior)

        stems = [f"h{i}" for i in range(len(net.layers))]
        body = [
            row(stem, layer_words(layer), layer_priors(layer, net.weights, net.biases))
            for stem, layer in zip(stems, net.layers, strict=True)
        ]
        body.append(row("out", "Dense identity", layer_priors(Dense(1), net.weights, net.biases)))
        layers = tuple(f"{stem}_" for stem in [*stems, "out"])
        shared = ("weight_scale", "bias_scale")
        body += [
            (name, "shared scale", "", str(prod(shape)), "")
            for name, shape in shapes.items()
            if name.startswith(shared)
        ]
        body += [
            (name, "likelihood", "", str(prod(shape)), likelihood_words(net))
            for name, shape in shapes.items()
            if not name.startswith((*layers, *shared))
        ]
        return [("layer", "what", "weights", "count", "prior"), *body]


def build(network: Network, X: Any, y: Any, *, standardize: bool = True) -> BNN:
    """Turn a network and training data into a Bayesian model.

    Parameters
    ----------
    network
        The specification.
    X
        Inputs `(obs, feature)`: array, DataFrame or DataArray. Columns named by an `Embedding` or a `GroupDense` hold
        categories. Or sequences `(obs, time, channel)` or images `(obs, row, column, channel)`, as array or DataArray.
    y
        Response `(obs,)` or `(obs, output)`: array, Series, DataFrame or DataArray; or `pbnn.censored(...)` times.
    standardize
        Centre and scale the inputs (each column, or each channel) and a continuous response inside the model; all
        results come back in the user's units all the same.

    Returns
    -------
    BNN
        Its `model` is a `pm.Model` with named dims and coords.

    Raises
    ------
    DataError, ShapeError
        If the data cannot be used; the message names the row, counting from 0, and the column.
    SpecError
        If the network does not fit the data.

    Examples
    --------
    >>> import numpy as np, pbnn
    >>> from pbnn import likelihoods
    >>> X = np.linspace(-1, 1, 20)[:, None]
    >>> bnn = pbnn.build(pbnn.Network([pbnn.Dense(5)], likelihoods.Gaussian()), X, X[:, 0] ** 2)
    >>> sorted(rv.name for rv in bnn.model.free_RVs)[:3]
    ['h0_bias', 'h0_weight', 'h0_weight_scale']
    """
    if not isinstance(network, Network):
        raise SpecError(f"build: the first argument must be a pbnn.Network; got {type(network).__name__}.")
    require_closed("build", network)
    require_same_order(X, y, "build")
    columns = Columns.learn(X, categorical_columns(network.layers), standardize=standardize)
    response = Response.learn(y, network.likelihood, standardize=standardize)
    values, observed = columns.encode(X, "build"), response.encode(y, "build")
    if len(values) != len(observed):
        raise DataError(f"build: X has {len(values)} rows and y has {len(observed)}; they must be equal.")
    return assemble(network, columns, response, values, observed)


def assemble(network: Network, columns: Columns, response: Response, X: np.ndarray, y: np.ndarray) -> BNN:
    """Make the model from parts that are already encoded: what `build` and `load` share."""
    with pm.Model(coords={"feature": columns.names}) as model:
        data = pm.Data("X", X, dims=("obs", "feature"))
        x = (data - np.asarray(columns.loc)) / np.asarray(columns.scale)
        x.name = "x_standardized"
        dims = ("obs",)
        if not response.vector:
            dims = ("obs", add_dim("output", response.names))
        if response.censored:
            dims = ("obs", add_dim("bound", BOUNDS))
        if response.kind == "classes":
            add_dim("class", response.classes)
        observed = pm.Data("y_data", y, dims=dims)

        wire = _inputs(x, columns, network)
        shapes = [(*wire.positions, wire.width)]
        for i, layer in enumerate(network.layers):
            wire = apply_layer(layer, wire, Place(f"h{i}", network.weights, network.biases))
            shapes.append((*wire.positions, wire.width))
        require_row(wire, "out")
        labels = output_labels(network.likelihood, response.names, response.classes)
        dim = add_dim("out_unit", labels)
        wire = affine(wire, Place("out", network.weights, network.biases), dim, labels, None, True)

        loc, scale = np.asarray(response.loc), np.asarray(response.scale)
        if response.vector:
            loc, scale = loc.reshape(()), scale.reshape(())
        y_loc = pytensor.shared(loc, name="y_loc", shape=loc.shape)
        at = Observing(observed, dims, y_loc, scale, censored=response.censored)
        parameters = observe(network.likelihood, wire.value, at)
    return BNN(
        network, model, columns, response, x, y_loc, wire.value, wire.affines, tuple(shapes), parameters
    )


def _inputs(x: TensorVariable, columns: Columns, network: Network) -> Wire:
    """Return what enters the first layer: numbers, in their shape, and beside them the columns of categories."""
    if columns.shape:
        *positions, width = columns.shape
        channels = unit_labels(width)
        value = x.reshape((-1, *columns.shape))
        return Wire(value, add_dim("channel", channels), channels, positions=tuple(positions))
    categories = {}
    for column, taker in categorical_columns(network.layers).items():
        name = column_name(column, columns.names, columns.named, "build", taker)
        at = columns.names.index(name)
        known = columns.categories[at]
        if known is not None:
            labels = tuple(map(str, known))
            categories[column] = Category(name, x[:, at].astype("int64"), labels)
    numeric = [i for i, known in enumerate(columns.categories) if known is None]
    if len(numeric) == len(columns.names):
        return Wire(x, "feature", columns.names)
    names = tuple(columns.names[i] for i in numeric)
    return Wire(x[:, numeric], add_dim("number", names), names, categories=categories)


def _shapes(model: pm.Model) -> dict[str, tuple[int, ...]]:
    """Return the shape of each free variable; all transforms here keep it."""
    point = model.initial_point()
    return {rv.name: np.shape(point[model.rvs_to_values[rv].name]) for rv in model.free_RVs}


def require_same_order(X: Any, y: Any, where: str, names: tuple[str, str] = ("X", "y")) -> None:
    """Raise `DataError` if the indexes of pandas' `X` and `y` hold the same labels in another order."""
    if isinstance(X, pd.DataFrame) and isinstance(y, pd.Series | pd.DataFrame) and len(X) == len(y):
        same_rows = X.index.is_unique and X.index.sort_values().equals(y.index.sort_values())
        if same_rows and not X.index.equals(y.index):
            X_name, y_name = names
            raise DataError(
                f"{where}: {X_name} and {y_name} hold the same index in another order; pass "
                f"{y_name}.loc[{X_name}.index]."
            )
