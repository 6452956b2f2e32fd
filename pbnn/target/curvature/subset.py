"""Some of a target's variables as a flat vector, the others held where they are."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self, final

import jax
import jax.numpy as jnp
import numpy as np

from pbnn.errors import MethodError, unknown
from pbnn.target.graphs import Variable
from pbnn.target.target import Target

Array = jax.Array


@final
@dataclass(frozen=True, eq=False)
class Subset:
    """The variables `names` of a target, laid out in a flat vector `u` in the order of `z`.

    Examples
    --------
    >>> import numpy as np, pbnn
    >>> from pbnn import likelihoods
    >>> from pbnn.target import Target
    >>> from pbnn.target.curvature import Subset
    >>> X = np.linspace(-1, 1, 20)[:, None]
    >>> bnn = pbnn.build(pbnn.Network([pbnn.Dense(5)], likelihoods.Gaussian()), X, X[:, 0] ** 2)
    >>> Subset.of(Target.of(bnn), ["out_weight", "out_bias"]).dim
    6
    """

    target: Target
    names: tuple[str, ...]

    @classmethod
    def of(cls, target: Target, names: Sequence[str] | None = None) -> Self:
        """Choose variables by name; None takes all.

        Raises
        ------
        MethodError
            If a name is not that of a free variable; the message lists those there are.
        """
        known = [v.name for v in target.variables]
        for name in names or ():
            if name not in known:
                raise MethodError(unknown("subset", "variable", name, known))
        return cls(target, tuple(n for n in known if names is None or n in names))

    @cached_property
    def variables(self) -> tuple[Variable, ...]:
        """The variables, in the order of `u`."""
        return tuple(v for v in self.target.variables if v.name in self.names)

    @cached_property
    def dim(self) -> int:
        """Length of `u`."""
        return sum(v.size for v in self.variables)

    @cached_property
    def positions(self) -> np.ndarray:
        """Where in `z` the values of `u` stand `(dim,)`."""
        starts = np.cumsum([0, *(v.size for v in self.target.variables)])
        parts = [
            np.arange(start, start + v.size)
            for start, v in zip(starts, self.target.variables, strict=False)
            if v.name in self.names
        ]
        return np.concatenate(parts) if parts else np.zeros(0, int)

    @cached_property
    def slices(self) -> dict[str, slice]:
        """Where in `u` each variable stands."""
        ends = np.cumsum([v.size for v in self.variables])
        return {v.name: slice(int(e) - v.size, int(e)) for v, e in zip(self.variables, ends, strict=True)}

    def take(self, z: Array) -> Array:
        """Return `u` of `z`."""
        return jnp.asarray(z)[self.positions]

    def put(self, u: Array, z: Array) -> list[Array]:
        """Return `z` with `u` in its place, as the list of its variables that `Target` takes for `z`."""
        parts = self.target.split(z)
        for i, v in enumerate(self.target.variables):
            if v.name in self.names:
                parts[i] = u[self.slices[v.name]].reshape(v.shape)
        return parts

    def outputs(self, u: Array, z: Array, x: Array) -> Array:
        """Return the outputs of the network `(obs, n_outputs)` at `u`."""
        return self.target.outputs(self.put(u, z), x)


def weight_scales(target: Target, z: Array, names: Sequence[str]) -> dict[str, Array]:
    """Return by how much weights, on their own scale, move with their unconstrained values: by name, in their shape.

    Their transforms are elementwise, so one derivative along all of them tells.
    """
    parts = target.split(z)
    along = [
        jnp.ones_like(part) if v.name in names else jnp.zeros_like(part)
        for part, v in zip(parts, target.variables, strict=True)
    ]
    _, moved = jax.jvp(target.constrain, (parts,), (along,))
    return {name: moved[name] for name in names}
