"""`optimize`: a network with open fields, and data, to a study, a recommended network and an average of the best."""

import json
from concurrent.futures import Executor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import optuna
from optuna.distributions import distribution_to_json, json_to_distribution
from optuna.samplers import BaseSampler
from optuna.storages import BaseStorage, InMemoryStorage
from optuna.trial import TrialState

from pbnn.errors import FileError, MethodError, SpecError, quiet
from pbnn.graph.build import require_same_order
from pbnn.graph.columns import Columns
from pbnn.graph.layers import categorical_columns
from pbnn.infer.executors import check_start_method
from pbnn.infer.progress import progress_bar
from pbnn.search.attributes import CONDITIONS, DATA, FAILED, FIXED, OF, SPACE
from pbnn.search.benches import Job
from pbnn.search.courses import Courses
from pbnn.search.ending import Ending, check_stop_below
from pbnn.search.fidelity import Fidelity, name_of, stepwise
from pbnn.search.fingerprint import fingerprint
from pbnn.search.found import Search
from pbnn.search.inputs import Inputs
from pbnn.search.objective import Objective, as_objective
from pbnn.search.outlook import Outlook
from pbnn.search.sampler import GPSampler
from pbnn.search.space import Space
from pbnn.search.storage import open_storage, patiently
from pbnn.search.workers import Plan, run_trials
from pbnn.spec.network import Network
from pbnn.spec.unknowns import Choice

BEAT = 5.0
ELSEWHERE = "another study_name or storage"
"""What to choose when a study is another's."""


