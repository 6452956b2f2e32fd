"""What is believed of a study now, found once for all who ask before it changes."""

from typing import Any, final

from optuna import Study

from pbnn.search.attributes import FAILED, PARTS
from pbnn.search.inputs import Inputs
from pbnn.search.prospects import Prospects, prospects


@final
class Outlook:
    """The prospects of a study that grows.

    Parameters
    ----------
    study, inputs
        The study and its space.
    seed
        Of surrogates and draws.

    Examples
    --------
    >>> import optuna
    >>> study = optuna.create_study(direction="maximize")
    >>> x = optuna.distributions.FloatDistribution(0, 1)
    >>> outlook = Outlook(study, Inputs.of({"x": x}), 0)
    >>> outlook.now() is None
    True
    >>> add = optuna.trial.create_trial
    >>> study.add_trials([add(params={"x": v}, distributions={"x": x}, value=v) for v in (0.2, 0.5, 0.9)])
    >>> outlook.now() is outlook.now()
    True
    """

    def __init__(self, study: Study, inputs: Inputs, seed: int) -> None:
        self.study, self.inputs, self.seed = study, inputs, seed
        self._seen: list[Any] | None = None
        self._last: Prospects | None = None

    def now(self) -> Prospects | None:
        """Return what is believed now; None if no trial counts."""
        trials = self.study.get_trials(deepcopy=False)
        seen = [(t.number, t.state, t.user_attrs.get(PARTS), t.user_attrs.get(FAILED)) for t in trials]
        if seen != self._seen:
            self._last = prospects(self.study, self.inputs, seed=self.seed, last=self._last)
            self._seen = seen
        return self._last
