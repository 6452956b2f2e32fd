"""Several fits beside each other on one page, one file for each chapter: facts in, a `Section` out."""

from pbnn.report.comparison.page import report_comparison

__all__ = ["report_comparison"]
