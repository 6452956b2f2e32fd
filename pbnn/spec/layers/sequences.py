"""Layers of sequences: recurrent networks, attention, and positions."""

from dataclasses import KW_ONLY, dataclass
from typing import final

from pbnn.spec.layers.base import Own, check_bias, check_weights, layer_words, own_priors
from pbnn.spec.numbers import require_booleans, require_counts, require_numbers
from pbnn.spec.priors import Prior


@final
@dataclass(frozen=True, slots=True)
class GRU:
    """A gated recurrent unit along a sequence `(time, n_in)` (Cho et al. 2014, 10.3115/v1/D14-1179).

    From the state 0, with the reset gate behind the matrix product, so that there is one for all gates:
    `r, u = sigmoid(x W + b + h U)`, `n = tanh(x W + b + r (h U))`, `h' = (1 - u) n + u h`, each with its own columns of
    `W`, `b` and `U`, in the order r, u, n.

    Parameters
    ----------
    units
        Length of the state.
    return_sequence
        Whether the states at all times leave, `(time, units)`, rather than the last one, `(units,)`.
    weight
        Prior of the weights of the input `(n_in, 3 * units)`; None takes the network's default.
    recurrent
        Prior of those of the state `(units, 3 * units)`; None takes the network's default.
    bias
        Prior of the biases `(3 * units,)`, as in `Dense`.

    Examples
    --------
    >>> import pbnn
    >>> layers = [pbnn.GRU(8, return_sequence=True), pbnn.GRU(8)]
    """

    units: int
    _: KW_ONLY
    return_sequence: bool = False
    weight: Prior | None = None
    recurrent: Prior | None = None
    bias: Prior | bool = True

    def __post_init__(self) -> None:
        _check_recurrent(self)


@final
@dataclass(frozen=True, slots=True)
class LSTM:
    """Long short-term memory along a sequence `(time, n_in)`.

    Hochreiter & Schmidhuber 1997, 10.1162/neco.1997.9.8.1735, with the forget gate of Gers et al. 2000,
    10.1162/089976600300015015. From state and memory 0:
    `i, f, o = sigmoid(x W + b + h U)`, `g = tanh(x W + b + h U)`, `c' = f c + i g`, `h' = o tanh(c')`, each with its
    own columns of `W`, `b` and `U`, in the order i, f, g, o.

    Parameters
    ----------
    units
        Length of the state.
    return_sequence
        Whether the states at all times leave, `(time, units)`, rather than the last one, `(units,)`.
    weight
        Prior of the weights of the input `(n_in, 4 * units)`; None takes the network's default.
    recurrent
        Prior of those of the state `(units, 4 * units)`; None takes the network's default.
    bias
        Prior of the biases `(4 * units,)`, as in `Dense`.

    Examples
    --------
    >>> import pbnn
    >>> layers = [pbnn.LSTM(8)]
    """

    units: int
    _: KW_ONLY
    return_sequence: bool = False
    weight: Prior | None = None
    recurrent: Prior | None = None
    bias: Prior | bool = True

    def __post_init__(self) -> None:
        _check_recurrent(self)


def _check_recurrent(owner: GRU | LSTM) -> None:
    require_counts(owner, "units")
    require_booleans(owner, "return_sequence")
    check_weights(owner, "weight", "recurrent")
    check_bias(owner)


def _recurrent_words(layer: GRU | LSTM) -> str:
    return f"{type(layer).__name__} {layer.units}{' sequence' if layer.return_sequence else ''}"


def _recurrent_priors(layer: GRU | LSTM) -> Own:
    return {"weight": layer.weight, "recurrent": layer.recurrent, "bias": layer.bias}


for _cls in (GRU, LSTM):
    layer_words.register(_cls, _recurrent_words)
    own_priors.register(_cls, _recurrent_priors)


@final
@dataclass(frozen=True, slots=True)
class SelfAttention:
    """Each position of a sequence looks at the others: `(time, n_in)` to `(time, n_in)`.

    Multi-head scaled dot-product attention (Vaswani et al. 2017, arXiv:1706.03762, section 3.2), with matrices `query`,
    `key`, `value` `(n_in, heads * units)` and `out` `(heads * units, n_in)`.

    Parameters
    ----------
    heads
        How many ways of looking there are.
    units
        Length of the query, key and value of each head.
    causal
        Whether a position sees itself and earlier ones only.
    weight, bias
        Priors of the four matrices and their biases, as in `Dense`.
    query, key, value, out
        Prior of one of the matrices, in place of `weight`.

    Examples
    --------
    >>> import pbnn
    >>> block = pbnn.Residual([pbnn.LayerNorm(), pbnn.SelfAttention(2, 4, causal=True)])
    """

    heads: int
    units: int
    _: KW_ONLY
    causal: bool = False
    weight: Prior | None = None
    bias: Prior | bool = True
    query: Prior | None = None
    key: Prior | None = None
    value: Prior | None = None
    out: Prior | None = None

    def __post_init__(self) -> None:
        require_counts(self, "heads", "units")
        require_booleans(self, "causal")
        check_weights(self, "weight", "query", "key", "value", "out")
        check_bias(self)


@layer_words.register
def _(layer: SelfAttention) -> str:
    return f"SelfAttention {layer.heads}×{layer.units}{' causal' if layer.causal else ''}"


@own_priors.register
def _(layer: SelfAttention) -> Own:
    named = {name: getattr(layer, name) for name in ("query", "key", "value", "out")}
    chosen = {name: prior for name, prior in named.items() if prior is not None}
    return {"weight": layer.weight, **chosen, "bias": layer.bias}


@final
@dataclass(frozen=True, slots=True)
class PositionalEncoding:
    """Add to each position of a sequence sines and cosines of where it stands.

    `sin(t / base ** (2 i / n))` to unit `2 i` and the cosine to unit `2 i + 1` (Vaswani et al. 2017, arXiv:1706.03762,
    section 3.5).

    Parameters
    ----------
    base
        The ratio of the longest wave to the shortest.

    Examples
    --------
    >>> import pbnn
    >>> layers = [pbnn.Dense(8), pbnn.PositionalEncoding(), pbnn.SelfAttention(2, 4), pbnn.AveragePool()]
    """

    base: float = 10000.0

    def __post_init__(self) -> None:
        require_numbers(self, "base", positive=True)
