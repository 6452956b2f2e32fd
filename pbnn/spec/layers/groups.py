"""Layers whose weights differ between the groups of a column."""

from dataclasses import KW_ONLY, dataclass
from typing import final

from pbnn.errors import SpecError
from pbnn.spec.layers.base import (
    Activation,
    Own,
    check_activation,
    check_bias,
    check_column,
    check_weights,
    layer_words,
    own_priors,
)
from pbnn.spec.numbers import as_number, require_counts
from pbnn.spec.priors import FanIn, HalfNormal, LogNormal, Prior, Scale


@final
@dataclass(frozen=True, slots=True)
class GroupDense:
    """An affine map whose weights differ between groups, partially pooled: `w_g = w + tau z_g`.

    The groups are the categories of a column of the training data. Each group's weights deviate from those of the
    population, `w`, by normal numbers of a scale `tau` that is learned: where the groups are alike, `tau` goes to 0 and
    all share one map; where they are not, each has its own (Gelman & Hill 2007, *Data Analysis Using Regression and
    Multilevel/Hierarchical Models*, chapters 12 and 13). The column enters no layer as a number.

    Parameters
    ----------
    column
        Name of the column, or its position when `X` is an array.
    units, activation
        As in `Dense`.
    categories
        Number of groups. `build` counts them in the data; `pbnn.nn` has to be told.
    weight, bias
        Priors of the population's weights `(n_in, units)` and biases `(units,)`, as in `Dense`.
    spread, bias_spread
        The scale `tau` of the deviations of the weights `(group, n_in, units)` and of the biases `(group, units)`: a
        positive number, `FanIn`, or a prior on positive numbers.

    Examples
    --------
    >>> import pbnn
    >>> layers = [pbnn.Dense(20), pbnn.GroupDense("hospital", 5)]
    """

    column: str | int
    units: int
    activation: Activation = "tanh"
    _: KW_ONLY
    categories: int | None = None
    weight: Prior | None = None
    bias: Prior | bool = True
    spread: Scale = HalfNormal(FanIn(0.5))
    bias_spread: Scale = HalfNormal(0.5)

    def __post_init__(self) -> None:
        check_column(self)
        require_counts(self, "units")
        if self.categories is not None:
            require_counts(self, "categories")
        check_activation(self)
        check_weights(self, "weight")
        check_bias(self)
        for name in ("spread", "bias_spread"):
            value = getattr(self, name)
            number = as_number(value)
            if number is not None and 0 < number < float("inf"):
                object.__setattr__(self, name, number)
            elif not isinstance(value, FanIn | HalfNormal | LogNormal):
                raise SpecError(
                    f"GroupDense: {name} must be a positive number, FanIn, HalfNormal or LogNormal; got {value!r}."
                )


@layer_words.register
def _(layer: GroupDense) -> str:
    return f"GroupDense {layer.column!r} {layer.units} {layer.activation}"


@own_priors.register
def _(layer: GroupDense) -> Own:
    own: dict[str, Prior | Scale | bool | None] = {"weight": layer.weight, "bias": layer.bias}
    own["spread"] = layer.spread
    return own if layer.bias is False else own | {"bias spread": layer.bias_spread}
