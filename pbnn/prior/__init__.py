"""Priors over functions: targets, calibration, and what a prior says before the data."""
