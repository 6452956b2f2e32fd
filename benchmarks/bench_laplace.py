"""The Laplace approximation beside laplace-torch on the same weights: is it right, and how fast.

Problem B: 5000 rows, 10 inputs, two hidden layers of 50, regression, 3151 weights; and three classes, 1000 rows, one
layer of 50. laplace-torch runs in a Python of its own (`--torch-python`), in the same run, from the same weights,
priors and noise; all in float32. Compilation is timed apart, in the first call. Then the linear network against its
closed form, the memory that a large network takes, and Gauss-Newton variational inference against ADVI on problem A.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import problems
from bench_advi import problem_a
from common import parser_of, record, seconds

import pbnn
from pbnn import likelihoods, priors
from pbnn.infer.gauss_newton_vi import CHUNK
from pbnn.infer.laplace.evidence import Hyperparameters, tune
from pbnn.infer.laplace.structures import builder
from pbnn.infer.prior_curvature import prior_curvature
from pbnn.infer.search import Search
from pbnn.predict.linearized import Linearization
from pbnn.target import Target
from pbnn.target.curvature import Subset, weight_scales

HERE = Path(__file__).resolve().parent
NEW = 1000
BATCH = 500
"""Rows in a batch of laplace-torch, which runs out of memory (24 GB) where all 5000 are one."""
ASKED = {"full": 20.0, "diag": 20.0, "kron": 1.0, "predictive": 5.0, "tuning": 20.0}
STRUCTURES = ("full", "kron", "diag")


def regression(seed: int) -> tuple[pbnn.BNN, np.ndarray]:
    """Return problem B, its noise known, and new inputs."""
    X, y, _ = problems.smooth(5000, seed)
    net = problems.fixed_scales((50, 50))
    net = pbnn.Network(net.layers, likelihoods.Gaussian(0.3), weights=net.weights, biases=net.biases)
    return pbnn.build(net, X, y), np.random.default_rng(seed + 1).normal(size=(NEW, 10))


def classification(seed: int) -> tuple[pbnn.BNN, np.ndarray]:
    """Return 1000 rows of three classes that overlap, under one hidden layer of 50, and new inputs."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(1000, 10))
    logits = np.column_stack([np.sin(2 * X[:, 0]), X[:, 1] * X[:, 2], 0.5 * X[:, 3] ** 2])
    y = np.argmax(2 * logits + rng.gumbel(size=logits.shape), axis=1)
    weights = priors.Normal(scale=priors.FanIn(1.0))
    net = pbnn.Network(
        [pbnn.Dense(50, "tanh")], likelihoods.Categorical(), weights=weights, biases=priors.Normal(scale=1.0)
    )
    return pbnn.build(net, X, y), np.random.default_rng(seed + 1).normal(size=(NEW, 10))


class Ours:
    """Our Laplace approximation at a given mode, one structure at a time, in float32."""

    def __init__(self, bnn: pbnn.BNN, z: np.ndarray, structure: str) -> None:
        self.bnn, self.z = bnn, z.astype(np.float32)
        self.target = Target.of(bnn, "float32")
        self.subset = Subset.of(self.target, self.target.weights)
        self.structure = structure
        self.build = builder(self.subset, structure, 50, 2**30)
        self.prior = prior_curvature(self.subset)(self.z)
        self.gaussian = None

    def fit(self) -> None:
        """Make the curvature, and factorise the precision."""
        curvature = self.build(self.z)
        self.gaussian = curvature.gaussian(np.ones(1), self.prior)

    def variances(self, x: np.ndarray) -> np.ndarray:
        """Return the covariances of the linearised outputs."""
        linear = Linearization("glm", self.z, self.subset.names, self.gaussian)
        return linear.moments(self.bnn, x, "float32")[1]

    def precision(self) -> np.ndarray:
        """Return the precision on the scale of the weights: of KFAC nothing is comparable but its determinant."""
        scale = self.scale()
        block = self.gaussian.blocks[0]
        if self.structure == "full":
            return (block.factor @ block.factor.T) / np.outer(scale, scale)
        return np.concatenate([b.precision for b in self.gaussian.blocks]) / scale**2

    def scale(self) -> np.ndarray:
        """Return the prior scale of each weight."""
        with self.target.scope():
            scales = weight_scales(self.target, self.z, self.subset.names)
            return np.concatenate([np.ravel(np.asarray(scales[n])) for n in self.subset.names])

    def logdet(self) -> float:
        """Return the log determinant of the precision on the scale of the weights."""
        return self.gaussian.logdet - 2 * float(np.log(self.scale()).sum())

    def log_marginal_likelihood(self) -> float:
        """Return it in the units of the standardised response, as the peer has it."""
        with self.target.scope():
            value = float(self.target.log_density(self.z, self.target.data))
        response = self.bnn.response
        units = (
            len(self.target.data["y"]) * float(np.log(response.scale[0]))
            if response.kind == "continuous"
            else 0
        )
        return value + units + 0.5 * self.gaussian.dim * np.log(2 * np.pi) - 0.5 * self.gaussian.logdet


