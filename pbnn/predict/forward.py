"""All draws of the weights at all rows of the inputs, tile by tile, on all cores.

A tile is a few draws at a few rows: small enough that its activations stay in the processor's cache, which makes it
several times faster than all draws at once. Its random numbers follow from the seed, the number of each draw and the
number of the tile's rows, so they depend neither on the order of the work nor on the memory allowed.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial, singledispatch
from itertools import product
from math import prod
from typing import Any, Self, final

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from pbnn.errors import ModelError
from pbnn.graph.build import BNN
from pbnn.predict.linearized import Linearization
from pbnn.predict.recalibration import Recalibration
from pbnn.spec import likelihoods
from pbnn.target import Data, Precision, Target
from pbnn.target.cores import on_all_cores
from pbnn.target.jaxify import scope

TILE_ROWS = 256
TILE_VALUES = 2**20
"""How many values the widest layer of a tile may hold on a CPU: in float32 they fill a cache of 4 MiB."""
TILE_VALUES_ACCELERATOR = 2**26
MIN_RESPONSES = 1000

Tiles = tuple[Callable[..., dict[str, Any]], Callable[..., dict[str, Any]]]
"""Compiled functions that predict, and that give the log-likelihood."""


@final
@dataclass(frozen=True, slots=True, eq=False)
class Forward:
    """A network with all draws of its weights, ready to run on inputs.

    Attributes
    ----------
    bnn
        The model.
    precision
        What it computes in.
    z
        Draws `(chain * draw, dim)`, unconstrained.
    width
        Numbers that the widest layer holds of a row.
    seed
        Of the draws of the response.
    tiles
        What runs it.
    linearized
        Where the network is linearised; None leaves it as it is.
    recalibration
        How its predictive distributions are moved; None leaves them as they are.
    """

    bnn: BNN
    precision: Precision
    z: np.ndarray
    width: int
    seed: int
    tiles: Tiles
    linearized: Linearization | None = None
    recalibration: Recalibration | None = None

    @classmethod
    def of(
        cls,
        bnn: BNN,
        posterior: xr.Dataset,
        seed: int,
        linearized: Linearization | None = None,
        recalibration: Recalibration | None = None,
        precision: Precision | None = None,
    ) -> Self:
        """Read the draws of a posterior group; `ModelError` if it belongs to another model."""
        precision = precision or choose_precision(bnn)
        target = Target.of(bnn, precision)
        z = np.asarray(target.draws(posterior)).reshape(-1, target.dim)
        tiles = target.once("tiles", lambda: _tiles(target))
        return cls(bnn, precision, z, widest(bnn, target), seed, tiles, linearized, recalibration)

    @property
    def gives_normals(self) -> bool:
        """Whether the response given the weights is normal, with what `mu` and `variance` say."""
        moved = self.recalibration is not None and self.recalibration.method == "isotonic"
        return isinstance(self.bnn.network.likelihood, likelihoods.Gaussian) and not moved

    @property
    def cells(self) -> dict[str, np.dtype]:
        """What each draw gives at one row, as NumPy types that include the shape."""
        response, real = self.bnn.response, self.precision
        if response.kind == "classes":
            return {"y": np.dtype(np.int32), "p": np.dtype((real, (len(response.classes),)))}
        outputs = () if response.vector else (len(response.names),)
        y = np.int64 if response.kind == "counts" else real
        return {name: np.dtype((t, outputs)) for name, t in (("y", y), ("mu", real), ("variance", real))}

    def with_many_responses(self) -> Self:
        """Repeat the draws of the weights, if they are few (MAP has one), so that each gives several responses."""
        return replace(self, z=np.tile(self.z, (-(-MIN_RESPONSES // len(self.z)), 1)))

    def unmoved(self) -> Self:
        """Return the same without the recalibration: what the posterior was made with."""
        return replace(self, recalibration=None)

    def allocate(self, names: Iterable[str], rows: int) -> dict[str, np.ndarray]:
        """Return empty arrays `(chain * draw, rows, ...)` for `fill` to write into."""
        return {name: np.empty((len(self.z), rows), self.cells[name]) for name in names}

    def fill(self, X: np.ndarray, into: dict[str, np.ndarray], first_row: int = 0) -> None:
        """Write what every draw gives at encoded inputs `X` `(obs, feature)` into arrays `(chain * draw, obs, ...)`.

        Where `X` is part of a longer table, `first_row` is the number of its first row: a multiple of `TILE_ROWS`.
        """
        x = self.bnn.columns.standardize(X).astype(self.precision)
        if self.recalibration is None:
            self._fill(x, into, first_row)
        else:
            self._fill_moved(x, into, first_row)

    def _fill_moved(self, x: np.ndarray, into: dict[str, np.ndarray], first_row: int = 0) -> None:
        """Fill arrays, and move the draws of each row as the recalibration says."""
        moves, n = self.recalibration, len(x)
        assert moves is not None
        if "p" in self.cells:
            whole = into | (self.allocate(["p"], n) if "p" not in into else {})
            self._fill(x, {"p": whole["p"]}, first_row)
            for row in range(0, n, TILE_ROWS):
                here = slice(row, row + TILE_ROWS)
                moves.move_probabilities(whole["p"][:, here])
                if "y" in whole:
                    number = (first_row + row) // TILE_ROWS
                    whole["y"][:, here] = self._draw_codes(whole["p"][:, here], number)
            return
        whole = into | (self.allocate(["mu"], n) if "mu" not in into else {})
        self._fill(x, whole, first_row)
        if moves.factor.size:
            moves.stretch(whole)
        if moves.method == "isotonic":
            many = whole.get("y") if len(self.z) >= MIN_RESPONSES else None
            moves.move_ranks(whole, self._responses(x, first_row) if many is None else many)

    def _responses(self, x: np.ndarray, first_row: int = 0) -> np.ndarray:
        """Return many responses `(response, obs)`, stretched if need be, but of their own ranks."""
        many, moves = self.with_many_responses(), self.recalibration
        drawn = many.allocate(["y", "mu"], len(x))
        many._fill(x, drawn, first_row)
        if moves is not None and moves.factor.size:
            moves.stretch(drawn)
        return drawn["y"]

    def _draw_codes(self, p: np.ndarray, number: int) -> np.ndarray:
        """Draw a class from each of the probabilities `(draw, rows, class)` of a tile."""
        u = np.random.default_rng([self.seed, 1, number]).uniform(size=(len(p), TILE_ROWS))
        return (u[:, : p.shape[1], None] > p.cumsum(axis=2)[..., :-1]).sum(axis=2)

    def _fill(self, x: np.ndarray, into: dict[str, np.ndarray], first_row: int) -> None:
        tile, at = self.tiles[0], self._mode()
        rows = TILE_ROWS if first_row else min(TILE_ROWS, _power_of_two(len(x)))
        words = np.random.SeedSequence(self.seed).generate_state(2, np.uint32)
        key = jax.random.wrap_key_data(words, impl="threefry2x32")
        fixed = self._logits(x)

        def run(z: np.ndarray, draw: int, row: int) -> dict[str, Any]:
            number = np.uint32((first_row + row) // TILE_ROWS)
            here, f = (None if v is None else _filled_up(v[row : row + rows], rows) for v in (x, fixed))
            return tile(z, here, at, f, key, np.uint32(draw), number, with_y="y" in into)

        self._tile_by_tile(run, into, rows)

    def bind(self, X: np.ndarray, y: np.ndarray) -> Data:
        """Return observations, encoded and in the user's units, as `log_likelihood` takes them."""
        return Target.of(self.bnn, self.precision).bind_encoded(X, y)

    def log_likelihood(self, data: Data) -> np.ndarray:
        """Return the log-likelihood `(chain * draw, obs)` of data (`Target.bind`) for every draw, in nats."""
        if self.recalibration is None:
            return self._log_likelihood(data)
        return self._log_likelihood_moved(data, self.recalibration)

    def _log_likelihood_moved(self, data: Data, moves: Recalibration) -> np.ndarray:
        """Return the log-likelihood of distributions that are moved: by the change of variables."""
        x, y = np.asarray(data["x"]), np.asarray(data["y"])
        if "p" in self.cells:
            p = self.allocate(["p"], len(x))
            self._fill_moved(x, p)
            with np.errstate(divide="ignore"):  # a draw may give a class no probability
                return np.log(p["p"][:, np.arange(len(x)), y.astype(int)])
        found = self._log_likelihood_stretched(data) if moves.factor.size else self._log_likelihood(data)
        if moves.method == "isotonic":
            found = found + moves.log_slope((self._responses(x) < y + self._offset()).mean(axis=0))
        return found

    def _log_likelihood_stretched(self, data: Data) -> np.ndarray:
        moves, x, y = self.recalibration, np.asarray(data["x"]), np.asarray(data["y"])
        assert moves is not None
        drawn = self.allocate(["mu"], len(x))
        self._fill(x, drawn, 0)
        mean = drawn["mu"].mean(axis=0, dtype=float) - self._offset()
        factor = moves.factor if y.ndim == 2 else moves.factor[0]
        inside = (mean + (y - mean) / factor).astype(self.precision)
        return self._log_likelihood({**data, "y": inside}) - np.log(moves.factor).sum()

    def _offset(self) -> np.ndarray:
        """Return by how much bound responses are shifted; the `y_loc` of bound data is what is left to shift: 0."""
        return self.bnn.y_loc.get_value()

    def _log_likelihood(self, data: Data) -> np.ndarray:
        tile, at = self.tiles[1], self._mode()
        x, y = np.asarray(data["x"]), np.asarray(data["y"])
        rows = min(TILE_ROWS, _power_of_two(len(x)))
        out = {"log_likelihood": np.empty((len(self.z), len(x)), self.precision)}
        fixed = self._logits(x)

        def run(z: np.ndarray, draw: int, row: int) -> dict[str, Any]:
            here = (None if v is None else _filled_up(v[row : row + rows], rows) for v in (x, y, fixed))
            return tile(z, *here, at, data["y_loc"])

        self._tile_by_tile(run, out, rows)
        return out["log_likelihood"]

    @property
    def one_output(self) -> bool:
        """Whether one output stands for those of all draws."""
        return self.linearized is not None and self.linearized.predictive == "probit"

    def _mode(self) -> np.ndarray | None:
        """Return where outputs are linearised, if they are."""
        if self.linearized is None or self.linearized.predictive != "glm":
            return None
        return self.linearized.mode.astype(self.precision)

    def _logits(self, x: np.ndarray) -> np.ndarray | None:
        """Return outputs that stand for those of all draws, if there are such."""
        if not self.one_output:
            return None
        assert self.linearized is not None
        return self.linearized.logits(self.bnn, x, self.precision)

    def _tile_by_tile(
        self, run: Callable[..., dict[str, Any]], into: dict[str, np.ndarray], rows: int
    ) -> None:
        """Call `run(z, draw, row)` for each tile, whose results may be filled up, and write them where they belong."""
        draws = self._draws_in_tile(rows)
        n_draws, n_rows = next(iter(into.values())).shape[:2]

        def one(at: tuple[int, int]) -> None:
            row, draw = at
            here = np.s_[draw : min(draw + draws, n_draws), row : min(row + rows, n_rows)]
            with scope(self.precision):
                out = run(_filled_up(self.z[here[0]], draws), draw, row)
                for name, values in into.items():
                    n, m = values[here].shape[:2]
                    values[here] = np.asarray(out[name])[:n, :m]

        on_all_cores(one, product(range(0, n_rows, rows), range(0, n_draws, draws)))

    def _draws_in_tile(self, rows: int) -> int:
        values = TILE_VALUES if jax.default_backend() == "cpu" else TILE_VALUES_ACCELERATOR
        fit = max(1, values // (rows * self.width))
        return min(1 << (fit.bit_length() - 1), _power_of_two(len(self.z)))


@singledispatch
def forward_of(
    model: Any, idata: xr.DataTree, posterior: xr.Dataset, seed: int, precision: Precision | None = None
) -> Any:
    """Return the draws of a fit, ready to run on inputs; `posterior` is its group of draws."""
    raise ModelError(f"predict: {type(model).__name__} is neither a BNN nor an average of some.")


@forward_of.register
def _(
    bnn: BNN, idata: xr.DataTree, posterior: xr.Dataset, seed: int, precision: Precision | None = None
) -> Forward:
    return Forward.of(bnn, posterior, seed, Linearization.of(idata), Recalibration.of(idata), precision)


def widest(bnn: BNN, target: Target) -> int:
    """Return how many numbers of a row the widest layer holds, over all positions of a sequence or an image."""
    units = (v.shape[-1] for v in target.variables if v.shape)
    maps = (a.n_positions * max(a.n_in, a.n_out) for a in bnn.affines)
    return max(*units, *maps, *(prod(shape) for shape in bnn.shapes))


def choose_precision(bnn: BNN) -> Precision:
    """Choose float32, unless it would eat digits that matter.

    So it would where the offset of a response is large beside its spread; and with counts, which JAX draws by
    comparing `k log(rate)` with `log k!`: at rates in the thousands float32 no longer resolves their difference; with
    positive numbers, whose tails may pass 1e38; and with angles, of which the cosine is drawn.
    """
    response = bnn.response
    offset = np.abs(response.loc) > 1e3 * np.asarray(response.scale)
    wide = response.kind == "counts" or response.support.units == "scale" or response.circular
    return "float64" if wide or offset.any() else "float32"


def _tiles(target: Target) -> Tiles:
    """Return functions of draws `(draw, dim)` and rows that give arrays `(draw, obs, ...)` by name."""

    def outputs(z: Any, x: Any, mode: Any, fixed: Any) -> Any:
        if fixed is not None:
            return fixed
        if mode is None:
            return target.outputs(z, x)
        f, change = jax.jvp(lambda z: target.outputs(z, x), (mode,), (z - mode,))
        return f + change

    @partial(jax.jit, static_argnames="with_y")
    def predictions(
        z: Any, x: Any, mode: Any, fixed: Any, key: Any, first: Any, number: Any, *, with_y: bool
    ) -> dict[str, Any]:
        def one(z: Any, draw: Any) -> dict[str, Any]:
            f = outputs(z, x, mode, fixed)
            if not with_y:
                return target.parameters_of(f, z)
            own = jax.random.fold_in(jax.random.fold_in(key, draw), number)
            y = target.draw_response_of(f, z, own)
            classes = target.bnn is not None and target.bnn.response.kind == "classes"
            return {"y": y.astype(jnp.int32) if classes else y, **target.parameters_of(f, z)}

        return jax.vmap(one)(z, first + jnp.arange(len(z), dtype=jnp.uint32))

    @jax.jit
    def log_likelihood(z: Any, x: Any, y: Any, fixed: Any, mode: Any, y_loc: Any) -> dict[str, Any]:
        data = {"x": x, "y": y, "y_loc": y_loc}

        def one(z: Any) -> Any:
            terms = target.log_likelihood_of(outputs(z, x, mode, fixed), z, data)
            return terms if terms.ndim == 1 else terms.sum(axis=1)

        return {"log_likelihood": jax.vmap(one)(z)}

    return predictions, log_likelihood


def _filled_up(values: np.ndarray, n: int) -> np.ndarray:
    """Repeat the last row up to `n`, so that one compiled function serves the last block too."""
    missing = n - len(values)
    return np.concatenate([values, np.repeat(values[-1:], missing, axis=0)]) if missing else values


def _power_of_two(n: int) -> int:
    return 1 << (n - 1).bit_length()
