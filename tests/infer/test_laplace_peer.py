"""The Laplace approximation beside laplace-torch, from the same weights: its answers are stored, or asked for anew.

`LAPLACE_TORCH_PYTHON=/path/to/python pytest -m peer tests/infer/test_laplace_peer.py` asks a Python that has
laplace-torch 0.3; `PYTHONPATH=benchmarks python -m tests.infer.test_laplace_peer PYTHON` stores its answers. Weights
are handed over by the functions of the benchmark.
"""

import os
import sys
from functools import cache
from pathlib import Path

import bench_laplace as benchmark
import numpy as np
import pytest

import pbnn
from pbnn import likelihoods, priors

STORED = Path(__file__).with_name("laplace_torch.npz")
KINDS = ("regression", "classification")
WITHIN = 1e-3

pytestmark = pytest.mark.slow


@pytest.fixture
def torch_python():
    """Return the Python that has laplace-torch, which needs an older one than ours."""
    if "LAPLACE_TORCH_PYTHON" not in os.environ:
        pytest.skip("LAPLACE_TORCH_PYTHON names no Python that has laplace-torch")
    return os.environ["LAPLACE_TORCH_PYTHON"]


@cache
def made(kind: str) -> tuple[pbnn.BNN, np.ndarray, np.ndarray]:
    """Return a small network, weights that are not trained, and new inputs."""
    rng = np.random.default_rng(0)
    X, new = rng.normal(size=(80, 3)), rng.normal(size=(10, 3))
    scales = {"weights": priors.Normal(scale=priors.FanIn(1.0)), "biases": priors.Normal(scale=1.0)}
    if kind == "regression":
        likelihood, y = likelihoods.Gaussian(0.3), np.sin(X[:, 0]) + 0.3 * rng.normal(size=80)
    else:
        likelihood, y = likelihoods.Categorical(), np.argmax(X + rng.gumbel(size=X.shape), axis=1)
    bnn = pbnn.build(pbnn.Network([pbnn.Dense(5, "tanh"), pbnn.Dense(4, "tanh")], likelihood, **scales), X, y)
    dim = pbnn.Target.of(bnn).dim
    return bnn, rng.normal(size=dim), new


def asked(kind: str, python: str) -> dict[str, np.ndarray]:
    """Return what laplace-torch answers."""
    bnn, z, new = made(kind)
    return benchmark.peer(python, benchmark.handed_over(bnn, z, new, tune=False), repeats=1)


def check(kind: str, structure: str, theirs: dict[str, np.ndarray], planted: float = 0.0) -> None:
    """Compare precision, predictive variances and log marginal likelihood."""
    bnn, z, new = made(kind)
    own = benchmark.Ours(bnn, z, structure)
    own.fit()
    order = benchmark.in_torch_order(bnn)
    variance = own.variances(bnn.columns.standardize(new))
    assert benchmark.relative(variance * (1 + planted), theirs[f"{structure}_variance"]) < WITHIN
    evidence = float(theirs[f"{structure}_log_marginal_likelihood"])
    assert own.log_marginal_likelihood() == pytest.approx(evidence, rel=WITHIN)
    if structure == "kron":
        assert own.logdet() == pytest.approx(float(theirs["kron_logdet"]), rel=WITHIN)
        return
    precision = own.precision()
    ours = precision[np.ix_(order, order)] if structure == "full" else precision[order]
    assert benchmark.relative(ours, theirs[f"{structure}_precision"]) < WITHIN


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("structure", benchmark.STRUCTURES)
def test_it_agrees_with_the_stored_answers(kind, structure):
    with np.load(STORED) as stored:
        theirs = {n.removeprefix(f"{kind}_"): stored[n] for n in stored.files if n.startswith(kind)}
    check(kind, structure, theirs)
    with pytest.raises(AssertionError):
        check(kind, structure, theirs, planted=2 * WITHIN)


@pytest.mark.peer
@pytest.mark.parametrize("kind", KINDS)
def test_it_agrees_with_laplace_torch(kind, torch_python):
    theirs = asked(kind, torch_python)
    for structure in benchmark.STRUCTURES:
        check(kind, structure, theirs)


if __name__ == "__main__":
    answers = {f"{kind}_{name}": v for kind in KINDS for name, v in asked(kind, sys.argv[1]).items()}
    np.savez_compressed(STORED, **{name: v for name, v in answers.items() if not name.endswith("_s")})
