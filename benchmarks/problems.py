"""The problems that several benchmarks share, each with inputs at which predictions are compared."""

import numpy as np

import pbnn
from pbnn import likelihoods, priors


def smooth(n: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return `n` rows of a smooth function of four of 10 inputs, with noise of sd 0.3, and 100 other inputs."""
    rng = np.random.default_rng(seed)
    X, X_new = rng.normal(size=(n, 10)), rng.normal(size=(100, 10))
    y = np.sin(2 * X[:, 0]) + X[:, 1] * X[:, 2] + 0.5 * X[:, 3] ** 2 + 0.3 * rng.normal(size=n)
    return X, y, X_new


def fixed_scales(hidden: tuple[int, ...]) -> pbnn.Network:
    """Return a network whose weights have priors of fixed scale, `1 / sqrt(n_in)`: what every library can state."""
    return pbnn.Network(
        [pbnn.Dense(units, "tanh") for units in hidden],
        likelihoods.Gaussian(),
        weights=priors.Normal(scale=priors.FanIn(1.0)),
        biases=priors.Normal(scale=1.0),
    )


def linear_gaussian(seed: int) -> tuple[pbnn.BNN, np.ndarray, np.ndarray, float, np.ndarray]:
    """Return a linear network on 200 rows, its design with a column of ones, response, known noise, and 100 inputs."""
    rng = np.random.default_rng(seed)
    X, noise = rng.normal(size=(200, 10)), 0.5
    design = np.column_stack([X, np.ones(200)])
    y = design @ rng.normal(size=11) + noise * rng.normal(size=200)
    net = pbnn.Network([], likelihoods.Gaussian(noise), weights=priors.Normal(), biases=priors.Normal())
    return pbnn.build(net, X, y, standardize=False), design, y, noise, rng.normal(size=(100, 10))


def problem_s(sample: int) -> tuple[pbnn.BNN, np.ndarray]:
    """Return problem S, 500 rows and one hidden layer of 50 (602 parameters), and 100 inputs."""
    X, y, X_new = smooth(500, sample)
    return pbnn.build(fixed_scales((50,)), X, y), X_new


def problem_b(sample: int) -> tuple[pbnn.BNN, np.ndarray]:
    """Return problem B, 5000 rows and two hidden layers of 50 (3152 parameters), and 100 inputs."""
    X, y, X_new = smooth(5000, sample)
    return pbnn.build(fixed_scales((50, 50)), X, y), X_new
