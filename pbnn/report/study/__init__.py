"""The page of a search: what it recommends, how sure that is, and how it went."""

from pbnn.report.study.page import report_study

__all__ = ["report_study"]