def mode(bnn: pbnn.BNN, seed: int, steps: int = 300) -> np.ndarray:
    """Return weights that are trained, though not to the end: enough to compare at."""

    class Silent:
        def advance(self, *_: Any) -> None: ...

    target = Target.of(bnn, "float64")
    search = Search(Subset.of(target))
    search.climb(target.starts(1, seed)[0], steps, Silent())
    return search.peaks[-1][1]


def handed_over(bnn: pbnn.BNN, z: np.ndarray, X_new: np.ndarray, *, tune: bool) -> dict[str, Any]:
    """Return data and weights as the peer reads them."""
    target = Target.of(bnn, "float64")
    with target.scope():
        values = {k: np.asarray(v) for k, v in target.constrain(z).items()}
        scales = {k: float(np.mean(v)) for k, v in weight_scales(target, z, target.weights).items()}
    kind = "classification" if bnn.response.kind == "classes" else "regression"
    y = np.asarray(target.data["y"])
    given: dict[str, Any] = {
        "x": np.asarray(target.data["x"]),
        "x_new": bnn.columns.standardize(X_new),
        "y": y if kind == "classification" else y / bnn.response.scale[0],
        "kind": kind,
        "noise": 1.0 if kind == "classification" else 0.3 / bnn.response.scale[0],
        "batch_size": BATCH,
        "structures": list(STRUCTURES),
        "tune": tune,
    }
    for i, affine in enumerate(bnn.affines):
        given |= {f"w{i}": values[affine.weight], f"b{i}": values[affine.bias]}
        given |= {f"sw{i}": scales[affine.weight], f"sb{i}": scales[affine.bias]}
    return given


def peer(python: str, given: dict[str, Any], repeats: int) -> dict[str, np.ndarray]:
    """Run laplace-torch in its own Python."""
    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder, "in.npz"), Path(folder, "out.npz")
        np.savez(source, **given)
        script = [python, str(HERE / "laplace_torch_peer.py"), str(source), str(out), str(repeats)]
        subprocess.run(script, check=True, stdout=sys.stderr)
        with np.load(out) as found:
            return dict(found)


def in_torch_order(bnn: pbnn.BNN) -> np.ndarray:
    """Return where each of torch's parameters, `(n_out, n_in)` then bias for each layer, stands in ours."""
    target = Target.of(bnn, "float32")
    slices = Subset.of(target, target.weights).slices
    order = []
    for affine in bnn.affines:
        where = np.arange(slices[affine.weight].start, slices[affine.weight].stop)
        n_in = next(v.shape[0] for v in target.variables if v.name == affine.weight)
        order += [where.reshape(n_in, -1).T.ravel(), np.arange(*slices[affine.bias].indices(10**9)[:2])]
    return np.concatenate(order)