def optimize(
    space: Network | Space,
    X: Any,
    y: Any,
    *,
    method: Any = None,
    objective: str | Objective = "elpd",
    budget: int | timedelta = 25,
    n_workers: int = 1,
    executor: Executor | None = None,
    storage: str | BaseStorage | None = None,
    resume: bool = True,
    study_name: str = "pbnn",
    time_limit: float | None = None,
    fidelity: Fidelity | None = None,
    stop_below: float | None = None,
    seed: int = 0,
    sampler: BaseSampler | None = None,
    progress: bool = True,
) -> Search:
    """Search for the network, and the options of its method, that predict best.

    The objective is **maximised**: a log score, of which more is better. A loss has to be negated.

    Parameters
    ----------
    space
        A network with open fields: `pbnn.search.Int`, `Float` or `Choice` where a value would stand, `Repeat` around a
        layer. Or a `Space`.
    X, y
        As of `pbnn.build`.
    method
        How each network is fitted: as of `pbnn.fit`, with or without open fields, or a `Choice` of methods. Laplace's
        by default.
    objective
        `"elpd"`, leave-one-out predictive density, the mean of the rows; `"cv_lpd"`, by 5-fold cross-validation with
        the same folds for all; `"evidence"`, Laplace's log marginal likelihood of a row; or a function of
        `(network, method, X, y, seed)` that returns a number, `(number, standard error)`, or a `pbnn.search.Score`.
    budget
        Trials in all, those that the study had before included; or a `datetime.timedelta`, the time for this call.
    n_workers
        Processes that evaluate trials, or tasks of the executor that run at once.
    executor
        Any `concurrent.futures.Executor`: each trial is one task.
    storage
        Where the study is kept: `"sqlite:///study.db"`, `"postgresql+psycopg://user@host/name"` for several machines
        that call `optimize` alike, `"journal:///study.log"`, a storage of Optuna; None keeps it in memory.
    resume
        Whether to go on with a study of this name.
    study_name
        Of the study.
    time_limit
        Seconds that a trial may take; it is killed then, and has failed. An executor's task is left to itself instead.
    fidelity
        `pbnn.search.Folds()` with `"cv_lpd"`, or `pbnn.search.Draws(folder)` with `"elpd"`: trials are scored in steps,
        and stopped after any at which they are hardly the best. A stopped trial is taken up again, with the steps that
        it lacks only, when it is expected to gain more per second than a new one; and in the end, if what the fidelity
        promises asks for it. It counts once.
    stop_below
        End before the budget is spent, once another trial, new or taken up again, is expected to raise the true score
        of the recommended configuration by less than this for each second that it takes.
    seed
        Of the folds and the fits, the same for all trials, and of the sampler.
    sampler
        Any sampler of Optuna; by default `pbnn.search.GPSampler` over the whole space.
    progress
        Show a progress bar when somebody looks, of the search and when the best few are fitted again.

    Returns
    -------
    Search
        `study`, `recommended` (a `Network`), `method`, `recommendation`, `fits` and `average` of the best few,
        `summary`. A trial whose objective raises, returns no finite number or takes too long has failed, with the
        reason in its user attributes, and the search goes on. A trial whose process is killed is run again, twice at
        most. ctrl-C ends the search and returns what there is.

    Raises
    ------
    DataError
        If the inputs are such that no network can be built; of an objective of one's own they are not looked at.
    SpecError
        If nothing is left open, two parameters have one name, or the study is of another space; the message says how
        they differ.
    MethodError
        If an option is none, the objective is a loss or has no steps of this fidelity, the study is of other data or
        another objective, or every trial failed.
    FileError
        If the storage cannot be opened, or is away for more than two minutes. What was told is kept.

    References
    ----------
    Akiba, Sano, Yanase, Ohta & Koyama (2019), Optuna, 10.1145/3292500.3330701; Yao, Vehtari, Simpson & Gelman (2018),
    10.1214/17-BA1091, on averages by stacking. Of `fidelity` and `stop_below` see `Folds` and `Search.ended`.

    Examples
    --------
    >>> import numpy as np, pbnn
    >>> from pbnn.search import Choice, optimize
    >>> X = np.linspace(-1, 1, 30)[:, None]
    >>> network = pbnn.Network([pbnn.Dense(3, Choice("tanh", "relu"))], pbnn.likelihoods.Gaussian())
    >>> def neg_fake_loss(network, method, X, y, seed):
    ...     return 1.0 if network.layers[0].activation == "tanh" else 0.0
    >>> found = optimize(network, X, np.sin(4 * X[:, 0]), objective=neg_fake_loss, budget=8, seed=1)
    >>> found.recommended.layers[0].activation
    'tanh'
    """
    space = _as_space(space, method)
    inputs = Inputs.of(space.distributions, space.conditions)
    methods = space.method.values if isinstance(space.method, Choice) else (space.method,)
    score = as_objective(objective, methods)
    steps = None if fidelity is None else stepwise(fidelity, objective, methods, len(y))
    if stop_below is not None:
        check_stop_below(stop_below)
    if isinstance(objective, str):
        _require_inputs(space, inputs, X, y)
    kept = open_storage(storage)
    plan = _plan(budget, n_workers, executor, time_limit, None if isinstance(kept, InMemoryStorage) else BEAT)
    told = {
        SPACE: json.dumps({name: distribution_to_json(d) for name, d in space.distributions.items()}),
        FIXED: f"{space.network.to_json()} {space.method!r}",
        OF: name_of(objective) + ("" if steps is None else steps.label),
        DATA: fingerprint(X, y),
        CONDITIONS: {name: [needs.parent, list(needs.values)] for name, needs in space.needs.items()},
    }
    with quiet("optuna"):
        study = _study(kept, study_name, resume, sampler or _sampler(space, seed), space, told)
    outlook = Outlook(study, inputs, int(seed))
    plan = replace(
        plan,
        courses=None if steps is None else Courses(outlook, steps),
        ending=None
        if stop_below is None
        else Ending(outlook, stop_below, None if steps is None else steps.n),
    )
    total = budget if isinstance(budget, int) else 0
    with progress_bar("optimize", total, show=progress) as bar:
        interrupted = run_trials(
            study, kept, space, Job(score if steps is None else steps.score, X, y, int(seed)), plan, bar
        )
    _check_told(study)
    return Search(study, space, interrupted, X, y, int(seed), progress=progress)


def _require_inputs(space: Space, inputs: Inputs, X: Any, y: Any) -> None:
    """Raise `DataError` at once where every trial would."""
    params = inputs.params(inputs.sample(1, np.random.default_rng(0)))[0]
    try:
        layers = space.of(params)[0].layers
    except SpecError:  # values that contradict each other, as others may not
        return
    require_same_order(X, y, "build")
    Columns.learn(X, categorical_columns(layers), standardize=True).encode(X, "build")


