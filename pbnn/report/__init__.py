"""The report: one HTML file that shows a fit, what it is worth, and how it came about."""

from pbnn.report.report import report

__all__ = ["report"]
