"""Models whose predictions are mixed: an `Average` in the place of a `BNN`, a `Mixture` in that of a `Forward`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self, final

import numpy as np
import xarray as xr

from pbnn.errors import ModelError
from pbnn.graph.build import BNN
from pbnn.graph.columns import Columns
from pbnn.graph.response import Response
from pbnn.predict.forward import MIN_RESPONSES, Forward, forward_of
from pbnn.target import Data, Precision

DRAWS_AT_ONCE = 1024
"""Of one member: what they give is made beside the whole, and copied into it."""


@final
@dataclass(frozen=True, slots=True, eq=False)
class Average:
    """Models of one response whose predictions are mixed; `pbnn.average` makes it, with the tree that goes with it.

    `predict`, `score`, `pbnn.assess.pointwise`, `save` and what is made of them take it in the place of a BNN.

    Attributes
    ----------
    models
        The BNNs, by name.
    """

    models: Mapping[str, BNN]

    @property
    def columns(self) -> Columns:
        """How inputs are encoded, by all models alike."""
        return self._first.columns

    @property
    def response(self) -> Response:
        """What is known of the response, but for its standardisation, which each model has of its own."""
        return self._first.response

    @property
    def _first(self) -> BNN:
        return next(iter(self.models.values()))

    def __str__(self) -> str:
        parts = [f"  {name}: {str(bnn).splitlines()[0]}" for name, bnn in self.models.items()]
        return "\n".join([f"Average of {len(self.models)} models", *parts])

    __repr__ = __str__


@final
@dataclass(frozen=True, slots=True, eq=False)
class Mixture:
    """Draws of several models, ready to run on inputs, as a `Forward` is.

    Attributes
    ----------
    bnn
        The models.
    members
        Each with all its draws.
    z
        Which member and which of its draws, `(draw, 2)`.
    seed
        Of the draws of the response.
    """

    bnn: Average
    members: tuple[Forward, ...]
    z: np.ndarray
    seed: int

    @property
    def precision(self) -> Precision:
        """What the results are in: the wider of what the members compute in."""
        return max(member.precision for member in self.members)

    @property
    def cells(self) -> dict[str, np.dtype]:
        """As of `Forward`."""
        return next(member.cells for member in self.members if member.precision == self.precision)

    @property
    def one_output(self) -> bool:
        """Whether one output stands for those of all draws of some member."""
        return any(member.one_output for member in self.members)

    @property
    def gives_normals(self) -> bool:
        """As of `Forward`."""
        return all(member.gives_normals for member in self.members)

    def with_many_responses(self) -> Self:
        """As of `Forward`."""
        return replace(self, z=np.tile(self.z, (-(-MIN_RESPONSES // len(self.z)), 1)))

    def allocate(self, names: Iterable[str], rows: int) -> dict[str, np.ndarray]:
        """Return empty arrays `(draw, rows, ...)` for `fill` to write into."""
        return {name: np.empty((len(self.z), rows), self.cells[name]) for name in names}

    def fill(self, X: np.ndarray, into: dict[str, np.ndarray], first_row: int = 0) -> None:
        """Write what every draw gives at encoded inputs, as `Forward.fill` does."""
        for at, part in self._parts():
            found = part.allocate(into, len(X))
            part.fill(X, found, first_row)
            for name, values in into.items():
                values[at] = found[name]

    def bind(self, X: np.ndarray, y: np.ndarray) -> Data:
        """Return encoded observations as `log_likelihood` takes them; each model standardises them for itself."""
        return {"x": X, "y": y, "y_loc": np.zeros(())}

    def log_likelihood(self, data: Data) -> np.ndarray:
        """Return the log-likelihood `(draw, obs)` of data (`bind`), in nats."""
        out = np.empty((len(self.z), len(data["x"])), self.precision)
        for at, part in self._parts():
            out[at] = part.log_likelihood(part.bind(data["x"], data["y"]))
        return out

    def _parts(self) -> Iterable[tuple[np.ndarray, Forward]]:
        """Cut the draws into some of one member each, and say where they belong."""
        for i, member in enumerate(self.members):
            mine = np.flatnonzero(self.z[:, 0] == i)
            for start in range(0, len(mine), DRAWS_AT_ONCE):
                at = mine[start : start + DRAWS_AT_ONCE]
                seed = int(np.random.SeedSequence([self.seed, i, start]).generate_state(1)[0])
                yield at, replace(member, z=member.z[self.z[at, 1]], seed=seed)


@forward_of.register
def _(
    average: Average, idata: xr.DataTree, posterior: xr.Dataset, seed: int, precision: Precision | None = None
) -> Mixture:
    if "members" not in idata.children or "member" not in posterior:
        raise ModelError("average: the tree is not the one that pbnn.average returned with the models.")
    stored = names_of(idata)
    if stored != list(average.models):
        raise ModelError(
            f"average: the tree is of the models {stored}, and these are {list(average.models)}."
        )
    members = []
    for i, bnn in enumerate(average.models.values()):
        tree = idata["members"][str(i)]
        draws = tree["posterior"].to_dataset().rename(sample="draw").expand_dims("chain")
        members.append(forward_of(bnn, tree, draws, seed, precision))
    z = np.stack([posterior[name].to_numpy().ravel() for name in ("member", "source")], axis=1)
    return Mixture(average, tuple(members), z, seed)


def names_of(idata: xr.DataTree) -> list[str]:
    """Return the names of the models that a tree averages."""
    return [str(name) for name in idata["weights"]["model"].to_numpy()] if "weights" in idata.children else []


def as_sample(posterior: xr.Dataset, keep: np.ndarray) -> xr.Dataset:
    """Return some draws of a posterior group under one dim, so that thinning the whole leaves them in place."""
    flat: dict[Any, Any] = {}
    for name, values in posterior.data_vars.items():
        values = values.transpose("chain", "draw", ...)
        array = values.to_numpy()
        flat[name] = (("sample", *values.dims[2:]), array.reshape(-1, *array.shape[2:])[keep])
    coords = {k: v for k, v in posterior.coords.items() if not {"chain", "draw"} & {k, *v.dims}}
    return xr.Dataset(flat, coords)
