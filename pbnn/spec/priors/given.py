"""Priors that come from elsewhere: weights of another network, and distributions of PyMC and PreliZ."""

from dataclasses import dataclass
from typing import Any, final

from pbnn.errors import SpecError
from pbnn.spec.numbers import as_number
from pbnn.spec.priors.scales import Scale, check_scale

Nested = float | tuple["Nested", ...]


@final
@dataclass(frozen=True, slots=True)
class Pretrained:
    """Normal around given weights: `N(mean, scale**2)`, each weight with a mean of its own.

    Parameters
    ----------
    mean
        Weights in the shape of the layer's, `(n_in, units)` for the weights of a `Dense` and `(units,)` for its biases:
        an array or nested lists; kept as nested tuples. They refer to inputs (and, in the output layer, a response)
        that are standardised as `build` does.
    scale
        How far weights may go from there: a number, `FanIn`, learned, or an array of the shape of `mean`.

    Raises
    ------
    SpecError
        If these are no finite numbers, or of no rectangular shape.

    Examples
    --------
    >>> import pbnn
    >>> pbnn.Dense(2, weight=pbnn.priors.Pretrained([[0.1, 2.0], [-1.0, 0.5]], scale=0.1)).weight.shape
    (2, 2)
    """

    mean: Nested
    scale: Scale | Nested = 0.1

    def __post_init__(self) -> None:
        object.__setattr__(self, "mean", as_nested("Pretrained: mean", self.mean))
        if hasattr(self.scale, "tolist") or isinstance(self.scale, list | tuple):
            scale = as_nested("Pretrained: scale", self.scale)
            object.__setattr__(self, "scale", scale)
            if shape_of(scale) not in ((), self.shape):
                raise SpecError(
                    f"Pretrained: scale must be one number or of the shape of mean, {self.shape}; "
                    f"got shape {shape_of(scale)}."
                )
            if not all(value > 0 for value in flat(scale)):
                raise SpecError(
                    f"Pretrained: scale must hold positive numbers; its smallest is {min(flat(scale)):g}."
                )
            if isinstance(scale, tuple):
                return
        check_scale(self)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the weights."""
        return shape_of(self.mean)


@final
@dataclass(frozen=True, slots=True, init=False)
class PyMC:
    """Any continuous univariate distribution of PyMC, by name, with its parameters: each weight is drawn from it.

    Name and parameters are plain data, so that a network stays JSON; `build` looks them up.

    Parameters
    ----------
    name
        Of the distribution, as in `pm.Gumbel`.
    **parameters
        Numbers, as `pm.Gumbel.dist` takes them.

    Examples
    --------
    >>> import pbnn
    >>> pbnn.Dense(20, weight=pbnn.priors.PyMC("Gumbel", mu=0, beta=0.5)).weight
    PyMC(name='Gumbel', parameters=(('mu', 0), ('beta', 0.5)))
    """

    name: str
    parameters: tuple[tuple[str, float], ...]

    def __init__(self, name: str, parameters: Any = (), **named: float) -> None:
        if not isinstance(name, str) or not name.isidentifier():
            raise SpecError(
                f"PyMC: the first argument is the name of a distribution, such as 'Gumbel'; got {name!r}. Its "
                "parameters follow: priors.PyMC('Gumbel', mu=0, beta=1)."
            )
        pairs = [*_pairs(name, parameters), *named.items()]
        numbers = [(key, as_number(value)) for key, value in pairs]
        for (key, number), (_, given) in zip(numbers, pairs, strict=True):
            if number is None or not abs(number) < float("inf"):
                raise SpecError(f"PyMC: {key} of {name} must be a finite number; got {given!r}.")
        if len({key for key, _ in pairs}) < len(pairs):
            raise SpecError(f"PyMC: {name} has a parameter that is given twice.")
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "parameters", tuple(numbers))


def _pairs(name: str, parameters: object) -> list[tuple[str, Any]]:
    given = tuple(parameters.items()) if isinstance(parameters, dict) else parameters
    if not isinstance(given, tuple) or not all(
        isinstance(pair, tuple) and len(pair) == 2 and isinstance(pair[0], str) for pair in given
    ):
        raise SpecError(f"PyMC: give the parameters of {name} by name: priors.PyMC({name!r}, mu=0, ...).")
    return list(given)


def from_preliz(distribution: Any) -> PyMC:
    """Return the prior that a PreliZ distribution stands for, such as one that `pz.maxent` has fitted.

    Its class has the name that PyMC's has, and so have its parameters, which `param_names` lists in the form in which
    they were given (`mu` and `sigma` or `alpha` and `beta`). Bounds at infinity are left out.

    Raises
    ------
    SpecError
        If it is no distribution of PreliZ on single numbers, is put together of others (`Truncated`, `Mixture`), or
        has parameters that are not set.

    Examples
    --------
    >>> class Gamma:  # stands in for preliz.Gamma(2, 0.5)
    ...     param_names = ("alpha", "beta")
    ...     alpha, beta = 2.0, 0.5
    ...     params_dict = {"alpha": 2.0, "beta": 0.5}
    >>> from pbnn import priors
    >>> priors.from_preliz(Gamma())
    PyMC(name='Gamma', parameters=(('alpha', 2.0), ('beta', 0.5)))
    """
    name = type(distribution).__name__
    if isinstance(distribution, type) or not hasattr(distribution, "params_dict"):
        got = f"the class {distribution.__name__}" if isinstance(distribution, type) else name
        raise SpecError(
            f"from_preliz: expected a distribution of PreliZ on single numbers, such as preliz.Gamma(2, 1); got {got}."
        )
    if hasattr(distribution, "dist"):
        raise SpecError(
            f"from_preliz: {name} is put together of other distributions, and a prior is one by name; take one that "
            "has parameters of its own, such as preliz.TruncatedNormal."
        )
    # Not from `params_dict`: it is None for a bound that is left at infinity, though all is set.
    values = {key: _plain(getattr(distribution, key)) for key in distribution.param_names}
    missing = [key for key, value in values.items() if value is None]
    if missing:
        raise SpecError(
            f"from_preliz: {name} has no value for {', '.join(missing)}; set it, or fit it with preliz.maxent first."
        )
    return PyMC(name, {key: value for key, value in values.items() if not _no_bound(key, value)})


def _plain(value: Any) -> Any:
    """Return the number that a zero-dimensional array holds."""
    return value.item() if getattr(value, "shape", None) == () else value


def _no_bound(key: str, value: Any) -> bool:
    number = as_number(value)
    return key in ("lower", "upper") and number is not None and abs(number) == float("inf")


# ------------------------------------------------------------------------------------- arrays as nested tuples


def as_nested(where: str, values: Any) -> Nested:
    """Return an array or nested lists of finite numbers as nested tuples of floats.

    Raises
    ------
    SpecError
        If they are not finite numbers, or of no rectangular shape.
    """
    for method in ("to_numpy", "tolist"):
        values = getattr(values, method)() if hasattr(values, method) else values
    nested = _nested(where, values)
    _check_rectangular(where, nested)
    return nested


def _nested(where: str, values: Any) -> Nested:
    if isinstance(values, list | tuple):
        return tuple(_nested(f"{where}[{i}]", value) for i, value in enumerate(values))
    number = as_number(values)
    if number is None or not abs(number) < float("inf"):
        raise SpecError(f"{where} must be a finite number; got {values!r}.")
    return float(number)


def _check_rectangular(where: str, nested: Nested) -> None:
    if not isinstance(nested, tuple):
        return
    shapes = [shape_of(part) for part in nested]
    for i, (part, shape) in enumerate(zip(nested, shapes, strict=True)):
        _check_rectangular(f"{where}[{i}]", part)
        if shape != shapes[0]:
            raise SpecError(
                f"{where}[{i}] has shape {shape} and {where}[0] has {shapes[0]}; they must be equal."
            )


def shape_of(nested: Nested) -> tuple[int, ...]:
    """Return the shape of nested tuples, by their first parts."""
    if not isinstance(nested, tuple):
        return ()
    return (len(nested), *(shape_of(nested[0]) if nested else ()))


def flat(nested: Nested) -> list[float]:
    """Return the numbers in nested tuples, in order."""
    if not isinstance(nested, tuple):
        return [nested]
    return [number for part in nested for number in flat(part)]
