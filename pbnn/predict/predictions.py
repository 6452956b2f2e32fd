"""`predict`: draws of the response at new inputs, or their summary."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, get_args

import numpy as np
import xarray as xr

from pbnn.errors import DataError, MethodError, ModelError, of_estimator, unknown
from pbnn.graph.build import BNN
from pbnn.graph.texts import first_difference
from pbnn.predict.forward import TILE_ROWS, Forward, forward_of
from pbnn.predict.mixture import Average
from pbnn.predict.rows import encode_rows, inputs_dataset
from pbnn.predict.summary import summarize_classes, summarize_numbers
from pbnn.target import Precision
from pbnn.target.cores import on_all_cores

Kind = Literal["draws", "summary"]
THIN = "idata.sel(draw=slice(None, None, 10))"
SUMMARY_BYTES = 2**28
"""A summary takes about this many bytes of draws at a time: more would be no faster."""


def predict(
    bnn: BNN | Average,
    idata: xr.DataTree,
    X: Any = None,
    *,
    seed: int | None = None,
    kind: Kind = "draws",
    quantiles: Sequence[float] = (0.05, 0.25, 0.5, 0.75, 0.95),
    memory: float = 2e9,
    precision: Precision | None = None,
) -> xr.DataTree:
    """Predict the response at new inputs.

    Parameters
    ----------
    bnn
        The model, from `build` or `load`, or an average of several, from `average`.
    idata
        Its fit: any tree with a `posterior` of this model, also one from `pm.sample(model=bnn.model)`.
    X
        Inputs `(obs, feature)`, as given to `build`; None takes the training data. The index of a DataFrame becomes
        the coordinate `obs`.
    seed
        Of the draws of the response; the same seed gives the same draws, whatever `kind` and `memory`.
    kind
        `"draws"`, or `"summary"` over the draws, which needs memory for the summary alone.
    quantiles
        Which ones a summary gives; with none, `()`, of a response that is no angle, it takes no draws of the response.
    memory
        The most that draws may take, in bytes.
    precision
        What to compute in, `"float32"` or `"float64"`; None chooses, as said below.

    Returns
    -------
    DataTree
        Group `predictions`, and `predictions_constant_data` with `X` (categories as codes).

        Draws, dims `(chain, draw, obs[, output])`: `y`, draws of the response, and `mu`, its mean given the weights.
        For classes: `y` `(chain, draw, obs)`, codes of `bnn.response.classes`, and `p` `(chain, draw, obs, class)`.

        Summary, dims `(obs[, output])` and in the units of `y`: `mean` and `sd` of the response;
        `epistemic_sd`, what more data would reduce, and `aleatoric_sd`, what they would not
        (`sd**2 = epistemic_sd**2 + aleatoric_sd**2`); `quantiles` of the response and `mu_quantiles` of its mean
        `(quantile, obs[, output])`. For classes: `p` `(obs, class)`, `p_quantiles` `(quantile, obs, class)`, and in
        nats `entropy = aleatoric_entropy + epistemic_entropy`. Where the fit has fewer than 1000 draws (MAP has one),
        quantiles come from several responses for each. A fit by `Laplace(predictive="probit")` has one probability
        for all draws, so its two parts of the entropy are NaN.

        Of angles (`VonMises`) the mean is the mean direction, quantiles are laid out around it, and the variance given
        the weights is the mean square of the chord to it. Of times known in part, `y` is when the event comes, seen or
        not. Of `Multinomial` a row has `n` counts.

        Numbers are float32, or float64 where the response has an offset that float32 would round, and for counts,
        positive numbers and angles.

    Raises
    ------
    ShapeError, DataError
        If `X` does not match the training data, or the draws exceed `memory`.
    ModelError
        If `idata` is the fit of another model.
    MethodError
        If an option makes no sense.

    Examples
    --------
    >>> import numpy as np, pbnn
    >>> from pbnn import likelihoods
    >>> X = np.linspace(-1, 1, 20)[:, None]
    >>> bnn = pbnn.build(pbnn.Network([pbnn.Dense(5)], likelihoods.Gaussian()), X, X[:, 0] ** 2)
    >>> prior = pbnn.prior_predict(bnn, draws=10, seed=1)["prior"]
    >>> pred = pbnn.predict(bnn, xr.DataTree.from_dict({"posterior": prior.to_dataset()}), X[:3], seed=2)
    >>> dict(pred["predictions"]["mu"].sizes)
    {'chain': 1, 'draw': 10, 'obs': 3}
    """
    if not isinstance(bnn, BNN | Average):
        raise MethodError(
            f"predict: the first argument must be a BNN (pbnn.build); got {type(bnn).__name__}. For a general pm.Model "
            "use pm.set_data and pm.sample_posterior_predictive."
            f"{of_estimator(bnn)}"
        )
    if kind not in get_args(Kind):
        raise MethodError(unknown("predict", "kind", kind, get_args(Kind)))
    probabilities = np.asarray(quantiles, dtype=float)
    if probabilities.ndim != 1 or not ((probabilities >= 0) & (probabilities <= 1)).all():
        raise MethodError(f"predict: quantiles must lie between 0 and 1; got {quantiles!r}.")
    posterior = posterior_of(idata, "predict", bnn)
    values, obs = encode_rows(bnn, idata, X)
    seed = resolve_seed(seed, "predict")
    forward = forward_of(bnn, idata, posterior, seed, precision)
    if kind == "draws":
        require_memory(forward, len(values), memory, "predict", f"kind='summary', or fewer draws ({THIN})")
        dataset = draw_everywhere(forward, values, posterior.coords)
    else:
        dataset = _summarize(forward, values, probabilities, memory)
    dataset = dataset.assign_coords(obs=obs).assign_attrs(kind=kind, seed=seed)
    return xr.DataTree.from_dict(
        {"predictions": dataset, "predictions_constant_data": inputs_dataset(bnn, values, obs)}
    )


def require_memory(forward: Forward, rows: int, memory: float, where: str, remedy: str) -> None:
    """Raise `DataError` if all draws at that many rows exceed `memory`."""
    size = len(forward.z) * rows * _row_bytes(forward, _drawn(forward))
    if size > memory:
        raise DataError(
            f"{where}: {len(forward.z)} draws at {rows} rows take {size / 1e9:.3g} GB, and memory={memory / 1e9:.3g} "
            f"GB. Pass {remedy}, or a larger memory."
        )


def draw_everywhere(forward: Forward, X: np.ndarray, sample: Mapping[Any, Any]) -> xr.Dataset:
    """Return `y` and `mu`, or `y` and `p`, dims `(chain, draw, obs, ...)`; `sample` has the coords of the first two."""
    names = _drawn(forward)
    arrays = forward.allocate(names, len(X))
    forward.fill(X, arrays)
    coords = {dim: sample[dim] for dim in ("chain", "draw")}
    shape = tuple(len(coord) for coord in coords.values())
    table = {name: (("chain", "draw", "obs"), a.reshape(*shape, *a.shape[1:])) for name, a in arrays.items()}
    return _dataset(forward, table, coords)


def _summarize(forward: Forward, X: np.ndarray, quantiles: np.ndarray, memory: float) -> xr.Dataset:
    classes = forward.bnn.response.kind == "classes"
    names = ("p",) if classes else ("mu", "variance")
    if not classes and (len(quantiles) or forward.bnn.response.circular):
        names = ("y", *names)
        forward = forward.with_many_responses()
    of_row = len(forward.z) * _row_bytes(forward, names)
    if of_row * min(TILE_ROWS, len(X)) > memory:
        raise DataError(
            f"predict: a summary holds {TILE_ROWS} rows of all {len(forward.z)} draws at a time, "
            f"{of_row * TILE_ROWS / 1e9:.3g} GB, and memory={memory / 1e9:.3g} GB. Pass fewer draws "
            f"({THIN}) or a larger memory."
        )
    block = max(1, int(min(memory, SUMMARY_BYTES) / of_row) // TILE_ROWS) * TILE_ROWS
    parts: list[dict[str, np.ndarray]] = []
    for start in range(0, len(X), block):
        here = X[start : start + block]
        arrays = forward.allocate(names, len(here))
        forward.fill(here, arrays, start)

        def one(row: int, arrays: dict[str, np.ndarray] = arrays) -> dict[str, np.ndarray]:
            columns = {name: values[:, row : row + TILE_ROWS] for name, values in arrays.items()}
            if classes:
                return summarize_classes(**columns, quantiles=quantiles)
            columns.setdefault("y", columns["mu"])  # not drawn, since nothing is asked of it
            return summarize_numbers(**columns, quantiles=quantiles, circular=forward.bnn.response.circular)

        parts += on_all_cores(one, range(0, len(here), TILE_ROWS))
    table = {}
    for name in parts[0]:
        dims = ("quantile", "obs") if name.endswith("quantiles") else ("obs",)
        whole = np.concatenate([part[name] for part in parts], axis=len(dims) - 1)
        table[name] = (dims, whole.astype(forward.precision))
    if forward.one_output:
        # Probabilities in closed form: there are none of draws, between which to tell.
        for name in ("aleatoric_entropy", "epistemic_entropy"):
            table[name] = (("obs",), np.full(len(X), np.nan, forward.precision))
    return _dataset(forward, table, {"quantile": quantiles})


def _drawn(forward: Forward) -> list[str]:
    return [name for name in forward.cells if name != "variance"]


def _row_bytes(forward: Forward, names: Iterable[str]) -> int:
    return sum(forward.cells[name].itemsize for name in names)


def _dataset(
    forward: Forward, table: Mapping[str, tuple[tuple[str, ...], np.ndarray]], coords: Mapping[str, Any]
) -> xr.Dataset:
    """Make a dataset whose variables may have a last dim beyond those named: that of the outputs, or the classes."""
    response = forward.bnn.response
    last, labels = ("class", response.classes) if response.kind == "classes" else ("output", response.names)
    variables = {name: ((*dims, last)[: a.ndim], a) for name, (dims, a) in table.items()}
    used = {dim for dims, _ in variables.values() for dim in dims}
    return xr.Dataset(variables, coords={**coords, **({last: list(labels)} if last in used else {})})


def posterior_of(idata: Any, where: str, bnn: Any = None) -> xr.Dataset:
    """Return the posterior group, or raise `ModelError`: if there is none, or it is of another model than `bnn`.

    A fit that does not say what it is of, such as one of `pm.sample`, is judged later, by the shapes of its draws.
    """
    if not isinstance(idata, xr.DataTree) or "posterior" not in idata.children:
        has = list(idata.children) if isinstance(idata, xr.DataTree) else type(idata).__name__
        raise ModelError(
            f"{where}: idata must be a DataTree with a group 'posterior', as pbnn.fit gives; got {has}."
        )
    if isinstance(bnn, BNN) and (wrong := first_difference(bnn, idata.attrs)):
        raise ModelError(
            f"{where}: idata is the fit of another model: {wrong}. Pass the BNN that it belongs to."
        )
    return idata["posterior"].to_dataset()


def resolve_seed(seed: int | None, where: str) -> int:
    """Return the seed, or a new one for None, so that the result can say which it was."""
    if seed is None:
        return int(np.random.SeedSequence().generate_state(1)[0])
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise MethodError(f"{where}: seed must be a whole number >= 0, or None; got {seed!r}.")
    return int(seed)
