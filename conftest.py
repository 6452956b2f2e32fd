"""What pytest needs to know of the examples in docstrings."""

import pytest

SLOW_EXAMPLES = {
    "pbnn.assess.average.average",
    "pbnn.assess.conformal.conformal",
    "pbnn.assess.convergence.diagnose",
    "pbnn.assess.model_evidence.compare_evidence",
    "pbnn.assess.relevance.relevance",
    "pbnn.assess.sbc.sbc",
    "pbnn.infer.resume.resume",
    "pbnn.report.comparison.page.report_comparison",
    "pbnn.report.report.report",
    "pbnn.search.bayes.surrogate",
}
"""Those that take more than about five seconds: an example cannot say so itself."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark slow examples, before markers are selected."""
    for item in items:
        if item.name in SLOW_EXAMPLES:
            item.add_marker(pytest.mark.slow)
