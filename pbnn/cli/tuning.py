"""`pbnn tune`: a table and a space to a recommended network, and a page on how sure that is."""

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import final

import typer

import pbnn
from pbnn.cli.choices import Wishes, likelihood_from, method_from, read_network
from pbnn.cli.files import about, require_writable
from pbnn.cli.fitting import TableData, choose_likelihood, read_data, require_all_suited
from pbnn.errors import FileError, MethodError, SpecError
from pbnn.report.words import number
from pbnn.search import Choice, Float, Int, Repeat, Search, Space, optimize
from pbnn.search.optimize import ELSEWHERE
from pbnn.spec import likelihoods, priors
from pbnn.spec.layers import Dense, Embedding
from pbnn.spec.likelihoods import Likelihood
from pbnn.spec.network import Network
from pbnn.write import write_whole

TRIALS = 30
FEW_DRAWS = (pbnn.MAP, pbnn.Ensemble)
"""Methods with fewer draws than leaving out rows by reweighting takes."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """How the user of `pbnn tune` wants to search."""

    trials: int | None = None
    seconds: float | None = None
    objective: str | None = None
    space: Path | None = None
    workers: int = 1
    time_limit: float | None = None
    stop_below: float | None = None
    storage: str | None = None


def run_tune(data: Path, target: str, out: Path, wishes: Wishes, tuning: Tuning) -> None:
    """Check everything that can be checked before the search; then search, write, and say what was found."""
    budget = _budget(tuning)
    method = method_from(wishes.method, wishes.counts, wishes.settings)
    objective = tuning.objective or ("cv_lpd" if isinstance(method, FEW_DRAWS) else "elpd")
    table = read_data(data, target, wishes)
    if tuning.space is not None and wishes.likelihood is not None:
        raise SpecError(f"tune: --space says it all; leave out --likelihood, or change it in {tuning.space}.")
    given = read_network(tuning.space) if tuning.space else None
    if given is None:
        given = default_space(likelihood_from(choose_likelihood(table, wishes), None), table)
    else:
        require_all_suited(given, table)
    space = Space(given, method)
    places = _folder(out, data)
    storage = tuning.storage or f"sqlite:///{(out / 'study.db').as_posix()}"
    typer.echo(f"Searching over {', '.join(space.distributions)}; the study is kept in {storage}.")
    began = datetime.now()  # without a zone, as Optuna tells the time of trials
    with about(data), _where("--out" if tuning.storage is None else "--storage"):
        found = optimize(
            space,
            table.X,
            table.response(wishes),
            objective=objective,
            budget=budget,
            n_workers=tuning.workers,
            storage=storage,
            time_limit=tuning.time_limit,
            stop_below=tuning.stop_below,
            seed=wishes.seed or 0,
        )
    write_whole(places["network.json"], found.recommended.to_json().encode(), "tune")
    pbnn.report_study(found, places["report.html"], title=f"A network for {target}, searched for")
    typer.echo(_found(found, objective))
    trials = found.study.get_trials(deepcopy=False)
    idle = all(t.datetime_start is not None and t.datetime_start < began for t in trials)
    if idle and isinstance(budget, int) and not found.interrupted:
        typer.echo(f"No trial was run: the study has {len(trials)}, and --trials {budget} counts those too.")
    typer.echo(f"Wrote {places['network.json']} and {places['report.html']}. To fit it:")
    typer.echo(f"  {command(data, target, places['network.json'], wishes)}")


def default_space(likelihood: Likelihood, table: TableData) -> Network:
    """Return the space that is searched if the user names none.

    Depth, width and activation of the hidden layers; the scale of the weights learned, or fixed and searched; of
    Gaussian noise, whether it is the same everywhere.
    """
    if likelihood == likelihoods.Gaussian():
        likelihood = likelihoods.Gaussian(noise=Choice(priors.DEFAULT_NOISE, "heteroscedastic"))
    scale = Choice(priors.DEFAULT_WEIGHTS.scale, priors.FanIn(Float(0.3, 3.0, log=True)))
    body = Dense(Int(8, 128, log=True), Choice("tanh", "relu", name="activation"))
    return Network(
        [*(Embedding(name) for name in table.categories), Repeat(body, n=Int(1, 3))],
        likelihood,
        weights=priors.Normal(scale=scale),
    )


def command(data: Path, target: str, network: Path, wishes: Wishes) -> str:
    """Return the command that fits the recommended network."""
    words = [
        "pbnn",
        "fit",
        str(data),
        "--target",
        target,
        "--network",
        str(network),
        "--method",
        wishes.method,
    ]
    for option, values in (
        ("--set", wishes.settings),
        ("--drop", wishes.drop),
        ("--categorical", wishes.categorical),
    ):
        for value in values:
            words += [option, value]
    return shlex.join(words)


@contextmanager
def _where(option: str) -> Iterator[None]:
    """Let errors about a study that is another's name the option of this command that chooses it."""
    try:
        yield
    except (MethodError, SpecError) as error:
        raise type(error)(str(error).replace(ELSEWHERE, f"another {option}")) from error


def _budget(tuning: Tuning) -> int | timedelta:
    if tuning.trials is not None and tuning.seconds is not None:
        raise MethodError("tune: --trials and --time are two ways to say when to end; pass one of them.")
    if tuning.trials is not None and tuning.trials < 1:
        raise MethodError(f"tune: --trials must be a whole number >= 1; got {tuning.trials}.")
    if tuning.seconds is None:
        return TRIALS if tuning.trials is None else tuning.trials
    if not 0 < tuning.seconds < 1e9:
        raise MethodError(f"tune: --time must be a number of seconds > 0; got {tuning.seconds}.")
    return timedelta(seconds=tuning.seconds)


def _folder(out: Path, data: Path) -> dict[str, Path]:
    """Make the folder, and return where the files go."""
    if out.exists() and not out.is_dir():
        raise FileError(f"{out}: is a file; name a folder with --out.")
    if not out.parent.is_dir():
        raise FileError(f"{out}: there is no folder {str(out.parent)!r}.")
    try:
        out.mkdir(exist_ok=True)
    except OSError as error:
        raise FileError(f"{out}: cannot be made ({error.strerror}).") from error
    places = {name: out / name for name in ("network.json", "report.html")}
    for place in places.values():
        require_writable(place, data)
    return places


def _found(found: Search, objective: str) -> str:
    best = found.recommendation
    return (
        f"Recommended is {best.which} of {len(found.study.get_trials(deepcopy=False))}: {best.chosen}; {objective} "
        f"{number(best.mean)} ± {number(best.sd, 2)}, the best with probability {best.p_best:.2f}."
        f"{f' The search {found.ended}.' if found.ended else ''}"
    )
