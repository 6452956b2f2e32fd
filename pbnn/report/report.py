"""`report`: a fit to one self-contained HTML file."""

import os
from pathlib import Path
from typing import Any

import xarray as xr

from pbnn.graph.build import BNN
from pbnn.report.facts import Facts
from pbnn.report.page import check_writable, write_page
from pbnn.report.sections.calibration import calibration_section
from pbnn.report.sections.checks import checks_section
from pbnn.report.sections.convergence import convergence_section
from pbnn.report.sections.fit import fit_section
from pbnn.report.sections.model import model_section
from pbnn.report.sections.prior import prior_section
from pbnn.report.sections.provenance import provenance_section
from pbnn.report.sections.sensitivity import sensitivity_section
from pbnn.report.sections.uncertainty import uncertainty_section
from pbnn.report.sections.unfamiliar import unfamiliar_section
from pbnn.report.sections.weak_spots import weak_spots_section
from pbnn.report.summary import summarize

SECTIONS = (
    fit_section,
    calibration_section,
    weak_spots_section,
    uncertainty_section,
    unfamiliar_section,
    convergence_section,
    checks_section,
    model_section,
    prior_section,
    sensitivity_section,
    provenance_section,
)
"""In the order of what a reader wants to know."""


def report(
    bnn: BNN,
    idata: xr.DataTree,
    path: str | os.PathLike[str] = "report.html",
    X_test: Any = None,
    y_test: Any = None,
    *,
    X_out: Any = None,
    seed: int = 0,
    title: str | None = None,
) -> Path:
    """Write a report of a fit: one HTML file that needs nothing else, for a desktop, a phone or paper.

    It begins with a paragraph in plain words, and says in words and figures whether to trust the fit, how good and how
    uncertain its predictions are and where they are weak, whether it notices unfamiliar inputs, whether the sampler
    converged in function space, what was fitted to what, whether the prior matters, and how it came about.

    Parameters
    ----------
    bnn, idata
        The model and its fit.
    path
        The file to write; an existing one is replaced, but only once the new one is complete.
    X_test, y_test
        Held-out data `(obs, feature)` and `(obs,)` or `(obs, output)`, as given to `build`. Without them the fit is
        judged on its training data, and the report says so. Without `y_test` what needs observations is left out.
    X_out
        Inputs `(obs, feature)` that are unlike the training data, to see whether the fit notices. Without them the
        held-out rows are looked at for such.
    seed
        Of the draws of predictions.
    title
        Heading; made from the names of response and inputs if None.

    Returns
    -------
    pathlib.Path
        The file written.

    Raises
    ------
    DataError, ShapeError
        If the held-out data cannot be used.
    ModelError
        If `bnn` is no `BNN`, or `idata` is the fit of another model.
    FileError
        If the file cannot be written.

    Notes
    -----
    A figure that does not apply to the fit, or fails, leaves a line in its place that says why; a failure also warns.
    The pointer over a curve or a scatter plot shows values, which also stand in a table below; there is no script.

    Examples
    --------
    >>> import tempfile, numpy as np, pbnn
    >>> from pbnn import likelihoods
    >>> x = np.linspace(-1, 1, 20)[:, None]
    >>> bnn = pbnn.build(pbnn.Network([], likelihoods.Gaussian()), x, 2 * x[:, 0] + np.sin(9 * x[:, 0]))
    >>> idata = pbnn.fit(bnn, pbnn.MAP(), seed=1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     pbnn.report(bnn, idata, f"{folder}/report.html").name
    'report.html'
    """
    path = Path(path)
    check_writable(path, "report")
    facts = Facts.of(bnn, idata, X_test, y_test, seed, X_out)
    head = summarize(facts, title)
    sections = [make(facts) for make in SECTIONS]
    write_page(path, "report of a fit", head, sections, "report")
    return path
