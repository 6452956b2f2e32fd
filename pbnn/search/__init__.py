"""Bayesian optimisation of networks, on Optuna's studies."""
