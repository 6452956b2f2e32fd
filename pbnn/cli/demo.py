"""`pbnn demo`: from a data set that comes along to a report."""

from pathlib import Path
from time import perf_counter

import typer

import pbnn
from pbnn.cli.files import require_writable, unused
from pbnn.cli.fitting import keep
from pbnn.errors import FileError
from pbnn.spec import likelihoods, priors

# One input, and a curve that turns within a tenth of its range: units need steep slopes, in all places.
STEEP = priors.Normal(scale=3.0)
NETWORK = pbnn.Network(
    [pbnn.Dense(20, "tanh", weight=STEEP, bias=STEEP)],
    likelihoods.Gaussian(noise="heteroscedastic"),
    weights=priors.Normal(scale=priors.FanIn(1.0)),
)
# Noise that nearly vanishes on the left makes the posterior narrow in places, so the steps are short.
METHOD = {"draws": 700, "tune": 500, "target_accept": 0.99, "max_treedepth": 9}


def run_demo(out: Path, seed: int) -> None:
    """Fit, judge and report, and say at each step what happens."""
    start = perf_counter()
    require_writable(out)
    data = pbnn.datasets.load_motorcycle()
    part = pbnn.datasets.split(data, test=0.2, seed=seed)
    typer.echo(
        f"{data.description} {len(part.X_train)} rows to learn from, {len(part.X_test)} to be judged on."
    )
    bnn = pbnn.build(NETWORK, part.X_train, part.y_train)
    typer.echo(bnn)
    method = pbnn.NUTS(**METHOD)
    typer.echo(f"Sampling the weights by NUTS, {method.chains} chains ...")
    idata = pbnn.fit(bnn, method, seed=seed)
    found = pbnn.diagnose(bnn, idata).attrs
    typer.echo(
        f"Worst R-hat of the predictions {found['r_hat_max']:.4f}, least effective draws {found['ess_bulk_min']:.0f}. "
        f"{found['verdict']}"
    )
    typer.echo("Writing the report ...")
    fitted = perf_counter()
    try:
        pbnn.report(bnn, idata, out, X_test=part.X_test, y_test=part.y_test)
    except Exception as error:
        run = unused(out.with_suffix(".nc"))
        keep(bnn, idata, run)
        raise FileError(f"The report failed ({error}). The fit is in {run}: pbnn report {run}") from error
    end = perf_counter()
    typer.echo(
        f"Wrote {out.resolve()} in {end - start:.0f} s, of which the report took {end - fitted:.1f} s. Open it in a "
        "browser."
    )
