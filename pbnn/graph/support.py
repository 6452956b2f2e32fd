"""Which responses a likelihood thinks possible, and how they are brought to a common scale."""

from dataclasses import dataclass
from functools import singledispatch
from math import inf, pi
from typing import Literal, final

import numpy as np

from pbnn.errors import DataError, ShapeError
from pbnn.spec import likelihoods

Kind = Literal["continuous", "counts", "classes"]


@final
@dataclass(frozen=True, slots=True)
class Support:
    """The values that a response may take.

    Attributes
    ----------
    kind
        `"continuous"`, `"counts"` or `"classes"`.
    lower, upper
        Bounds; those of continuous numbers are excluded if `open`.
    words
        The same in words, for errors.
    units
        Whether the network sees the response shifted and scaled, scaled only, or as it is.
    outputs
        How many columns `y` may have: `"one"`, `"several"` (two or more), `"any"`.
    circular
        Whether it is an angle.
    """

    kind: Kind = "continuous"
    lower: float = -inf
    upper: float = inf
    words: str = "numbers"
    units: Literal["shift and scale", "scale", "as is"] = "shift and scale"
    outputs: Literal["one", "several", "any"] = "any"
    open: bool = False
    circular: bool = False

    def check(self, numbers: np.ndarray, where: str, likelihood: str) -> None:
        """Raise `DataError`, naming the row, unless all `numbers` `(obs, output)` are possible."""
        bad = (numbers < self.lower) | (numbers > self.upper)
        if self.open:
            bad |= (numbers == self.lower) | (numbers == self.upper)
        if self.kind == "counts":
            bad |= numbers != np.round(numbers)
        if bad.any():
            row, output = np.argwhere(bad)[0]
            column = f", column {output}" if numbers.shape[1] > 1 else ""
            more = f" and {bad.any(axis=1).sum() - 1} more" if bad.any(axis=1).sum() > 1 else ""
            raise DataError(
                f"{where}: y must hold {self.words} for a {likelihood} likelihood; "
                f"got {numbers[row, output]:g} in row {row}{column}{more}."
            )

    def check_outputs(self, n: int, where: str, likelihood: str) -> None:
        """Raise `ShapeError` if `y` has too many columns, or too few."""
        if self.outputs == "one" and n > 1:
            raise ShapeError(f"{where}: {likelihood} is for one output; y has {n}. Fit one network for each.")
        if self.outputs == "several" and n < 2:
            raise ShapeError(
                f"{where}: {likelihood} needs y of shape (obs, output) with two outputs or more; got one."
            )


COUNTS = "counts 0, 1, 2, ..."
POSITIVE = Support(lower=0.0, open=True, units="scale", words="numbers > 0")


@singledispatch
def support_of(likelihood: object) -> Support:
    """Return what responses a likelihood describes."""
    return Support()


@support_of.register
def _(likelihood: likelihoods.MixtureDensity) -> Support:
    return Support(outputs="one")


@support_of.register
def _(likelihood: likelihoods.MultivariateGaussian) -> Support:
    return Support(outputs="several")


@support_of.register
def _(likelihood: likelihoods.VonMises) -> Support:
    words = "angles in radians, between -2 pi and 2 pi,"
    return Support("continuous", -2 * pi, 2 * pi, words, "as is", circular=True)


@support_of.register
def _(likelihood: likelihoods.Beta) -> Support:
    return Support("continuous", 0.0, 1.0, "numbers strictly between 0 and 1", "as is", open=True)


@support_of.register
def _(likelihood: likelihoods.Gamma | likelihoods.LogNormal | likelihoods.Weibull) -> Support:
    return POSITIVE


@support_of.register
def _(
    likelihood: likelihoods.Poisson | likelihoods.NegativeBinomial | likelihoods.ZeroInflatedPoisson,
) -> Support:
    return Support("counts", 0.0, words=COUNTS, units="scale")


@support_of.register
def _(likelihood: likelihoods.Binomial) -> Support:
    return Support("counts", 0.0, likelihood.n, f"counts from 0 to n = {likelihood.n}", "as is")


@support_of.register
def _(likelihood: likelihoods.Multinomial) -> Support:
    return Support("counts", 0.0, words=COUNTS, units="as is", outputs="several")


@support_of.register
def _(likelihood: likelihoods.Bernoulli | likelihoods.Categorical | likelihoods.Ordinal) -> Support:
    return Support("classes", units="as is")
