"""The peers on problem S, each in a process of its own.

`python sampling_peers.py pymc|numpyro SAMPLE SEED DRAWS TUNE OUT`

Writes the mean response at the 100 inputs `(chain, draw, obs)`, the log noise `(chain, draw)`, and the wall time of
everything a user waits for, compilation included, as an npz file. NumPyro runs at its best: a model written in JAX, in
float32, one chain to a device; it needs a flag that only counts before JAX starts.
"""

import sys
import time

import numpy as np


def pymc(sample: int, seed: int, draws: int, tune: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Sample the model of the benchmark itself with `pm.sample`, at its defaults but for the number of chains.

    With PyMC's own sampler, the default where nutpie is not installed, and the faster of the two here.
    """
    import pymc as pm
    from problems import problem_s

    from pbnn.target import Target

    bnn, X_new = problem_s(sample)
    start = time.perf_counter()
    with bnn.model:
        tree = pm.sample(
            draws, tune=tune, chains=2, cores=2, random_seed=seed, progressbar=False, nuts_sampler="pymc"
        )
    wall = time.perf_counter() - start
    target = Target.of(bnn)
    x = target.inputs(X_new)
    mean = forward(target, np.asarray(target.draws(tree["posterior"].to_dataset())), x)
    return mean, np.log(tree["posterior"]["noise"].to_numpy()), wall


def forward(target, z: np.ndarray, x) -> np.ndarray:
    """Return the mean response `(chain, draw, obs)` of flat draws."""
    import jax

    with target.scope():
        one = jax.jit(lambda c: jax.lax.map(lambda z: target.parameters(z, x)["mu"], c, batch_size=64))
        return np.stack([np.asarray(one(chain)) for chain in z])


def numpyro(sample: int, seed: int, draws: int, tune: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Sample the same posterior as a NumPyro model."""
    import numpyro as npr

    npr.set_host_device_count(2)
    import jax
    import jax.numpy as jnp
    import numpyro.distributions as dist
    from numpyro.infer import MCMC, NUTS
    from problems import problem_s

    bnn, X_new = problem_s(sample)
    x, x_new = (bnn.columns.standardize(X) for X in (bnn.model["X"].get_value(), X_new))
    y, loc, scale = (
        bnn.model["y_data"].get_value(),
        *map(np.float32, (bnn.response.loc[0], bnn.response.scale[0])),
    )
    jax.config.update("jax_enable_x64", False)

    def network(w1, b1, w2, b2, x):
        return loc + scale * (jnp.tanh(x @ w1 + b1) @ w2 + b2)[:, 0]

    def model(x, y):
        w1 = npr.sample("w1", dist.Normal(0, 10**-0.5).expand([10, 50]))
        b1 = npr.sample("b1", dist.Normal(0, 1).expand([50]))
        w2 = npr.sample("w2", dist.Normal(0, 50**-0.5).expand([50, 1]))
        b2 = npr.sample("b2", dist.Normal(0, 1).expand([1]))
        noise = npr.sample("noise", dist.LogNormal(jnp.log(0.3 * scale), 1.0))
        npr.sample("y", dist.Normal(network(w1, b1, w2, b2, x), noise), obs=y)

    data = [jnp.asarray(a, jnp.float32) for a in (x, y)]
    start = time.perf_counter()
    mcmc = MCMC(NUTS(model), num_warmup=tune, num_samples=draws, num_chains=2, progress_bar=False)
    mcmc.run(jax.random.PRNGKey(seed), *data)
    found = {name: np.asarray(v) for name, v in mcmc.get_samples(group_by_chain=True).items()}
    wall = time.perf_counter() - start
    at = jnp.asarray(x_new, jnp.float32)
    every = jax.jit(lambda *w: jax.lax.map(lambda one: network(*one, at), w, batch_size=64))
    mean = np.stack([every(*(found[n][c] for n in ("w1", "b1", "w2", "b2"))) for c in range(2)])
    return mean, np.log(found["noise"]), wall


if __name__ == "__main__":
    peer, *numbers, out = sys.argv[1:]
    mean, log_noise, wall = {"pymc": pymc, "numpyro": numpyro}[peer](*map(int, numbers))
    np.savez(out, mean=mean, log_noise=log_noise, wall=wall)
