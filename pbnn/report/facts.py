"""What the report knows of a fit: each fact computed once, when a section first asks for it."""

from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any, final

import numpy as np
import pandas as pd
import xarray as xr

from pbnn.assess import (
    by_group,
    decompose,
    diagnose,
    for_arviz,
    loo_pit_of,
    ood,
    prior_sensitivity,
    rows_and_batches,
    score,
    score_rows,
    weight_r_hat,
)
from pbnn.assess.rows import encode_both, spaced
from pbnn.assess.seen import all_seen
from pbnn.errors import DataError, ModelError, of_estimator, warn
from pbnn.graph.build import BNN
from pbnn.graph.censoring import Censored
from pbnn.predict import predict, prior_predict
from pbnn.predict.mixture import Average
from pbnn.predict.predictions import posterior_of
from pbnn.report.blocks import NotApplicableError
from pbnn.report.decoding import decode_inputs, decode_response, take
from pbnn.report.row_names import names_of_rows, naming_words, row_name
from pbnn.report.subsets import STEPS, groups_of, stretched

MOST_ROWS = 2_000
"""Rows that are drawn in scatter plots and judged one by one; of more, an evenly spaced part."""

MOST_MATCHED = 1_000
"""Draws whose hidden units are matched; of more, an evenly spaced part."""

MOST_CHECKED = 500
"""Training rows that are compared with data drawn from the fit, and left out in turn."""

MOST_FAMILIAR = 500
"""Rows of either kind among which unfamiliar ones are looked for."""

GRID = 128
"""Inputs at which a curve is drawn; a power of two, so that other predictions share what is compiled for it."""

SIDE = 40
"""Inputs along each side of a map."""


