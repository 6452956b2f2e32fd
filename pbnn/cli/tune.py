"""`pbnn tune`: what it takes, and what it says about itself."""

from pathlib import Path
from typing import Annotated

import typer


def tune(
    data: Annotated[
        Path, typer.Argument(metavar="DATA.CSV", help="Table with a header and one row for each observation.")
    ],
    target: Annotated[
        str,
        typer.Option(metavar="COLUMN", help="Column to predict, or several, as a,b; all others are inputs."),
    ],
    trials: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="Networks to try, those of an earlier call included. 30 if not given."
        ),
    ] = None,
    time: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", help="How long to search, in place of --trials."),
    ] = None,
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Where to write what is found.")] = Path(
        "tuned"
    ),
    objective: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="What is maximised: elpd (rows left out by reweighting), cv_lpd (5-fold cross-validation) or evidence "
            "(of laplace). elpd if not given, and cv_lpd of methods with few draws.",
        ),
    ] = None,
    method: Annotated[
        str, typer.Option(metavar="NAME", help="How each network is fitted; see `pbnn methods`.")
    ] = "laplace",
    setting: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="OPTION=VALUE", help="Any option of the method. May be repeated."),
    ] = None,
    space: Annotated[
        Path | None,
        typer.Option(
            metavar="SPACE.JSON",
            help="A network with open fields, as `Network.to_json` writes it. If not given: 1 to 3 layers of 8 to 128 "
            "units, their activation, the scale of the weights' prior and, of gaussian, the kind of noise.",
        ),
    ] = None,
    likelihood: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="As of `pbnn fit`. Chosen from the target if not given."),
    ] = None,
    drop: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN", help="Column to leave out, such as an identifier. May be repeated."),
    ] = None,
    categorical: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN", help="Column of numbers that stand for categories. May be repeated."),
    ] = None,
    workers: Annotated[int, typer.Option(metavar="N", help="Processes that fit networks.")] = 1,
    time_limit: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="How long one network may take.")
    ] = None,
    stop_below: Annotated[
        float | None,
        typer.Option(
            metavar="GAIN",
            help="End early, once another network is expected to gain less than this for each second that it takes, in "
            "units of the objective.",
        ),
    ] = None,
    storage: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Where the study is kept: sqlite:///study.db, postgresql+psycopg://user@host/name, "
            "journal:///study.log. If not given, study.db in FOLDER.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Of the fits and of the search.")] = 0,
) -> None:
    """Search for the network that predicts the rows of a CSV file best.

    Writes into FOLDER: `network.json`, which `pbnn fit --network` takes, and `report.html`, which says how sure the
    choice is. Called again, it goes on with the study that is there. ctrl-C ends it early, with what was found so far.

    \b
      pbnn tune cars.csv --target price --drop id --trials 30
      pbnn fit cars.csv --target price --drop id --network tuned/network.json
    """  # noqa: D301
    from pbnn.cli.choices import Wishes
    from pbnn.cli.tuning import Tuning, run_tune

    wishes = Wishes(
        likelihood=likelihood,
        categorical=tuple(categorical or ()),
        drop=tuple(drop or ()),
        method=method,
        counts={},
        settings=tuple(setting or ()),
        seed=seed,
    )
    tuning = Tuning(
        trials=trials,
        seconds=time,
        objective=objective,
        space=space,
        workers=workers,
        time_limit=time_limit,
        stop_below=stop_below,
        storage=storage,
    )
    run_tune(data, target, out, wishes, tuning)
