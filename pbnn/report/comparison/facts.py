"""What the comparison page knows of the models: each fact computed once, when a section first asks for it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, final

import numpy as np
import pandas as pd
import xarray as xr

from pbnn.assess import (
    average,
    diagnose,
    disagreement,
    of_mixture,
    own_columns,
    rows_and_batches,
    score_rows,
    side_by_side,
)
from pbnn.assess.compare_models import check_same_rows
from pbnn.assess.loo import enough_draws
from pbnn.assess.rows import encode_both
from pbnn.assess.seen import all_seen
from pbnn.errors import DataError, ModelError, PbnnError, of_estimator, warn
from pbnn.graph.build import BNN
from pbnn.predict.mixture import Average
from pbnn.predict.rows import encode_rows, training_data
from pbnn.report.blocks import NotApplicableError
from pbnn.report.decoding import decode_inputs
from pbnn.report.facts import MOST_ROWS
from pbnn.report.words import listing

WHERE = "report_comparison"
MIXTURE = "stacked average"
"""The name under which the average of the models is scored."""

Judged = tuple[xr.Dataset, list[xr.Dataset]]
Models = Mapping[str, tuple[BNN | Average, xr.DataTree]]


@final
@dataclass(frozen=True, eq=False)
class Comparison:
    """Models with their fits, the data they are judged on, and what `assess` says of them.

    Attributes
    ----------
    models
        By name, a model and its fit.
    X, y
        Held-out data; None without, when the models are judged on their training rows.
    seed
        Of every random call.
    seen_by
        Models that were fitted to the rows given as held-out. If all were, these count as none.
    """

    models: Models
    X: Any
    y: Any
    seed: int
    seen_by: tuple[str, ...] = ()

    @classmethod
    def of(cls, models: Models, X_test: Any, y_test: Any, seed: int) -> "Comparison":
        """Gather the models, and check that they compare before anything is computed.

        Raises
        ------
        ModelError
            If there are fewer than two models, or one is not `(bnn, idata)`.
        DataError, ShapeError
            If held-out data cannot be used by a model; or if, without them, the models were fitted to different
            rows, or came without them.
        """
        if not isinstance(models, Mapping) or len(models) < 2:
            n = len(models) if isinstance(models, Mapping) else type(models).__name__
            raise ModelError(f"{WHERE}: pass at least two models by name, {{name: (bnn, idata)}}; got {n}.")
        if (X_test is None) != (y_test is None):
            raise DataError(f"{WHERE}: pass both X_test and y_test, or neither.")
        for name, of in models.items():
            _check_pair(name, of)
        models = {str(name): of for name, of in models.items()}
        judged = {name: _observed(name, *of, X_test, y_test) for name, of in models.items()}
        check_same_rows(judged, WHERE)
        seen = () if X_test is None else tuple(_seen_by(models, X_test, y_test))
        if seen:
            warn(
                f"{WHERE}: X_test and y_test are training rows of {listing(list(seen))}; pass rows none has seen."
            )
        if len(seen) < len(models):
            return cls(models, X_test, y_test, seed, seen)
        return replace(cls.of(models, None, None, seed), seen_by=seen)

    # ------------------------------------------------------------------------------------------------ plain

    @property
    def held_out(self) -> bool:
        """Whether there are held-out data."""
        return self.X is not None

    @property
    def judged_on(self) -> str:
        """The data behind the numbers."""
        return "held-out data" if self.held_out else "training data, each row predicted from the others"

    @property
    def first(self) -> BNN | Average:
        """The first model, which stands for all where they are alike."""
        return next(iter(self.models.values()))[0]

    @property
    def kind(self) -> str:
        """`"continuous"`, `"counts"` or `"classes"`."""
        return self.first.response.kind

    @property
    def outputs(self) -> tuple[str | None, ...]:
        """Names of the outputs; `(None,)` of a vector response."""
        return (None,) if self.first.response.vector else self.first.response.names

    @property
    def order(self) -> list[str]:
        """Names of the models, those that predict best first, and then those that could not be compared."""
        known = [] if self.table is None else self.table["model"].to_numpy().tolist()
        return known + [name for name in self.models if name not in known]

    # --------------------------------------------------------------------------------------------- compared

    @cached_property
    def held_out_table(self) -> xr.Dataset | None:
        """The models compared on held-out data; None if there are none."""
        return side_by_side(self.models, self.X, self.y, seed=self.seed) if self.held_out else None

    @cached_property
    def not_left_out(self) -> dict[str, str]:
        """Models whose training rows cannot be left out by reweighting, and why."""
        return {name: why for name, of in self.models.items() if (why := _why_not_left_out(*of))}

    @cached_property
    def left_out(self) -> tuple[xr.Dataset | None, str]:
        """The models compared on the training rows, each left out in turn (PSIS-LOO); or None, and why."""
        fit_for_it = {name: of for name, of in self.models.items() if name not in self.not_left_out}
        if len(fit_for_it) < 2:
            return None, "; ".join(f"{name} {why}" for name, why in self.not_left_out.items())
        try:
            return side_by_side(fit_for_it, seed=self.seed), ""
        except PbnnError as error:
            return None, str(error).partition(": ")[2].rstrip(".")

    @property
    def table(self) -> xr.Dataset | None:
        """The comparison that the page goes by: on held-out data if there are any, else by leaving rows out."""
        return self.held_out_table if self.held_out else self.left_out[0]

    @cached_property
    def weighed(self) -> xr.Dataset | None:
        """The comparison that the weights are of: by leaving rows out, if all models allow it, else that of `table`."""
        # Held-out data are better spared, for judging the average.
        left_out = self.left_out[0]
        whole = left_out is not None and left_out.sizes["model"] == len(self.models)
        return left_out if whole else self.table

    @property
    def weights_know_the_rows(self) -> bool:
        """Whether the average is judged on the rows that its weights were chosen on."""
        return self.weighed is self.table

    @cached_property
    def mixture(self) -> xr.Dataset:
        """What the stacked mixture has on the rows of `table`."""
        if self.table is None or self.weighed is None:
            raise NotApplicableError("the models could not be compared, so there are no weights.")
        return of_mixture(self.table, self.weighed["stacking"])

    # ----------------------------------------------------------------------------------------- each for itself

    @cached_property
    def judged(self) -> dict[str, Judged]:
        """Predictions of each model against observations, and what batches of its draws would give in their place."""
        return {name: self._judge(*self.models[name]) for name in self.order}

    @property
    def rows(self) -> dict[str, xr.Dataset]:
        """Predictions of each model against observations, as of `pointwise`."""
        return {name: rows for name, (rows, _) in self.judged.items()}

    @cached_property
    def averaged(self) -> tuple[Judged | None, str]:
        """The same of the stacked average; or None, and why."""
        if self.weighed is None:
            return None, "the models could not be compared, so there are no weights."
        weights = self.weighed["stacking"]
        members = {name: self.models[name] for name in weights["model"].to_numpy().tolist()}
        try:
            return self._judge(*average(members, weights, seed=self.seed)), ""
        except PbnnError as error:
            return None, str(error).partition(": ")[2]

    @cached_property
    def scores(self) -> dict[str, xr.Dataset]:
        """Scores of each model on the held-out data, and of the average if there can be one."""
        if not self.held_out:
            raise NotApplicableError(
                "no rows were held out. On its own training rows the model that fits them most closely looks best."
            )
        together = {} if self.averaged[0] is None else {MIXTURE: self.averaged[0]}
        return {name: score_rows(*parts) for name, parts in (self.judged | together).items()}

    @cached_property
    def diagnoses(self) -> dict[str, tuple[str, str]]:
        """Of each fit how far to trust it, "yes", "caution" or "no", and why."""
        return {name: self._diagnose(*of) for name, of in self.models.items()}

    @cached_property
    def apart(self) -> xr.Dataset:
        """How far the models are apart, row by row."""
        if self.first.response.circular:
            raise NotApplicableError("angles have no differences that could be compared in this way.")
        return disagreement(self.rows)

    @cached_property
    def X_seen(self) -> pd.DataFrame:
        """Inputs of the judged rows in the user's terms, as the first model takes them."""
        bnn, idata = next(iter(self.models.values()))
        X = own_columns(bnn, self.X) if self.held_out else None
        return decode_inputs(bnn, encode_rows(bnn, idata, X, WHERE)[0])

    def _judge(self, bnn: BNN | Average, idata: xr.DataTree) -> Judged:
        if not self.held_out:
            return rows_and_batches(bnn, idata, seed=self.seed, max_rows=MOST_ROWS, batches=False)
        return rows_and_batches(bnn, idata, own_columns(bnn, self.X), self.y, seed=self.seed)

    def _diagnose(self, bnn: BNN | Average, idata: xr.DataTree) -> tuple[str, str]:
        if isinstance(bnn, Average):
            return "caution", "It is an average: each of its members has a verdict of its own."
        X = own_columns(bnn, self.X) if self.held_out and not _has_rows(bnn, idata) else None
        try:
            attrs = diagnose(bnn, idata, X).attrs
        except Exception as error:
            return "no", f"It could not be judged ({type(error).__name__}: {error})."
        return str(attrs["trust"]), str(attrs["verdict"])


