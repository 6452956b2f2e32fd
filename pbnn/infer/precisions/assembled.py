"""A Gaussian made of independent blocks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self, final

import numpy as np
import xarray as xr

from pbnn.infer.precisions.block import CurvatureBlock, GaussianBlock
from pbnn.infer.precisions.dense import DenseGaussian
from pbnn.infer.precisions.diag import DiagGaussian
from pbnn.infer.precisions.kron import KronGaussian
from pbnn.infer.precisions.lowrank import RootGaussian

Array = np.ndarray

KINDS: dict[str, type] = {
    "dense": DenseGaussian,
    "diag": DiagGaussian,
    "kron": KronGaussian,
    "root": RootGaussian,
}
"""The kinds of blocks by the name under which they are stored."""


@final
@dataclass(frozen=True, eq=False)
class Curvature:
    """The curvature of the log-likelihood, block by block, each at its place in a vector of length `dim`."""

    dim: int
    places: tuple[slice, ...]
    blocks: tuple[CurvatureBlock, ...]

    def gaussian(self, c: Array, prior: Array) -> "Gaussian":
        """Return the Gaussian with precision `sum_g c_g G_g + diag(prior)`."""
        return Gaussian(
            self.dim,
            self.places,
            tuple(b.gaussian(c, prior[at]) for at, b in zip(self.places, self.blocks, strict=True)),
        )


@final
@dataclass(frozen=True, eq=False)
class Gaussian:
    """A Gaussian of mean 0 with independent blocks."""

    dim: int
    places: tuple[slice, ...]
    blocks: tuple[GaussianBlock, ...]

    @property
    def logdet(self) -> float:
        """Logarithm of the determinant of the precision."""
        return sum(b.logdet for b in self.blocks)

    @property
    def notes(self) -> list[str]:
        """What it took to factorise the blocks, if anything."""
        return [note for b in self.blocks if (note := getattr(b, "note", ""))]

    def variances(self) -> Array:
        """Return the diagonal of the covariance `(dim,)`."""
        return np.concatenate([b.variances() for b in self.blocks])

    def sample(self, noise: Array) -> Array:
        """Turn standard normal numbers `(n, dim)` into draws `(n, dim)`."""
        return np.concatenate([b.sample(noise[:, at]) for at, b in self._at_places()], axis=1)

    def whiten(self, rows: Array) -> Array:
        """Turn linear functions `(..., dim)` into such of independent standard normal variables `(..., k)`.

        Their products are the covariances of the functions.
        """
        flat = rows.reshape(-1, self.dim)
        white = [b.whiten(flat[:, at]) for at, b in self._at_places()]
        return np.concatenate(white, axis=1).reshape(*rows.shape[:-1], -1)

    def covariance(self, rows: Array) -> Array:
        """Return the covariances of `k` linear functions at a time: `(m, k, dim)` to `(m, k, k)`."""
        white = self.whiten(rows)
        return np.einsum("mki,mli->mkl", white, white, optimize=True)

    def squares(self, vectors: Array) -> Array:
        """Return `v' P v` of vectors `(n, dim)`, with the precision `P`: `(n,)`."""
        return np.sum([b.squares(vectors[:, at]) for at, b in self._at_places()], axis=0)

    def coupling(self, prior: Array, groups: Sequence[slice]) -> Array:
        """Return `sum_ij prior_i prior_j S_ij²`, with `S` the covariance, over each pair of groups."""
        out = np.zeros((len(groups), len(groups)))
        for at, block in self._at_places():
            mine = [i for i, g in enumerate(groups) if at.start <= g.start and g.stop <= at.stop]
            inner = [slice(groups[i].start - at.start, groups[i].stop - at.start) for i in mine]
            out[np.ix_(mine, mine)] = block.coupling(prior[at], inner)
        return out

    def shares(self) -> Array:
        """Return the effective number of parameters that each part of the information determines `(part,)`."""
        return np.sum([b.shares() for b in self.blocks], axis=0)

    def to_dataset(self) -> xr.Dataset:
        """Return all blocks as arrays, to be stored."""
        variables, kinds = {}, {cls: kind for kind, cls in KINDS.items()}
        for i, (at, block) in enumerate(self._at_places()):
            kind = kinds[type(block)]
            for name, array in block.arrays().items():
                label = f"block{i}_{name}"
                dims = tuple(f"{label}_dim_{d}" for d in range(array.ndim))
                variables[label] = (dims, array, {"kind": kind, "start": at.start, "stop": at.stop})
        return xr.Dataset(variables, attrs={"dim": self.dim, "blocks": len(self.blocks)})

    @classmethod
    def of(cls, stored: xr.Dataset) -> Self:
        """Read what `to_dataset` returned."""
        places, blocks = [], []
        for i in range(int(stored.attrs["blocks"])):
            mine = {str(n): v for n, v in stored.data_vars.items() if str(n).startswith(f"block{i}_")}
            about = next(iter(mine.values())).attrs
            places.append(slice(int(about["start"]), int(about["stop"])))
            arrays = {n.removeprefix(f"block{i}_"): v.to_numpy() for n, v in mine.items()}
            blocks.append(KINDS[about["kind"]](**arrays))
        return cls(int(stored.attrs["dim"]), tuple(places), tuple(blocks))

    def _at_places(self) -> list[tuple[slice, GaussianBlock]]:
        return list(zip(self.places, self.blocks, strict=True))
