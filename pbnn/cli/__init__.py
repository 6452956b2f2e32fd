"""The command line: `pbnn --help`."""

from pbnn.cli.app import app, main

__all__ = ["app", "main"]
