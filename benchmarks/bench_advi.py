"""Mean-field ADVI on problem A, beside `pm.fit` on the same model: steps per second, and time to the same ELBO.

Problem A: 5000 rows, 10 inputs, one hidden layer of 50 tanh units, learned scales and noise: 604 weights. `pm.fit`
runs at its defaults (one draw per gradient). The ELBO of both is estimated afterwards in the same way, from 4000 fresh
draws in float64, so that neither is judged by its own noisy trace.
"""

import logging
import time
from functools import partial

import jax
import numpy as np
import pymc as pm
from common import options, record, seconds

import pbnn
from pbnn import likelihoods
from pbnn.target import Target

PEER_STEPS = 30_000
FEW, MANY = 500, 3_500
EVALUATION_DRAWS = 4_000


def problem_a(seed: int) -> pbnn.BNN:
    """Return 5000 rows of a smooth function of 10 inputs with noise, under a network of one hidden layer of 50."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(5000, 10))
    y = np.sin(2 * X[:, 0]) + X[:, 1] * X[:, 2] + 0.5 * X[:, 3] ** 2 + 0.3 * rng.normal(size=5000)
    return pbnn.build(pbnn.Network([pbnn.Dense(50, "tanh")], likelihoods.Gaussian()), X, y)


def elbo(target: Target, mean: np.ndarray, sd: np.ndarray, seed: int) -> tuple[float, float]:
    """Return the ELBO of a mean-field Gaussian in nats, and its standard error."""
    with target.scope():

        @jax.jit
        def one(key: jax.Array) -> jax.Array:
            white = jax.random.normal(key, (target.dim,))
            log_q = jax.scipy.stats.norm.logpdf(white).sum() - np.log(sd).sum()
            return target.log_density(mean + sd * white, target.data) - log_q

        keys = jax.random.split(jax.random.PRNGKey(seed), EVALUATION_DRAWS)
        values = np.asarray(jax.jit(lambda keys: jax.lax.map(one, keys))(keys))
    return float(values.mean()), float(values.std() / len(values) ** 0.5)


def elbo_of_draws(target: Target, tree) -> tuple[float, float]:
    """Return the same of a pbnn fit, from its Gaussian's moments on the unconstrained scale."""
    z = np.asarray(target.draws(tree["posterior"].to_dataset()))[0]
    return elbo(target, z.mean(axis=0), z.std(axis=0), 7)


def peer_moments(target: Target, approximation) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation of `pm.fit`'s Gaussian, in the order of the target."""
    (group,) = approximation.groups
    slices = [group.ordering[v.value_name][1] for v in target.variables]
    return tuple(np.concatenate([flat.eval()[s] for s in slices]) for flat in (group.mean, group.std))


def main() -> None:
    """Run both, and record."""
    args = options(__doc__, repeats=3)
    logging.getLogger("pymc").setLevel(logging.ERROR)
    bnn = problem_a(args.seed)
    target = Target.of(bnn, "float64")

    def ours(steps: int, draws: int = 1, precision: str = "float32"):
        method = pbnn.ADVI(steps=steps, draws=draws, precision=precision)
        return pbnn.fit(bnn, method, seed=args.seed, progress=False)

    def peer(steps: int):
        return pm.fit(steps, model=bnn.model, random_seed=args.seed, progressbar=False)

    # Steps per second: the difference of a long and a short run leaves out compilation and set-up.
    entrants = {"pbnn": ours, "pbnn float64": partial(ours, precision="float64"), "pm.fit": peer}
    rates: dict[str, list[float]] = {name: [] for name in entrants}
    for run in entrants.values():
        run(FEW)  # the first call of each also rewrites the model's graph
    for _ in range(args.repeats):
        for name, run in entrants.items():
            short, long = seconds(lambda run=run: run(FEW)), seconds(lambda run=run: run(MANY))
            rates[name].append((MANY - FEW) / (long - short))
    median = {name: float(np.median(r)) for name, r in rates.items()}

    start = time.perf_counter()
    approximation = peer(PEER_STEPS)
    peer_wall = time.perf_counter() - start
    peer_elbo, peer_error = elbo(target, *peer_moments(target, approximation), 7)

    # Fewest chunks of 250 steps after which our Gaussian, judged the same way, is as good.
    steps = 0
    our_elbo = our_error = our_wall = float("nan")
    while not our_elbo >= peer_elbo:
        steps += 250
        start = time.perf_counter()
        tree = ours(steps, draws=4_000)
        our_wall = time.perf_counter() - start
        our_elbo, our_error = elbo_of_draws(target, tree)
        if steps >= PEER_STEPS:
            break
    walls = [our_wall, *(seconds(lambda: ours(steps, draws=4_000)) for _ in range(args.repeats - 1))]

    start = time.perf_counter()
    converged = ours(50_000, draws=4_000)
    converged_wall = time.perf_counter() - start
    final_elbo, final_error = elbo_of_draws(target, converged)
    record(
        "advi",
        {
            "problem": {"rows": 5000, "inputs": 10, "hidden": [50], "weights": target.dim},
            "steps_per_second": {
                **{name: round(rate, 1) for name, rate in median.items()},
                "runs": {name: [round(r, 1) for r in values] for name, values in rates.items()},
                "ratio": round(median["pbnn"] / median["pm.fit"], 2),
                "asked": 5.0,
                "note": "pbnn in float32, its default; pm.fit in float64, its only one",
            },
            "time_to_elbo": {
                "pm.fit": {
                    "steps": PEER_STEPS,
                    "wall_s": round(peer_wall, 2),
                    "elbo": round(peer_elbo, 2),
                    "elbo_se": round(peer_error, 2),
                },
                "pbnn": {
                    "steps": steps,
                    "wall_s": round(float(np.median(walls)), 2),
                    "runs_s": [round(w, 2) for w in walls],
                    "elbo": round(our_elbo, 2),
                    "elbo_se": round(our_error, 2),
                },
                "ratio": round(peer_wall / float(np.median(walls)), 2),
                "asked": 20.0,
                "note": "wall time includes compilation; pbnn's also includes 4000 draws",
            },
            "pbnn_converged": {
                "steps": int(converged["optimization"].sizes["step"]),
                "wall_s": round(converged_wall, 2),
                "elbo": round(final_elbo, 2),
                "elbo_se": round(final_error, 2),
                "message": converged.attrs["message"],
            },
        },
        args,
    )


if __name__ == "__main__":
    main()
