"""What a search found: the study, the recommended network, and the best few fitted again."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, final

import optuna
import pandas as pd
import xarray as xr
from optuna.trial import TrialState

from pbnn.assess.average import average
from pbnn.graph.build import BNN, build
from pbnn.infer.fit import fit
from pbnn.infer.methods import Method
from pbnn.predict.mixture import Average
from pbnn.search.attributes import FAILED, INFERENCE_SE, LOST, SE
from pbnn.search.ending import ended
from pbnn.search.fitted import Fitted, fitted
from pbnn.search.recommend import Recommendation, recommend
from pbnn.search.space import Space
from pbnn.spec.network import Network

BEST = 3
"""How many networks are fitted again."""


@final
@dataclass(frozen=True)
class Search:
    """What a search found.

    Attributes
    ----------
    study
        The study, for Optuna's own pictures and its dashboard.
    space
        What was searched.
    interrupted
        Whether the user stopped it.
    X, y, seed, progress
        As given.
    """

    study: optuna.Study
    space: Space
    interrupted: bool
    X: Any
    y: Any
    seed: int
    progress: bool = field(default=False, kw_only=True)

    @property
    def ended(self) -> str:
        """Why it ended before its budget was spent, by `stop_below`, in words; empty if it did not.

        The gain is the knowledge gradient of one trial (`pbnn.search.ending`): Ishibashi et al. (2023), AISTATS, PMLR
        206; Xie et al. (2025), arXiv:2507.12453.
        """
        return ended(self.study)

    @cached_property
    def recommendation(self) -> Recommendation:
        """The configuration with the best posterior mean, how probably it is the best, and what it may fall short.

        Found when first asked for, from all that the study was told until then, by other machines too.
        """
        return recommend(self.fitted, seed=self.seed)

    @cached_property
    def fitted(self) -> Fitted:
        """The surrogate of all that the study was told until it was first asked for."""
        return fitted(self.study, seed=self.seed)

    @property
    def recommended(self) -> Network:
        """The network to take."""
        return self.space.of(self.recommendation.params)[0]

    @property
    def method(self) -> Method:
        """The method to fit it with."""
        return self.space.of(self.recommendation.params)[1]

    @cached_property
    def fits(self) -> dict[str, tuple[BNN, xr.DataTree]]:
        """The best few networks by posterior mean, at most 3, fitted again, by the name of their trial."""
        fits: dict[str, tuple[BNN, xr.DataTree]] = {}
        table = self.recommendation.table
        best = table.sort_values("mean", ascending=False).index[: 3 * BEST]
        trials = self.study.get_trials(deepcopy=False)
        seen: list[Any] = []
        for number in [self.recommendation.number, *best]:
            if number is None or len(fits) == BEST:
                continue
            found = self.space.of(trials[number].params)
            if found not in seen:
                seen.append(found)
                bnn = build(found[0], self.X, self.y)
                fits[f"trial {number}"] = (bnn, fit(bnn, found[1], seed=self.seed, progress=self.progress))
        return fits

    @cached_property
    def average(self) -> tuple[Average, xr.DataTree]:
        """The best few as one predictive distribution, by stacking (`pbnn.average`)."""
        weights = "stacking" if len(self.fits) > 1 else "equal"
        return average(self.fits, weights, seed=self.seed)

    @property
    def summary(self) -> pd.DataFrame:
        """A row for each trial: score and errors, posterior of the true score, parameters, and why it failed."""
        rows = {
            t.number: {
                "state": t.state.name.lower(),
                "score": t.value,
                "se": t.user_attrs.get(SE),
                "inference_se": t.user_attrs.get(INFERENCE_SE),
                **t.params,
                "failed": next((t.user_attrs[k] for k in (FAILED, LOST) if k in t.user_attrs), None),
            }
            for t in self.study.get_trials(deepcopy=False)
        }
        table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("trial")
        posterior = self.recommendation.table[["mean", "sd"]].reindex(table.index)
        return pd.concat([table.iloc[:, :4], posterior, table.iloc[:, 4:]], axis=1)

    def __str__(self) -> str:
        said = [str(self.recommendation), str(self.recommended), f"fitted by {self.method}", self.ended]
        trials = [t for t in self.study.get_trials(deepcopy=False) if t.state.is_finished()]
        lost = sum(FAILED in t.user_attrs or t.state == TrialState.FAIL for t in trials)
        if lost:
            said.append(
                f"{lost} of {len(trials)} trials do not count: they failed, or their fit is not to be trusted "
                "(`summary` and the report say why)"
            )
        return "\n".join(line for line in said if line)

    __repr__ = __str__