def _as_space(space: object, method: object) -> Space:
    if isinstance(space, Space):
        if method is not None:
            raise MethodError(
                "optimize: a Space has its method already; leave out method=, or pass the network."
            )
        return space
    if not isinstance(space, Network):
        raise SpecError(
            f"optimize: space must be a pbnn.Network with open fields, or a Space; got {space!r}."
        )
    return Space(space, method)


def _plan(budget: Any, n_workers: Any, executor: Any, time_limit: Any, beat: float | None) -> Plan:
    if isinstance(budget, bool) or not isinstance(budget, int | timedelta) or not budget > type(budget)(0):
        raise MethodError(
            f"optimize: budget must be a number of trials >= 1, or a datetime.timedelta(minutes=10); got {budget!r}."
        )
    if isinstance(n_workers, bool) or not isinstance(n_workers, int) or n_workers < 1:
        raise MethodError(f"optimize: n_workers must be a whole number >= 1; got {n_workers!r}.")
    if time_limit is not None and not (isinstance(time_limit, int | float) and time_limit > 0):
        raise MethodError(f"optimize: time_limit must be a number of seconds > 0; got {time_limit!r}.")
    if executor is not None:
        if not isinstance(executor, Executor):
            raise MethodError(
                f"optimize: executor must be a concurrent.futures.Executor; got {type(executor).__name__}. "
                "Of a Dask client, pass client.get_executor()."
            )
        check_start_method(executor)
    return Plan(budget, n_workers, executor, time_limit, beat)


def _sampler(space: Space, seed: int) -> BaseSampler:
    return GPSampler(seed=seed, space=space.distributions, conditions=space.conditions)


def _study(
    storage: BaseStorage, name: str, resume: bool, sampler: BaseSampler, space: Space, told: dict[str, Any]
) -> optuna.Study:
    """Return a new study, or an old one if it is of the same space, objective and data."""

    def open_study() -> optuna.Study:
        study = optuna.create_study(
            storage=storage, sampler=sampler, study_name=name, direction="maximize", load_if_exists=True
        )
        if SPACE not in study.user_attrs:
            # The space comes last: whoever finds it finds the others too.
            for key in sorted(told, key=lambda key: key == SPACE):
                study.set_user_attr(key, told[key])
        return study

    study = patiently(open_study, lambda: "")
    if not resume and study.get_trials(deepcopy=False):
        raise FileError(
            f"optimize: the study {name!r} exists, with trials; pass resume=True or another study_name."
        )
    if study.directions != [optuna.study.StudyDirection.MAXIMIZE]:
        raise MethodError(f"optimize: the study {name!r} minimises; a search maximises. Choose {ELSEWHERE}.")
    before = study.user_attrs
    # The data first: other data may have made another space of it.
    for key, what in ((DATA, "data"), (OF, "objective")):
        if before[key] != told[key]:
            which = f": {before[key]!r}, not {told[key]!r}" if key == OF else ""
            raise MethodError(
                f"optimize: the study {name!r} is of another {what}{which}, so its scores are not of one kind. Choose "
                f"{ELSEWHERE}."
            )
    if before[SPACE] != told[SPACE] or before[FIXED] != told[FIXED]:
        other = {key: json_to_distribution(text) for key, text in json.loads(before[SPACE]).items()}
        lines = space.difference(other) or [
            "What is fixed differs: a width, a prior, the likelihood or the method."
        ]
        raise SpecError(
            f"optimize: the study {name!r} is of another space. Choose {ELSEWHERE}, or go back:\n  "
            + "\n  ".join(lines)
        )
    return study


def _check_told(study: optuna.Study) -> None:
    trials = study.get_trials(deepcopy=False)
    if not any(t.state == TrialState.COMPLETE for t in trials):
        reasons = list(dict.fromkeys(t.user_attrs[FAILED] for t in trials if FAILED in t.user_attrs))
        told = "\n  ".join(reasons[:5]) or "no trial was finished"
        raise MethodError(f"optimize: there is no trial with a score:\n  {told}")
