"""The commands: what each takes, and what it says about itself.

What they do is imported when they run, so that `pbnn --help` answers at once.
"""

import os
import traceback
import warnings
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer

from pbnn.cli.tune import tune
from pbnn.errors import PbnnError, PbnnWarning

FAILED = 1
BAD_INPUT = 2
INTERRUPTED = 130
DEBUG = "PBNN_DEBUG"
"""Environment variable that shows the traceback of every error."""

app = typer.Typer(
    name="pbnn",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def main(args: Sequence[str] | None = None) -> None:
    """Run the command line. Bad input ends it with one line on stderr and exit code 2, other failures with 1."""
    with warnings.catch_warnings():
        # Other libraries' warnings are for programmers; ours are notes to the user.
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", PbnnWarning)
        warnings.showwarning = _show_note
        try:
            code = app(args=args, prog_name="pbnn", standalone_mode=False)
            if code == INTERRUPTED:  # Typer turns ctrl-C into an exit without words
                raise KeyboardInterrupt
        except typer.TyperException as error:
            _complain(f"{error.format_message().rstrip('.')}.{_hint(error)}")
            code = BAD_INPUT
        except PbnnError as error:
            _complain(str(error))
            code = BAD_INPUT
        except (typer.Abort, KeyboardInterrupt):
            _complain("interrupted, before there was anything to save.")
            code = INTERRUPTED
        except Exception as error:  # of another library: its message is all that we can say
            words = f"{type(error).__name__}: {str(error).strip()}".splitlines()[0].rstrip(" .:!")
            _complain(f"{words}. For the traceback set {DEBUG}=1.")
            code = FAILED
    raise SystemExit(code or 0)


def _complain(text: str) -> None:
    if os.environ.get(DEBUG):
        traceback.print_exc()
    typer.secho(f"Error: {' '.join(text.split())}", fg="red", err=True)


def _hint(error: Exception) -> str:
    command = getattr(getattr(error, "ctx", None), "command_path", None)
    return f" See {command} --help." if command else ""


def _show_note(message: Warning | str, *_: Any, **__: Any) -> None:
    typer.secho(f"Note: {message}", fg="yellow", err=True)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"pbnn {version('pbnn')}")
        raise typer.Exit