def relative(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Return the largest difference, relative to the largest value."""
    return float(np.abs(ours - theirs).max() / np.abs(theirs).max())


def compare(python: str, problem: Any, seed: int, repeats: int, *, tune_too: bool) -> dict[str, Any]:
    """Race and compare on one problem."""
    bnn, X_new = problem(seed)
    z = mode(bnn, seed)
    theirs = peer(python, handed_over(bnn, z, X_new, tune=tune_too), repeats)
    order, x_new = in_torch_order(bnn), bnn.columns.standardize(X_new)
    results: dict[str, Any] = {"weights": int(order.size), "rows": bnn.n_obs, "structures": {}}
    for structure in STRUCTURES:
        own = Ours(bnn, z, structure)
        times = timed(own.fit, repeats)
        predictive = timed(lambda own=own: own.variances(x_new), repeats)
        variance = own.variances(x_new)
        agreement = {
            "predictive_variance": relative(variance, theirs[f"{structure}_variance"]),
            "log_marginal_likelihood": abs(
                own.log_marginal_likelihood() / float(theirs[f"{structure}_log_marginal_likelihood"]) - 1
            ),
        }
        if structure == "kron":
            agreement["log_determinant"] = abs(own.logdet() / float(theirs["kron_logdet"]) - 1)
        else:
            precision = own.precision()
            ours = precision[np.ix_(order, order)] if structure == "full" else precision[order]
            agreement["precision"] = relative(ours, theirs[f"{structure}_precision"])
        results["structures"][structure] = {
            "fit": versus(times, theirs[f"{structure}_fit_s"]),
            "predictive": versus(predictive, theirs[f"{structure}_predict_s"]),
            "relative_difference": {k: float(f"{v:.2g}") for k, v in agreement.items()},
        }
    if tune_too:
        results["tuning"] = versus(timed(tuning(bnn, z), repeats), theirs["full_tune_s"])
    return results


def timed(run: Any, repeats: int) -> list[float]:
    """Return the seconds of the first call, which compiles, and of others."""
    return [seconds(run) for _ in range(repeats + 1)]


def versus(ours: list[float], theirs: np.ndarray) -> dict[str, float]:
    """Return medians and their ratio, with and without our compilation."""
    own, peer_s = float(np.median(ours[1:])), float(np.median(theirs))
    return {
        "pbnn_s": round(own, 4),
        "pbnn_first_call_s": round(ours[0], 3),
        "laplace_torch_s": round(peer_s, 4),
        "ratio": round(peer_s / own, 1),
        "ratio_first_call": round(peer_s / ours[0], 1),
    }


def tuning(bnn: pbnn.BNN, z: np.ndarray) -> Any:
    """Return a run of tuning: the same network with learned scales and noise, from its curvature to the maximum."""
    learned = priors.Normal(scale=priors.LogNormal(1.0))
    net = pbnn.Network(bnn.network.layers, likelihoods.Gaussian(), weights=learned, biases=learned)
    X, y = bnn.model["X"].get_value(), bnn.model["y_data"].get_value()
    wide = pbnn.build(net, X, y)
    target = Target.of(wide, "float32")
    subset = Subset.of(target, target.weights)
    hyper = Hyperparameters(subset, tied=False)
    at = target.starts(1, 1)[0]
    build = builder(subset, "full", 50, 2**30)
    curvature, prior = build(at), prior_curvature(subset)(at)
    return lambda: tune(hyper, curvature, prior, at)


def linear_gaussian(seed: int) -> dict[str, float]:
    """Return the largest relative errors of posterior and evidence where both are known, in float64."""
    bnn, design, y, noise, X_new = problems.linear_gaussian(seed)
    tree = pbnn.fit(bnn, pbnn.Laplace("full", precision="float64"), seed=seed, progress=False)
    at = np.column_stack([X_new, np.ones(len(X_new))])
    gp = pbnn.laplace_gp(bnn, tree)
    covariance = np.linalg.inv(np.eye(11) + design.T @ design / noise**2)
    mean = covariance @ design.T @ y / noise**2
    marginal = design @ design.T + noise**2 * np.eye(len(y))
    evidence = -0.5 * (y @ np.linalg.solve(marginal, y) + np.linalg.slogdet(2 * np.pi * marginal)[1])
    found = float(tree["gaussian"].attrs["log_marginal_likelihood"])
    return {
        "mean": relative(gp.mean(X_new), at @ mean),
        "covariance": relative(gp.kernel(X_new), at @ covariance @ at.T),
        "log_evidence": abs(found / evidence - 1),
    }


def memory(structures: tuple[str, ...] = ("diag", "kron", "last_layer")) -> dict[str, Any]:
    """Return the largest memory of a process that fits a million weights, ten classes, to 10,000 rows."""
    found = {}
    for structure in structures:
        script = [sys.executable, str(HERE / "laplace_memory.py"), structure]
        done = subprocess.run(script, check=True, capture_output=True, text=True)
        found[structure] = json.loads(done.stdout.splitlines()[-1])
    return found


def variational(seed: int) -> dict[str, Any]:
    """Return ELBO and passes over the data of ADVI, mean-field, and of Gauss-Newton variational inference."""
    bnn = problem_a(seed)
    methods = {
        "ADVI": pbnn.ADVI(draws=4000),
        "GaussNewtonVI, diag": pbnn.GaussNewtonVI("diag", draws=4000),
        "GaussNewtonVI, kron": pbnn.GaussNewtonVI("kron", draws=4000),
        "GaussNewtonVI, full": pbnn.GaussNewtonVI("full", draws=4000, steps=1000),
    }
    found: dict[str, Any] = {}
    for name, method in methods.items():
        start = time.perf_counter()
        tree = pbnn.fit(bnn, method, seed=seed, progress=False)
        wall = time.perf_counter() - start
        gap = (tree["sample_stats"]["lp"] - tree["sample_stats"]["log_q"]).to_numpy()
        trace = tree["optimization"]["elbo"].to_numpy()
        # A step of ADVI is one gradient; of the others two, and a curvature. At the end the diagonal takes one product
        # with it too.
        passes = {"ADVI": 1, "GaussNewtonVI, diag": 4}.get(name, 3)
        means = trace[: trace.size // CHUNK * CHUNK].reshape(-1, CHUNK).mean(axis=1)
        reached = means >= found["ADVI"]["elbo"] if found else np.zeros(1, bool)
        found[name] = {
            "elbo": round(float(gap.mean()), 1),
            "elbo_se": round(float(gap.std() / gap.size**0.5), 2),
            "steps": trace.size,
            "passes": trace.size * passes,
            "passes_to_elbo_of_advi": int((reached.argmax() + 1) * CHUNK * passes) if reached.any() else None,
            "wall_s": round(wall, 1),
            "message": tree.attrs["message"],
        }
    return found


def main() -> None:
    """Check, race, and record."""
    parser = parser_of(__doc__, repeats=3)
    parser.add_argument("--torch-python", required=True, help="a Python with laplace-torch 0.3")
    args = parser.parse_args()
    found = {
        "asked": ASKED,
        "regression": compare(args.torch_python, regression, args.seed, args.repeats, tune_too=True),
        "classification": compare(args.torch_python, classification, args.seed, args.repeats, tune_too=False),
        "linear_gaussian": linear_gaussian(args.seed),
        "variational": variational(args.seed),
        "memory": memory(),
    }
    record("laplace", found, args)


if __name__ == "__main__":
    main()