@final
@dataclass(frozen=True, eq=False)
class Facts:
    """A fit, the data it is judged on, and what `predict` and `assess` say of them.

    Attributes
    ----------
    bnn, idata
        The fit.
    X_train, y_train
        Training data in the user's terms: a frame, and numbers or labels.
    X, y
        The data the fit is judged on: held-out data if there are any, else the training data. `y` is None if none was
        observed: then there is nothing to judge.
    held_out
        Whether they are held-out data.
    seed
        Of every random call.
    X_out
        Inputs that are unlike the training data, if there are any.
    names
        What the judged rows are called, where they came as a frame whose index says more than their place.
    seen_before
        Whether data were given as held-out that are training data.
    """

    bnn: BNN
    idata: xr.DataTree
    X_train: pd.DataFrame
    y_train: np.ndarray
    X: Any
    y: Any
    held_out: bool
    seed: int
    X_out: pd.DataFrame | None = None
    names: pd.Index | None = None
    seen_before: bool = False

    @classmethod
    def of(
        cls, bnn: BNN, idata: xr.DataTree, X_test: Any, y_test: Any, seed: int, X_out: Any = None
    ) -> "Facts":
        """Gather the data, and check the held-out ones before anything is computed.

        Raises
        ------
        ModelError
            If `bnn` is no `BNN`, or the fit is not one of it.
        DataError, ShapeError
            If held-out data cannot be used.
        """
        if isinstance(bnn, Average):
            raise ModelError(
                "report: an average has no posterior of its own; report each model with its own fit, or all beside "
                "each other (pbnn.report_comparison)."
            )
        if not isinstance(bnn, BNN):
            raise ModelError(
                f"report: the first argument must be what pbnn.build returned; got {type(bnn).__name__}."
                f"{of_estimator(bnn)}"
            )
        posterior_of(idata, "report")
        for group in ("posterior", "sample_stats"):
            if group not in idata.children:
                raise ModelError(f"report: the fit has no group {group!r}; pass what pbnn.fit returned.")
        if not {"observed_data", "constant_data"} <= set(idata.children):
            raise ModelError(
                "report: the fit has come without its training data, which the report shows; pass a run that was saved "
                "with the groups 'constant_data' and 'observed_data'."
            )
        X_train = decode_inputs(bnn, idata["constant_data"]["X"].to_numpy())
        y_train = decode_response(bnn, idata["observed_data"]["y"].to_numpy())
        if X_test is None and y_test is not None:
            raise DataError("report: y_test came without its inputs; pass X_test too, or neither.")
        unlike = None if X_out is None else decode_inputs(bnn, bnn.columns.encode(X_out, "report"))
        if X_test is None:
            return cls(bnn, idata, X_train, y_train, X_train, y_train, False, seed, unlike)
        if y_test is None:
            inputs, seen = bnn.columns.encode(X_test, "report"), False
        else:
            inputs, observed = encode_both(bnn, X_test, y_test, "report", ("X_test", "y_test"))
            seen = all_seen(bnn, idata, inputs, observed)
        if len(inputs) == 0:
            raise DataError("report: X_test has no rows; pass some, or leave it out.")
        if seen:
            warn(
                "report: X_test and y_test are training rows, so the report judges the fit on training data."
            )
        names, X = names_of_rows(X_test), decode_inputs(bnn, inputs)
        return cls(bnn, idata, X_train, y_train, X, y_test, not seen, seed, unlike, names, seen)

    # ------------------------------------------------------------------------------------------------ plain

    @property
    def kind(self) -> str:
        """`"continuous"`, `"counts"` or `"classes"`."""
        return self.bnn.response.kind

    @property
    def outputs(self) -> tuple[str | None, ...]:
        """Names of the outputs; `(None,)` of a vector response."""
        return (None,) if self.bnn.response.vector else self.bnn.response.names

    @property
    def response_name(self) -> str:
        """What is predicted, in words."""
        return ", ".join(self.bnn.response.names)

    @property
    def seen_train(self) -> Any:
        """The training response as numbers or labels for figures: times known in part are NaN."""
        return _seen(self.y_train)

    @property
    def seen(self) -> Any:
        """The same of the response that the fit is judged on."""
        return _seen(self.y)

    @property
    def one_numeric_input(self) -> bool:
        """Whether the fit can be drawn as a curve."""
        return self.bnn.columns.categories == (None,)

    @property
    def two_numeric_inputs(self) -> bool:
        """Whether the fit can be drawn as a map."""
        return self.bnn.columns.categories == (None, None)

    @property
    def n_draws(self) -> int:
        """Draws in all chains together."""
        return int(self.idata["posterior"].sizes["chain"] * self.idata["posterior"].sizes["draw"])

    @property
    def approximate(self) -> bool:
        """Whether the draws are independent draws of an approximation."""
        return self.idata.attrs.get("sampling") == "approximate"

    @property
    def judged_on(self) -> str:
        """The data behind the numbers: `"held-out data"`, `"training data"`, or `"new rows"` that nobody observed."""
        if not self.labelled:
            return "new rows"
        return "held-out data" if self.held_out else "training data"

    @property
    def labelled(self) -> bool:
        """Whether the response of the judged rows is known."""
        return self.y is not None

    @property
    def unfamiliar_numbers(self) -> np.ndarray:
        """Which of the judged rows `familiarity` looks at, where there is no `X_out`."""
        return spaced(len(self.X), MOST_FAMILIAR)

    @property
    def row_numbers(self) -> np.ndarray:
        """Which of the judged rows are looked at one by one, at most `MOST_ROWS`."""
        return spaced(len(self.X), MOST_ROWS)

    def row_name(self, row: int) -> str:
        """Return what a judged row is called."""
        return row_name(self.names, row)

    @property
    def naming_words(self) -> str:
        """A sentence that says what rows are called."""
        return naming_words(self.names)

    @cached_property
    def data_hash(self) -> str:
        """First 16 hexadecimal digits of the SHA-256 of the training data as numbers."""
        return _hash(self.idata["constant_data"]["X"].to_numpy(), self.idata["observed_data"]["y"].to_numpy())

    @cached_property
    def test_hash(self) -> str:
        """The same of the held-out data."""
        inputs = self.bnn.columns.encode(self.X, "report")
        return _hash(inputs, *([self.bnn.response.encode(self.y, "report")] if self.labelled else []))

    # --------------------------------------------------------------------------------------------- computed

    @cached_property
    def diagnosis(self) -> xr.Dataset:
        """Convergence in function space."""
        return diagnose(self.bnn, self.idata)

    @cached_property
    def weight_r_hat(self) -> xr.Dataset:
        """R-hat of the weights, without the symmetries of hidden units; of at most `MOST_MATCHED` draws."""
        step = -(-self.n_draws // MOST_MATCHED)
        thinned = self.idata.copy()
        for name in ("posterior", "sample_stats"):
            thinned[name] = xr.DataTree(self.idata[name].to_dataset().isel(draw=slice(None, None, step)))
        return weight_r_hat(self.bnn, thinned)

    @cached_property
    def scores(self) -> xr.Dataset:
        """Scores on all rows of the judged data, with standard errors and Monte Carlo errors."""
        if len(self.X) <= MOST_ROWS:
            return score_rows(*self._compared)
        self._need_response()
        return score(self.bnn, self.idata, self.X, self.y, seed=self.seed)

    @cached_property
    def rows(self) -> xr.Dataset:
        """Predictions against observations, at most `MOST_ROWS` of them; `obs` holds row numbers."""
        return self._compared[0]

    @cached_property
    def _compared(self) -> tuple[xr.Dataset, list[xr.Dataset]]:
        self._need_response()
        whole = len(self.X) <= MOST_ROWS
        return rows_and_batches(
            self.bnn, self.idata, self.X, self.y, seed=self.seed, max_rows=MOST_ROWS, batches=whole
        )

    def _need_response(self) -> None:
        if not self.labelled:
            raise NotApplicableError(
                "it compares predictions with observations, and no y_test came with X_test."
            )

    @cached_property
    def groups(self) -> xr.Dataset:
        """Coverage, or accuracy, of the judged rows in categories and in quarters of numbers; attrs: `columns`."""
        found = groups_of(self.X.iloc[self.rows["obs"].to_numpy()], self.bnn.columns, self.rows)
        return by_group(self.rows, found.members).assign_attrs(columns=found.columns)

    @cached_property
    def decomposition(self) -> xr.Dataset:
        """Where the uncertainty of the judged rows comes from, averaged over them."""
        return decompose(self.bnn, self.idata, self.X, seed=self.seed)

    @cached_property
    def away(self) -> xr.DataTree:
        """Summary of the predictions at training rows moved away from the centre, `STEPS` times as far each."""
        rows = self.X_train.iloc[spaced(len(self.X_train), GRID)]
        moved = pd.concat([stretched(rows, self.bnn.columns, step) for step in STEPS], ignore_index=True)
        return predict(self.bnn, self.idata, moved, kind="summary", quantiles=(), seed=self.seed)

    @cached_property
    def familiarity(self) -> xr.Dataset:
        """How well the fit tells rows that are unlike the training data; without any, held-out from training rows."""
        if self.X_out is not None:
            known, other = self.X, self.X_out
        elif self.held_out:
            known, other = self.X_train, self.X
        else:
            raise NotApplicableError("there are no other rows than the training data; pass X_test or X_out.")
        pair = [X.iloc[spaced(len(X), MOST_FAMILIAR)] for X in (known, other)]
        return ood(self.bnn, self.idata, *pair, seed=self.seed, resamples=100)

    @cached_property
    def sensitivity(self) -> xr.Dataset:
        """How predictions move with the prior."""
        several = len(self.bnn.response.classes) > 2 or not self.bnn.response.vector
        return prior_sensitivity(self.bnn, self.idata, rows=1 if several else 5, seed=self.seed)

    @cached_property
    def loo_pit(self) -> xr.Dataset:
        """Where each training row lies in what a fit to all the others would predict."""
        return loo_pit_of(self.checks, self.kind, seed=self.seed)

    @cached_property
    def at_rows(self) -> xr.DataTree:
        """Summary of the predictions at the same rows."""
        X = take(self.X, self.row_numbers)
        return predict(self.bnn, self.idata, X, kind="summary", seed=self.seed)

    @cached_property
    def curve(self) -> xr.DataTree:
        """Summary of the predictions along the only input, a little beyond the data on both sides."""
        return predict(self.bnn, self.idata, self._line, kind="summary", seed=self.seed)

    @cached_property
    def surface(self) -> xr.DataTree:
        """Summary of the predictions over two inputs."""
        names = self.bnn.columns.names
        points = np.meshgrid(*(_span(self.X_train[name], 0.05, SIDE) for name in names))
        grid = pd.DataFrame({name: at.ravel() for name, at in zip(names, points, strict=True)})
        return predict(self.bnn, self.idata, grid, kind="summary", seed=self.seed)

    @cached_property
    def prior(self) -> xr.DataTree:
        """What the prior expects: along the only input, or at some training rows."""
        X = self._line if self.one_numeric_input else self.X_train.iloc[spaced(len(self.X_train), GRID)]
        return prior_predict(self.bnn, X, draws=200, seed=self.seed)

    @cached_property
    def checks(self) -> xr.DataTree:
        """The fit with the groups of ArviZ's predictive checks."""
        return for_arviz(self.bnn, self.idata, seed=self.seed, max_points=MOST_CHECKED)

    @cached_property
    def _line(self) -> pd.DataFrame:
        x = np.concatenate([np.asarray(X, dtype=float).ravel() for X in (self.X_train, self.X)])
        return pd.DataFrame({self.bnn.columns.names[0]: _span(x, 0.1, GRID)})


def _span(x: Any, margin: float, n: int) -> np.ndarray:
    """Return `n` values over the range of `x`, and a share `margin` of it beyond on both sides."""
    x = np.asarray(x, dtype=float)
    beyond = margin * (np.ptp(x) or 1.0)
    return np.linspace(x.min() - beyond, x.max() + beyond, n)


def _hash(*arrays: np.ndarray) -> str:
    digest = sha256()
    for values in arrays:
        digest.update(repr(values.shape).encode())
        digest.update(np.ascontiguousarray(values, dtype="<f8").tobytes())
    return digest.hexdigest()[:16]


def _seen(y: Any) -> Any:
    return np.where(y.exact, y.lower, np.nan) if isinstance(y, Censored) else y