# The \b before an example keeps its lines as they are.
@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    _: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Fit Bayesian neural networks to tables, and say how far to trust them.

    To see what comes out, type `pbnn demo`. With tables of your own:

    \b
      pbnn fit train.csv --target price --out run.nc
      pbnn diagnose run.nc
      pbnn report run.nc --test test.csv
      pbnn predict run.nc new.csv --out predictions.csv
      pbnn compare run.nc other.nc --test test.csv
      pbnn tune train.csv --target price --trials 30

    Bad input ends a command with one line and exit code 2, before anything is computed; another failure ends it with
    exit code 1, and PBNN_DEBUG=1 in the environment shows its traceback.
    """  # noqa: D301
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


RunFile = Annotated[Path, typer.Argument(metavar="RUN", help="A file that `pbnn fit` or `pbnn.save` wrote.")]
Event = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMN", help="Column of 0 and 1: whether the target is the time of an event, or censored."
    ),
]
Entry = Annotated[
    str | None, typer.Option(metavar="COLUMN", help="Column of times from which on each row was watched.")
]


@app.command(short_help="Fit a network to real data, and report.")
def demo(
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where to write the report.")] = Path(
        "report.html"
    ),
    seed: Annotated[int, typer.Option(metavar="N", help="The same seed gives the same fit.")] = 1,
) -> None:
    """Fit a network to real data and write a report: under a minute.

    The data are accelerations of a head in motorcycle crashes, a curve whose noise changes along it. One row in five
    is held out to judge the fit.
    """
    from pbnn.cli.demo import run_demo

    run_demo(out, seed)


@app.command(short_help="Fit a network to a CSV file.")
def fit(
    data: Annotated[
        Path, typer.Argument(metavar="DATA.CSV", help="Table with a header and one row for each observation.")
    ],
    target: Annotated[
        str,
        typer.Option(metavar="COLUMN", help="Column to predict, or several, as a,b; all others are inputs."),
    ],
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where to write the run.")] = Path("run.nc"),
    force: Annotated[bool, typer.Option("--force", help="Replace the run file if it exists.")] = False,
    drop: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN", help="Column to leave out, such as an identifier. May be repeated."),
    ] = None,
    categorical: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN", help="Column of numbers that stand for categories. May be repeated."),
    ] = None,
    likelihood: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="gaussian, student-t, asymmetric-laplace, mixture-density, multivariate-gaussian, von-mises, beta, "
            "gamma, log-normal, weibull, poisson, negative-binomial, binomial, zero-inflated-poisson, multinomial, "
            "bernoulli, categorical or ordinal; fields follow a colon, as in binomial:n=5. Chosen from the target if "
            "not given.",
        ),
    ] = None,
    event: Event = None,
    entry: Entry = None,
    noise: Annotated[
        str | None,
        typer.Option(
            metavar="WORD",
            help="`heteroscedastic` lets the noise of gaussian change with the inputs; a number is its known standard "
            "deviation. If not given it is learned, and the same everywhere.",
        ),
    ] = None,
    hidden: Annotated[
        str,
        typer.Option(
            metavar="UNITS", help="Units of the hidden layers, such as 50,50; 0 for a linear model."
        ),
    ] = "20",
    activation: Annotated[
        str, typer.Option(metavar="NAME", help="tanh, relu, gelu, silu, softplus, sin or identity.")
    ] = "tanh",
    network: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.JSON",
            help="Layers, priors and likelihood, as `Network.to_json` writes them, in place of the options above.",
        ),
    ] = None,
    method: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="How to fit: mclmc, nuts, advi, laplace, gauss-newton-vi, ensemble, swag, sgmcmc, map or pymc-advi; "
            "see `pbnn methods`.",
        ),
    ] = "mclmc",
    draws: Annotated[int | None, typer.Option(metavar="N", help="Draws to keep, in each chain.")] = None,
    tune: Annotated[int | None, typer.Option(metavar="N", help="Steps of adaptation before them.")] = None,
    chains: Annotated[int | None, typer.Option(metavar="N", help="Number of chains.")] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="OPTION=VALUE",
            help="Any other option of the method, such as structure=fullrank. May be repeated.",
        ),
    ] = None,
    store: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Keep the run there while it goes on: killed, it goes on with `pbnn resume FOLDER`.",
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="The same seed gives the same fit. If not given, one is taken at random and recorded.",
        ),
    ] = None,
) -> None:
    """Fit a network to the rows of a CSV file, and save the run.

    Text columns become categories. Inputs and a continuous target are standardised inside the model; all results are
    in the units of the table. ctrl-C ends the fit early, and what was drawn so far is saved.

    \b
      pbnn fit cars.csv --target price --drop id --hidden 50,50 --seed 1
      pbnn fit patients.csv --target ill --method advi --set structure=lowrank
      pbnn fit trial.csv --target days --event died --likelihood weibull
    """  # noqa: D301
    from pbnn.cli.choices import Wishes
    from pbnn.cli.fitting import run_fit

    wishes = Wishes(
        hidden=hidden,
        activation=activation,
        network=network,
        likelihood=likelihood,
        noise=noise,
        event=event,
        entry=entry,
        categorical=tuple(categorical or ()),
        drop=tuple(drop or ()),
        method=method,
        counts={"draws": draws, "tune": tune, "chains": chains},
        settings=tuple(setting or ()),
        seed=seed,
        store=store,
    )
    run_fit(data, target, out, wishes, force=force)


app.command(short_help="Search for the network that predicts best.")(tune)


@app.command(short_help="Go on with a run that was killed.")
def resume(
    store: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="What `pbnn fit --store` or `pbnn.fit(store=...)` made.")
    ],
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where to write the run.")] = Path("run.nc"),
    force: Annotated[bool, typer.Option("--force", help="Replace the run file if it exists.")] = False,
) -> None:
    """Go on with a run that was killed or interrupted, to the draws that it would have made."""
    from pbnn.cli.fitting import run_resume

    run_resume(store, out, force=force)


@app.command(short_help="Predict the rows of a CSV file.")
def predict(
    run: RunFile,
    data: Annotated[
        Path, typer.Argument(metavar="NEW.CSV", help="Table with the input columns of the training data.")
    ],
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where to write the predictions.")] = Path(
        "predictions.csv"
    ),
    quantiles: Annotated[
        str, typer.Option(metavar="P,P,...", help="Which quantiles of a numeric response to give.")
    ] = "0.05,0.25,0.5,0.75,0.95",
    seed: Annotated[int, typer.Option(metavar="N", help="Of the draws behind the quantiles.")] = 0,
) -> None:
    """Predict the rows of a CSV file: one line for each, in the same order.

    For a number: `mean` and `sd` of the response; the parts of the sd, `epistemic_sd` (what more data would reduce)
    and `aleatoric_sd` (noise); quantiles `q05` to `q95` of the response.

    For classes: `class`, the likeliest one; `p_LABEL`, the probability of each; `entropy` and its part
    `epistemic_entropy`, in nats.

    Columns that the model does not know, such as the target, are ignored.
    """
    from pbnn.cli.using import run_predict

    run_predict(run, data, out, quantiles, seed)


@app.command(short_help="Write a report of a run, one HTML file.")
def report(
    run: RunFile,
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where to write the report.")] = Path(
        "report.html"
    ),
    test: Annotated[
        Path | None,
        typer.Option(metavar="TEST.CSV", help="Held-out rows, with the target, on which to judge the fit."),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN", help="The target in TEST.CSV, if it is named otherwise than in training."
        ),
    ] = None,
    event: Event = None,
    entry: Entry = None,
    unlike: Annotated[
        Path | None,
        typer.Option(
            "--out-of-distribution",
            metavar="FILE.CSV",
            help="Rows unlike those of training, to see whether the fit notices.",
        ),
    ] = None,
) -> None:
    """Write a report: one HTML file that shows the model, the fit, its uncertainty, and how far to trust it.

    A TEST.CSV without the target serves too: then the report leaves out what needs it.
    """
    from pbnn.cli.using import HeldOut, run_report

    run_report(run, out, HeldOut(test, target, event, entry) if test else None, unlike)


@app.command(short_help="Compare runs on one HTML page.")
def compare(
    runs: Annotated[
        list[Path],
        typer.Argument(metavar="RUN...", help="Two or more files that `pbnn fit` or `pbnn.save` wrote."),
    ],
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where to write the page.")] = Path(
        "compare.html"
    ),
    test: Annotated[
        Path | None,
        typer.Option(metavar="TEST.CSV", help="Held-out rows, with the target, on which to judge the runs."),
    ] = None,
    target: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="The target in TEST.CSV, if it is named otherwise.")
    ] = None,
    event: Event = None,
    entry: Entry = None,
) -> None:
    """Compare runs of the same target: which predicts best, by more than chance or not, and what an average would give.

    Without held-out rows each training row is predicted from the others, for which the runs must be of the same rows.
    """
    from pbnn.cli.comparing import run_compare

    run_compare(runs, out, test, target, event, entry)


@app.command(short_help="Say whether to trust a run, and why.")
def diagnose(run: RunFile) -> None:
    """Say whether to trust a run, and why. Exit code 1 if not.

    Judged by the predictions: hidden units may trade places, so the convergence of a single weight means nothing.
    """
    from pbnn.cli.using import run_diagnose

    raise typer.Exit(run_diagnose(run))


@app.command(short_help="List the inference methods and their options.")
def methods() -> None:
    """List the inference methods and their options, as `pbnn fit --method NAME --set OPTION=VALUE` takes them."""
    from pbnn.cli.using import list_methods

    list_methods()
