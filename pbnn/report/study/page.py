"""`report_study`: a search as one self-contained HTML file."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from pbnn.report.page import check_writable, write_page
from pbnn.report.study.course import course_section
from pbnn.report.study.facts import WHERE, StudyFacts
from pbnn.report.study.outcome import outcome_section
from pbnn.report.study.parameters import parameters_section
from pbnn.report.study.provenance import provenance_section
from pbnn.report.study.summary import summarize_study

if TYPE_CHECKING:
    from optuna import Study

    from pbnn.search import Search

SECTIONS = (outcome_section, course_section, parameters_section, provenance_section)
"""In the order of what a reader wants to know."""


def report_study(
    found: "Search | Study",
    path: str | os.PathLike[str] = "study.html",
    *,
    seed: int = 0,
    title: str | None = None,
) -> Path:
    """Write a page of a search: what it recommends, how sure that is, how it went, and which parameters matter.

    Parameters
    ----------
    found
        What `pbnn.search.optimize` returned, or any study of Optuna of one objective.
    path
        The file to write; an existing one is replaced, but only once the new one is complete.
    seed
        Of the surrogate's fit and the draws from it.
    title
        Heading; made from the names of the parameters if None.

    Returns
    -------
    pathlib.Path
        The file written.

    Raises
    ------
    MethodError
        If it is no search, or one of several objectives.
    DataError
        If no trial has a score.
    FileError
        If the file cannot be written.

    Notes
    -----
    A part that does not apply, or fails, leaves a line that says why. There is no script in the page.

    Examples
    --------
    >>> import tempfile, optuna, pbnn
    >>> optuna.logging.set_verbosity(optuna.logging.WARNING)
    >>> study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(seed=1))
    >>> study.optimize(lambda trial: -(trial.suggest_float("x", -1, 1) ** 2), n_trials=3)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     pbnn.report_study(study, f"{folder}/study.html").name
    'study.html'
    """
    path = Path(path)
    check_writable(path, WHERE)
    facts = StudyFacts.of(found, seed)
    head = summarize_study(facts, title)
    write_page(path, "search", head, [make(facts) for make in SECTIONS], WHERE)
    return path
