"""What a prior over functions is, said in the units of the data: plain frozen data.

`pbnn.prior` draws from these and fits the priors of a network's weights to them.
"""

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import Any, Literal, final

from pbnn.errors import SpecError
from pbnn.spec.numbers import as_number, require_numbers

Lengthscale = float | tuple[float, ...]
SMOOTHNESS = (0.5, 1.5, 2.5)
DIRECTIONS = ("increasing", "decreasing")


def check_lengthscale(owner: object) -> None:
    """Raise `SpecError` unless `lengthscale` is a positive number, or several."""
    value = owner.lengthscale  # type: ignore[attr-defined]
    several = isinstance(value, tuple | list) or getattr(value, "ndim", 0) == 1
    numbers = [as_number(v) for v in (value if several else [value])]
    if not numbers or any(n is None or not 0 < n < float("inf") for n in numbers):
        raise SpecError(
            f"{type(owner).__name__}: lengthscale must be a positive number, or one for each column of X; "
            f"got {value!r}."
        )
    object.__setattr__(owner, "lengthscale", tuple(numbers) if several else numbers[0])


@final
@dataclass(frozen=True, slots=True)
class RBF:
    """The kernel of smooth functions, `amplitude**2 * exp(-d**2 / 2)` with `d**2 = sum(((x - x') / lengthscale)**2)`.

    Rasmussen & Williams (2006), *Gaussian Processes for Machine Learning*, eq. 4.9.

    Parameters
    ----------
    lengthscale
        How far in `x` a function has to go to change, in the units of `X`: a number, or one for each column.
    amplitude
        Standard deviation of the function at a point, in the units of the response.
    """

    lengthscale: Lengthscale = 1.0
    amplitude: float = 1.0

    def __post_init__(self) -> None:
        check_lengthscale(self)
        require_numbers(self, "amplitude", positive=True)


@final
@dataclass(frozen=True, slots=True)
class Matern:
    """The kernel of functions that are rougher than those of `RBF`: `smoothness` 0.5, 1.5 or 2.5.

    A function has as many derivatives as fit below `smoothness`: none, one, two. Rasmussen & Williams (2006), eq. 4.14
    and 4.17.
    """

    smoothness: float = 2.5
    lengthscale: Lengthscale = 1.0
    amplitude: float = 1.0

    def __post_init__(self) -> None:
        if as_number(self.smoothness) not in SMOOTHNESS:
            raise SpecError(f"Matern: smoothness must be 0.5, 1.5 or 2.5; got {self.smoothness!r}.")
        check_lengthscale(self)
        require_numbers(self, "smoothness", "amplitude", positive=True)


@final
@dataclass(frozen=True, slots=True)
class Periodic:
    """The kernel of functions that repeat after `period`, in each column.

    `amplitude**2 * exp(-2 * sum((sin(pi * (x - x') / period) / lengthscale)**2))`: Rasmussen & Williams (2006), eq.
    4.31; `lengthscale` is in units of the circle's radius, not of `X`.
    """

    period: float = 1.0
    lengthscale: Lengthscale = 1.0
    amplitude: float = 1.0

    def __post_init__(self) -> None:
        check_lengthscale(self)
        require_numbers(self, "period", "amplitude", positive=True)


Kernel = RBF | Matern | Periodic
KERNELS: dict[str, type] = {cls.__name__: cls for cls in (RBF, Matern, Periodic)}