def _check_pair(name: object, of: Any) -> None:
    if not (isinstance(of, tuple) and len(of) == 2 and isinstance(of[0], BNN | Average)):
        got = f"{type(of).__name__}.{of_estimator(of)}"
        raise ModelError(f"{WHERE}: {str(name)!r} must be (bnn, idata), a model and its fit; got {got}")
    if not (isinstance(of[1], xr.DataTree) and "posterior" in of[1].children):
        raise ModelError(
            f"{WHERE}: the fit of {str(name)!r} has no group 'posterior'; pass what pbnn.fit returned."
        )


def _observed(name: str, bnn: BNN | Average, idata: xr.DataTree, X: Any, y: Any) -> xr.Dataset:
    """Return the responses that a model is judged on, as `check_same_rows` takes them."""
    if X is not None:
        where = f"{WHERE}: {name!r}"
        _, observed = encode_both(bnn, own_columns(bnn, X), y, where, ("X_test", "y_test"))
    elif _has_rows(bnn, idata):
        _, observed = training_data(bnn, idata, WHERE)
    else:
        raise DataError(
            f"{WHERE}: {name!r} has come without its training data, on which the models would be compared; pass "
            "rows that were held out, X_test and y_test (--test TEST.CSV), or a run that was saved with the groups "
            "'constant_data' and 'observed_data'."
        )
    dims = ("obs", "part")[: np.ndim(observed)]
    return xr.Dataset({"observed": (dims, observed)}, attrs={"kind": bnn.response.kind})


def _seen_by(models: Models, X: Any, y: Any) -> Iterator[str]:
    """Return the models that were fitted to rows given as held-out."""
    for name, (bnn, idata) in models.items():
        if all_seen(bnn, idata, *encode_both(bnn, own_columns(bnn, X), y, WHERE)):
            yield name


def _has_rows(bnn: BNN | Average, idata: xr.DataTree) -> bool:
    try:
        return len(training_data(bnn, idata, WHERE)[0]) > 0
    except DataError:
        return False


def _why_not_left_out(bnn: BNN | Average, idata: xr.DataTree) -> str:
    """Say what keeps rows of a fit from being left out by reweighting; nothing if they can be."""
    if isinstance(bnn, Average):
        return f"is an average of {listing(list(bnn.models))}, which has no posterior of its own"
    if not _has_rows(bnn, idata):
        return "has come without its training data"
    n = idata["posterior"].sizes["chain"] * idata["posterior"].sizes["draw"]
    if not enough_draws(n):
        return f"has too few draws of the weights ({n}) for its rows to be left out by reweighting"
    return ""
