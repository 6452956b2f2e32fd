"""A convolutional network on scikit-learn's digits: its gradient beside plain JAX, its predictions beside an ensemble.

3x3 convolutions of 8 and 16 filters, max pooling, a dense layer of 32 units, 10 classes; 1797 images of 8 x 8.

- Value and gradient of the log density of all images, float32, compiled: pbnn's target, and the same density written
  with `jax.lax.conv_general_dilated`, whose values are compared first.
- Accuracy and mean log predictive density on a fifth of the images, several random splits: SWAG beside a deep ensemble
  with as many members.
"""

import sys
import time
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from common import parser_of, race, record
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import pbnn
from pbnn import likelihoods, priors
from pbnn.target import Target

LAYERS = [
    pbnn.Conv2D(8, 3, "relu", padding="same"),
    pbnn.Conv2D(16, 3, "relu"),
    pbnn.MaxPool(2),
    pbnn.Flatten(),
    pbnn.Dense(32, "relu"),
]
NETWORK = pbnn.Network(
    LAYERS,
    likelihoods.Categorical(),
    weights=priors.Normal(scale=priors.FanIn(2**0.5)),
    biases=priors.Normal(scale=1.0),
)
MEMBERS = 5
METHODS = {"swag": pbnn.SWAG(members=MEMBERS), "ensemble": pbnn.Ensemble(members=MEMBERS)}
ASKED = 1.5
STEMS = ("h0", "h1", "h4", "out")


def plain_log_density(weights: dict[str, Any], x: Any, y: Any) -> Any:
    """Return the same log density, written as a user of JAX would; weights on their own scale."""
    log_prior = 0.0
    for stem in STEMS:
        weight, bias = weights[f"{stem}_weight"], weights[f"{stem}_bias"]
        sd = (2 / weight.shape[0]) ** 0.5
        log_prior += jax.scipy.stats.norm.logpdf(weight, 0, sd).sum()
        log_prior += jax.scipy.stats.norm.logpdf(bias, 0, 1).sum()

    def convolve(h: Any, stem: str, padding: str) -> Any:
        kernel = weights[f"{stem}_weight"].reshape(3, 3, h.shape[-1], -1)
        h = jax.lax.conv_general_dilated(
            h, kernel, (1, 1), padding, dimension_numbers=("NHWC", "HWIO", "NHWC")
        )
        return jax.nn.relu(h + weights[f"{stem}_bias"])

    h = convolve(convolve(x, "h0", "SAME"), "h1", "VALID")
    h = jax.lax.reduce_window(h, -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
    h = h.reshape(len(h), -1)
    h = jax.nn.relu(h @ weights["h4_weight"] + weights["h4_bias"])
    logits = jax.nn.log_softmax(h @ weights["out_weight"] + weights["out_bias"])
    return log_prior + jnp.take_along_axis(logits, y[:, None], axis=1).sum()


def speed(images: np.ndarray, labels: np.ndarray, args: Any) -> dict[str, Any]:
    """Time value and gradient of both."""
    bnn = pbnn.build(NETWORK, images, labels)
    target = Target.of(bnn, "float32")
    z = target.starts(1, args.seed)[0].astype(np.float32)
    with target.scope():
        ours = jax.jit(jax.value_and_grad(target.log_density))
        x = jnp.asarray(target.data["x"]).reshape(images.shape)
        y = jnp.asarray(labels)
        weights = {name: jnp.asarray(value, jnp.float32) for name, value in target.constrain(z).items()}
        theirs = jax.jit(jax.value_and_grad(plain_log_density))

        def run_ours() -> Any:
            with target.scope():
                return jax.block_until_ready(ours(z, target.data))

        def run_theirs() -> Any:
            with target.scope():
                return jax.block_until_ready(theirs(weights, x, y))

        # The densities differ by the Jacobian of the weights' scale, a constant.
        shift = sum(
            w.size * 0.5 * np.log(2 / w.shape[0]) for n, w in weights.items() if n.endswith("_weight")
        )
        difference = float(run_ours()[0]) - float(run_theirs()[0]) - shift
        timed = race({"pbnn": run_ours, "jax": run_theirs}, args.repeats)
    ratio = timed["pbnn"]["median_s"] / timed["jax"]["median_s"]
    return {
        "rows": len(images),
        "parameters": target.dim,
        "difference_of_log_density": round(difference, 3),
        "log_density": round(float(run_ours()[0]), 1),
        "timed": timed,
        "ratio": round(ratio, 3),
        "asked": ASKED,
        "met": ratio <= ASKED,
    }


def split(images: np.ndarray, labels: np.ndarray, number: int, seed: int) -> Iterator[dict[str, Any]]:
    """Score both methods on a split."""
    X, X_test, y, y_test = train_test_split(
        images, labels, test_size=0.2, random_state=seed + number, stratify=labels
    )
    bnn = pbnn.build(NETWORK, X, y)
    for name, method in METHODS.items():
        start = time.perf_counter()
        tree = pbnn.fit(bnn, method, seed=seed + number, progress=False)
        wall = time.perf_counter() - start
        found = pbnn.score(bnn, tree, X_test, y_test, seed=seed)
        row = {"accuracy": float(found["accuracy"]), "lpd": float(found["lpd"]), "wall_s": round(wall, 1)}
        print(number, name, row, file=sys.stderr, flush=True)
        yield {"split": number, "method": name, **row}


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return means over splits, and SWAG's paired difference to the ensemble."""
    gains = {}
    for measure in ("accuracy", "lpd"):
        of = {name: np.array([row[measure] for row in rows if row["method"] == name]) for name in METHODS}
        gain = of["swag"] - of["ensemble"]
        gains[measure] = {
            **{name: round(float(values.mean()), 4) for name, values in of.items()},
            "difference": round(float(gain.mean()), 4),
            "standard_error": round(float(gain.std(ddof=1) / len(gain) ** 0.5), 4) if len(gain) > 1 else None,
            "met": bool(gain.mean() > 0),
        }
    return {"members": MEMBERS, "splits": len(rows) // len(METHODS), "summary": gains, "rows": rows}


def main() -> None:
    """Time, then score; what is done is written after each split."""
    parser = parser_of(__doc__, repeats=15)
    parser.add_argument("--splits", type=int, default=5, help="random splits (default %(default)s)")
    args = parser.parse_args()
    data = load_digits()
    images = data.images[..., None] / 16.0
    found = {
        "layers": [str(layer) for layer in LAYERS],
        "methods": {name: repr(method) for name, method in METHODS.items()},
        "gradient": speed(images, data.target, args),
    }
    rows: list[dict[str, Any]] = []
    for number in range(args.splits):
        rows += split(images, data.target, number, args.seed)
        record("convolution", found | {"predictions": summary(rows)}, args, packages=("scikit-learn",))


if __name__ == "__main__":
    main()