@final
@dataclass(frozen=True, slots=True, eq=False)
class GP:
    """A Gaussian process over functions of the inputs.

    Parameters
    ----------
    kernel
        `RBF`, `Matern` or `Periodic`; or a function of inputs `(obs, feature)` that returns their covariance
        `(obs, obs)`; or such a matrix for the rows of `X`.
    mean
        The mean of the function everywhere, in the units of the response; None takes the centre of the response.

    Examples
    --------
    >>> from pbnn import priors
    >>> priors.GP(priors.RBF(lengthscale=3.0, amplitude=10.0), mean=20.0).mean
    20.0
    """

    kernel: Kernel | Callable[[Any], Any] | Any = RBF()
    mean: float | None = None

    def __post_init__(self) -> None:
        kernel = self.kernel
        known = isinstance(kernel, tuple(KERNELS.values())) or callable(kernel)
        if isinstance(kernel, type) or not (known or len(getattr(kernel, "shape", ())) == 2):
            raise SpecError(
                f"GP: kernel must be one of {', '.join(KERNELS)}, such as priors.RBF(lengthscale=1.0), a function of "
                f"inputs, or a covariance matrix; got {kernel!r}."
            )
        if self.mean is not None:
            require_numbers(self, "mean")


@final
@dataclass(frozen=True, slots=True)
class FunctionPrior:
    r"""What is known of a function before the data: how wiggly, how large, and whether it only goes up.

    Without `monotone` these are draws from a `GP`: with an `RBF` kernel if `smooth`, else `Matern(1.5)`, and with
    `Periodic` if there is a `period`.

    A monotone function rises (or falls) along one column `c` and is otherwise free,

    .. math:: f(x) = m + \frac{a}{\sqrt 2}\left(g(x_{-c}) \pm |r| \sqrt{12}\,(w(x_c) - \tfrac12)\right),
        \quad w(t) = \int_p^t e^{h(s)} ds \Big/ \int_p^q e^{h(s)} ds,

    where `h` and `g` are Gaussian processes of unit variance and the given lengthscale (over one column alone, `g` is
    one number), `r` is standard normal, and `p`, `q` are the ends of column `c` in `X`. Its mean square around `m` is
    about `amplitude**2`, the average over a column that is spread evenly.

    A network whose weights have priors around 0 falls as often as it rises: calibrated to a monotone target, it matches
    its size and how fast it changes, and the distance that stays says what it cannot match.

    Parameters
    ----------
    lengthscale
        How far in `x` a function has to go to change, in the units of `X`: a number, or one for each column.
    amplitude
        Standard deviation of the function at a point, in the units of the response.
    mean
        As of `GP`.
    monotone
        `"increasing"`, `"decreasing"`, or None.
    column
        Which column it is monotone in, by name or position; needed where `X` has several.
    smooth
        Whether functions have all derivatives, or one.
    period
        After which functions repeat, in the units of `X`.

    Raises
    ------
    SpecError
        If a number is not positive, or the constraints contradict each other.

    Examples
    --------
    >>> from pbnn import priors
    >>> priors.FunctionPrior(lengthscale=3.0, amplitude=10.0, monotone="increasing").monotone
    'increasing'
    """

    lengthscale: Lengthscale = 1.0
    amplitude: float = 1.0
    mean: float | None = None
    _: KW_ONLY
    monotone: Literal["increasing", "decreasing"] | None = None
    column: str | int | None = None
    smooth: bool = True
    period: float | None = None

    def __post_init__(self) -> None:
        check_lengthscale(self)
        require_numbers(self, "amplitude", positive=True)
        if self.mean is not None:
            require_numbers(self, "mean")
        if self.monotone not in (None, *DIRECTIONS):
            raise SpecError(
                f"FunctionPrior: monotone must be 'increasing', 'decreasing' or None; got {self.monotone!r}."
            )
        if not isinstance(self.smooth, bool):
            raise SpecError(f"FunctionPrior: smooth must be True or False; got {self.smooth!r}.")
        if self.column is not None and self.monotone is None:
            raise SpecError("FunctionPrior: column says where a function is monotone; pass monotone too.")
        if self.period is not None:
            require_numbers(self, "period", positive=True)
            if self.monotone is not None:
                raise SpecError(
                    "FunctionPrior: monotone and period contradict each other: a function that repeats and only "
                    f"goes one way is constant. Got monotone={self.monotone!r}, period={self.period!r}; drop one."
                )
            if not self.smooth:
                raise SpecError("FunctionPrior: functions with a period are smooth; drop smooth=False.")


FunctionTarget = GP | FunctionPrior
