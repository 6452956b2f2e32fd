"""Sentences and numbers of the report."""

import json
import math
from collections.abc import Sequence
from itertools import groupby

import xarray as xr
from markupsafe import Markup, escape

from pbnn.errors import count as plural
from pbnn.graph.build import BNN
from pbnn.spec.layers import Embedding, Layer
from pbnn.spec.table import layer_words, likelihood_words

METHODS = {
    "nuts": "the no-U-turn sampler (NUTS)",
    "mclmc": "microcanonical Langevin Monte Carlo (MCLMC)",
    "advi": "variational inference (ADVI)",
    "pymc-advi": "PyMC's variational inference (ADVI)",
    "laplace": "a Laplace approximation",
    "gauss-newton-vi": "Gauss–Newton variational inference",
    "ensemble": "a deep ensemble",
    "swag": "Gaussians along stochastic gradient descent (SWAG)",
    "sgmcmc": "stochastic-gradient Markov chains (SG-MCMC)",
    "map": "a search for the posterior mode (MAP)",
}


def prose(text: str) -> Markup:
    """Escape a sentence for HTML; `names` between backticks become code, and a number keeps its per cent sign."""
    parts = str(escape(text)).replace(" %", "\u00a0%").split("`")
    return Markup("".join(f"<code>{part}</code>" if i % 2 else part for i, part in enumerate(parts)))


def number(value: float, digits: int = 3) -> str:
    """Write a number with some significant digits: `0.123`, `1,230`, `1.2e-07`."""
    value = float(value)
    if not math.isfinite(value):
        return "–"
    if value == 0:
        return "0"
    if abs(value) >= 1e7 or abs(value) < 1e-4:
        return f"{value:.{digits - 1}e}"
    places = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    return f"{value:,.{places}f}".replace("-", "−")


def plain(value: float) -> str:
    """Write a number as given in data: `57.6`, `3`, `1,234`."""
    value = float(value)
    return f"{value:,.4g}".replace("-", "−") if math.isfinite(value) else "–"


def percent(share: float) -> str:
    """Write a share: `93 %`, `0.4 %`."""
    if not math.isfinite(share):
        return "–"
    places = 0 if share in (0, 1) or 0.01 <= share <= 0.99 else 1
    return f"{100 * share:.{places}f}\u00a0%"


def listing(names: Sequence[object], most: int = 4) -> str:
    """Write names as prose: `a, b and c`; `a, b, c and 27 more`."""
    words = [str(name) for name in names]
    if len(words) > most:
        words = [*words[: most - 1], f"{len(words) - most + 1} more"]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def duration(seconds: float) -> str:
    """Write a time span: `0.8 s`, `2 min 5 s`, `1 h 12 min`."""
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def inputs_words(bnn: BNN) -> str:
    """Name the inputs: columns, `sequences of 12 steps and 1 channel`, `images of 8×8 pixels and 3 channels`."""
    if not bnn.columns.shape:
        return listing(bnn.columns.names)
    *positions, channels = bnn.columns.shape
    kind, step = ("sequences", "step") if len(positions) == 1 else ("images", "pixel")
    each = "×".join(map(str, positions))
    return f"{kind} of {each} {step if each == '1' else step + 's'} and {plural(channels, 'channel')}"


def network_words(bnn: BNN) -> str:
    """Say what kind of model it is: `a network with two hidden layers (Dense 50 tanh, Dense 50 tanh)`."""
    layers = bnn.network.layers
    if not layers:
        return "a linear model"
    n = sum(not isinstance(layer, Embedding) for layer in layers)
    words = {1: "one hidden layer", 2: "two hidden layers", 3: "three hidden layers"}.get(
        n, f"{n} hidden layers"
    )
    return f"a network with {words} ({_layers_words(layers)})"


def _layers_words(layers: Sequence[Layer]) -> str:
    """Write layers short, equal neighbours as one: `9 × Dense 10 tanh`."""
    runs = [(words, len(list(run))) for words, run in groupby(map(layer_words, layers))]
    return ", ".join(words if n == 1 else f"{n} × {words}" for words, n in runs)


def likelihood_sentence(bnn: BNN) -> str:
    """Say how the response is distributed."""
    return likelihood_words(bnn.network)


def method_words(idata: xr.DataTree) -> str:
    """Say how the posterior was found, how many draws there are, and how long it took."""
    attrs, posterior = idata.attrs, idata["posterior"]
    chains, draws = posterior.sizes["chain"], posterior.sizes["draw"]
    if "method" not in attrs:
        return f"The posterior is represented by {plural(chains, 'chain')} of {plural(draws, 'draw')}"
    name = METHODS.get(str(attrs["method"]), str(attrs["method"]))
    took = f" in {duration(float(attrs['wall_time']))}" if "wall_time" in attrs else ""
    if chains * draws == 1:
        return f"The posterior is represented by a single point, found by {name}{took}"
    if attrs.get("sampling") == "approximate":
        return f"The posterior was approximated by {name}{took}; {plural(draws, 'independent draw')} represent it"
    return f"The posterior was sampled by {name}: {plural(chains, 'chain')} of {plural(draws, 'draw')}{took}"


def recalibration_words(idata: xr.DataTree) -> str:
    """Say that the fit carries a correction of its predictions, if it does; the sentence starts with a space."""
    if "recalibration" not in idata.children:
        return ""
    found = idata["recalibration"].to_dataset()
    parts = [
        f"{name} {' · '.join(number(v) for v in found[name].to_numpy().ravel())}"
        for name in ("temperature", "factor")
        if name in found
    ]
    how = f", {', '.join(parts)}" if parts else ""
    n = f" {found.attrs['n_obs']}" if "n_obs" in found.attrs else ""
    return (
        f" The fit carries a recalibration ({found.attrs.get('method', 'unknown')}{how}), learned from{n} other rows: "
        "all predictions here are corrected by it."
    )


def json_pretty(text: str) -> str:
    """Indent JSON for reading; leave other text as it is."""
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except ValueError:
        return text


def json_pairs(text: str) -> list[tuple[str, str]]:
    """Return the entries of a JSON object as text."""
    try:
        return [(str(key), str(value)) for key, value in json.loads(text).items()]
    except (ValueError, AttributeError):
        return [("", text)] if text else []
