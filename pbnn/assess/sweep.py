"""All draws of the weights through the network, compiled once, in blocks of rows that fit in memory."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Self, final

import jax
import numpy as np
import xarray as xr

from pbnn.errors import ModelError
from pbnn.graph.build import BNN
from pbnn.target import Data, Target

BLOCK_BYTES = 128 * 2**20
"""About the largest array alive at a time."""


@final
@dataclass(frozen=True, eq=False)
class Draws:
    """Draws of the weights, flat and in float64, whatever precision they were sampled in.

    Attributes
    ----------
    target
        What they are weights of.
    z
        `(chain * draw, dim)`.
    shape
        `(chain, draw)`.
    """

    target: Target
    z: Any
    shape: tuple[int, int]

    @classmethod
    def of(cls, bnn: BNN, idata: xr.DataTree) -> Self:
        """Read the draws of a fit.

        Raises
        ------
        ModelError
            If it is no fit, or that of another model.
        """
        if not isinstance(bnn, BNN):
            raise ModelError(f"assess: expected what pbnn.build returned; got {type(bnn).__name__}.")
        if not isinstance(idata, xr.DataTree) or "posterior" not in idata.children:
            raise ModelError(
                f"assess: expected what pbnn.fit returned, with a group 'posterior'; got {type(idata).__name__}."
            )
        target = Target.of(bnn, "float64")
        z = target.draws(idata["posterior"].to_dataset())
        return cls(target, z.reshape(-1, target.dim), (z.shape[0], z.shape[1]))

    @property
    def n(self) -> int:
        """Number of draws in all chains."""
        return int(self.z.shape[0])

    def sweep(
        self, function: Callable[..., Any], data: Data, *, copies: int = 1, seed: int | None = None
    ) -> Iterator[tuple[slice, Any]]:
        """Call `function(z, data, key)` for each draw and block of rows.

        Parameters
        ----------
        function
            Pure JAX; the arrays that it returns have the rows first. `key` is new for each draw and block.
        data
            As `Target.bind` makes it; `x` alone is enough for predictions.
        copies
            How many values `function` returns for each row, to choose the size of a block.
        seed
            Of the keys.

        Yields
        ------
        slice, tree
            The rows, and the results `(chain * draw, rows, ...)` as NumPy arrays.
        """
        n_rows = len(data["x"])
        size = max(1, min(n_rows, BLOCK_BYTES // (8 * self.n * copies)))
        at_once = max(1, min(64, self.n, BLOCK_BYTES // (8 * size * max(copies, self._width))))
        state = np.random.SeedSequence(seed).generate_state(1)[0]
        # The last blocks, of draws and of rows, are filled up with their last one, so that one compiled loop body
        # serves all.
        draws = _blocks(self.n, at_once).ravel()
        with self.target.scope():
            z = self.z[draws]

            @jax.jit
            def block(z: Any, data: Data, key: Any) -> Any:
                keys = jax.random.split(key, len(draws))
                return jax.lax.map(lambda a: function(a[0], data, a[1]), (z, keys), batch_size=at_once)

            root = jax.random.PRNGKey(state)
            for number, take in enumerate(_blocks(n_rows, size)):
                rows = slice(int(take[0]), int(take[-1]) + 1)
                n = rows.stop - rows.start
                part = {**data, **{name: data[name][take] for name in ("x", "y") if name in data}}
                out = block(z, part, jax.random.fold_in(root, number))
                yield rows, jax.tree.map(lambda a, n=n: np.asarray(a)[: self.n, :n], out)

    @property
    def _width(self) -> int:
        """Length of the longest row of activations."""
        return max((v.shape[-1] for v in self.target.variables if v.shape), default=1)


def spaced(n: int, limit: int | None) -> np.ndarray:
    """Return at most `limit` of the row numbers `0..n-1`, evenly spaced."""
    if limit is None or n <= limit:
        return np.arange(n)
    return np.unique(np.linspace(0, n - 1, limit).round().astype(int))


def _blocks(n: int, size: int) -> np.ndarray:
    """Return the numbers `0..n-1` in blocks `(block, size)`, the last one filled up with `n-1`."""
    return np.minimum(np.arange(-(-n // size) * size), n - 1).reshape(-1, size)
