"""`report_comparison`: several fits beside each other in one self-contained HTML file."""

import os
from pathlib import Path
from typing import Any

from pbnn.report.comparison.calibration import calibration_section
from pbnn.report.comparison.disagreement import disagreement_section
from pbnn.report.comparison.facts import WHERE, Comparison, Models
from pbnn.report.comparison.members import members_section
from pbnn.report.comparison.prediction import prediction_section
from pbnn.report.comparison.scores import scores_section
from pbnn.report.comparison.summary import summarize_comparison
from pbnn.report.comparison.weights import weights_section
from pbnn.report.page import check_writable, write_page

SECTIONS = (
    prediction_section,
    weights_section,
    scores_section,
    calibration_section,
    disagreement_section,
    members_section,
)
"""In the order of what a reader wants to know."""


def report_comparison(
    models: Models,
    path: str | os.PathLike[str],
    X_test: Any = None,
    y_test: Any = None,
    *,
    seed: int = 0,
    title: str | None = None,
) -> Path:
    """Write a page that compares fits: other networks, other methods, or the modes of one fit.

    It says in words which predicts best and whether that is more than chance, what the weights of an average are and
    what it would give; then scores, calibration, the rows at which the models disagree, and what each model is.

    Parameters
    ----------
    models
        By name, a model and its fit, `(bnn, idata)`: at least two, of the same response.
    path
        The file to write; an existing one is replaced, but only once the new one is complete.
    X_test, y_test
        Held-out data `(obs, feature)` and `(obs,)` or `(obs, output)`, as given to `build`; a frame may have more
        columns than a model takes. Without them the models are compared on their training rows, each left out in turn
        (`pbnn.loo`), which takes at least 25 draws of the weights, and there are no scores.
    seed
        Of the draws of predictions.
    title
        Heading; made from the names of the response if None.

    Returns
    -------
    pathlib.Path
        The file written.

    Raises
    ------
    DataError, ShapeError
        If the held-out data cannot be used, or the models were fitted to different rows and there are none.
    ModelError
        If there are fewer than two models, or a fit is that of another model.
    FileError
        If the file cannot be written.

    Notes
    -----
    With held-out data, weights still come from leaving out training rows where all fits allow that, so that the average
    is judged on rows which nothing was chosen on. A part that does not apply, or fails, leaves a line that says why.

    References
    ----------
    Yao, Vehtari, Simpson & Gelman (2018), 10.1214/17-BA1091; see `pbnn.compare_models` and `pbnn.average`.

    Examples
    --------
    >>> import tempfile, numpy as np, pbnn
    >>> from pbnn import likelihoods
    >>> x = np.linspace(-1, 1, 60)[:, None]
    >>> y = x[:, 0] + np.sin(9 * x[:, 0])
    >>> models = {}
    >>> for name, scale in {"tight": 0.1, "wide": 1.0}.items():
    ...     weights = pbnn.priors.Normal(scale=scale)
    ...     bnn = pbnn.build(pbnn.Network([], likelihoods.Gaussian(), weights=weights), x[::2], y[::2])
    ...     models[name] = (bnn, pbnn.fit(bnn, pbnn.MAP(starts=1, steps=50), seed=1, progress=False))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     pbnn.report_comparison(models, f"{folder}/compare.html", x[1::2], y[1::2]).name
    'compare.html'
    """
    path = Path(path)
    write_comparison(models, path, X_test, y_test, seed, title)
    return path


def write_comparison(
    models: Models,
    path: Path,
    X_test: Any = None,
    y_test: Any = None,
    seed: int = 0,
    title: str | None = None,
) -> Comparison:
    """Write the page, as `report_comparison` does, and return what it rests on."""
    check_writable(path, WHERE)
    facts = Comparison.of(models, X_test, y_test, seed)
    head = summarize_comparison(facts, title)
    sections = [make(facts) for make in SECTIONS]
    write_page(path, "comparison of fits", head, sections, WHERE)
    return facts
