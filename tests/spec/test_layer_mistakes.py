"""Each mistake in a layer of images, sequences, features, groups or branches is named where it is made."""

import json
import math

import numpy as np
import pytest

import pbnn
from pbnn.errors import SpecError
from pbnn.spec.layers import (
    GRU,
    LSTM,
    RBF,
    AveragePool,
    Concat,
    Conv1D,
    Conv2D,
    Dense,
    FourierFeatures,
    Frozen,
    GroupDense,
    MaxPool,
    Parallel,
    PositionalEncoding,
    Reshape,
    Residual,
    SelfAttention,
)
from pbnn.spec.likelihoods import Gaussian
from pbnn.spec.network import Network
from pbnn.spec.priors import Normal, ResponseSD

MISTAKES = {
    "no filters": (lambda: Conv1D(0, 3), r"Conv1D: filters must be a whole number >= 1; got 0"),
    "window of half a step": (lambda: Conv1D(2, 2.5), r"Conv1D: size must be a whole number >= 1; got 2\.5"),
    "pair in one dimension": (lambda: Conv1D(2, (3, 3)), r"Conv1D: size must be a whole number >= 1"),
    "three in two dimensions": (
        lambda: Conv2D(2, (3, 3, 3)),
        r"Conv2D: size must be a whole number >= 1 or a pair of such; got \(3, 3, 3\)",
    ),
    "stride 0": (lambda: Conv2D(2, 3, stride=0), r"Conv2D: stride must be a whole number >= 1 or a pair"),
    "padding of a name": (
        lambda: Conv2D(2, 3, padding="causal"),
        r"Conv2D: padding must be a number or one of valid, same; got 'causal'",
    ),
    "padding below 0": (lambda: Conv1D(2, 3, padding=-1), r"Conv1D: padding must be a whole number >= 0; got -1"),
    "groups do not divide": (
        lambda: Conv1D(3, 3, groups=2),
        r"Conv1D: filters must be a multiple of groups; got filters=3 and groups=2",
    ),
    "activation": (lambda: Conv2D(3, 3, "relu6"), r"Conv2D: unknown activation 'relu6'; .*Did you mean 'relu'"),
    "weight": (lambda: Conv2D(3, 3, weight=1.0), r"Conv2D: weight: expected a prior"),
    "bias": (lambda: Conv2D(3, 3, bias=None), r"Conv2D: bias must be a prior, True, or False"),
    "pool of 0": (lambda: MaxPool(0), r"MaxPool: size must be a whole number >= 1"),
    "stride of all": (lambda: AveragePool(stride=2), r"AveragePool: stride needs a size"),
    "reshape to a row": (lambda: Reshape((12,)), r"Reshape: shape must be \(time, channel\) or \(row, column"),
    "reshape to -1": (lambda: Reshape((-1, 2)), r"Reshape: shape must be .*got \(-1, 2\)"),
    "sequence is a number": (lambda: GRU(3, return_sequence=1), r"GRU: return_sequence must be True or False; got 1"),
    "recurrent": (lambda: LSTM(3, recurrent=0.5), r"LSTM: recurrent: expected a prior"),
    "no heads": (lambda: SelfAttention(0, 4), r"SelfAttention: heads must be a whole number >= 1"),
    "query": (lambda: SelfAttention(1, 4, query=True), r"SelfAttention: query: expected a prior"),
    "base": (lambda: PositionalEncoding(-1), r"PositionalEncoding: base must be a positive number"),
    "lengthscale 0": (lambda: FourierFeatures(5, 0.0), r"FourierFeatures: lengthscale must be a positive number"),
    "lengthscale below 0": (
        lambda: FourierFeatures(5, Normal()),
        r"FourierFeatures: lengthscale must be a positive number or a prior on such",
    ),
    "seed": (lambda: FourierFeatures(5, seed=-1), r"FourierFeatures: seed must be a whole number >= 0; got -1"),
    "no centers": (lambda: RBF([]), r"RBF: centers must be a whole number >= 1 or points \(n, n_in\)"),
    "ragged centers": (lambda: RBF([[1.0], [1.0, 2.0]]), r"RBF: centers\[1\] has shape \(2,\)"),
    "center at infinity": (lambda: RBF([[math.inf]]), r"RBF: centers\[0\]\[0\] must be a finite number; got inf"),
    "one branch": (lambda: Concat([Dense(3)]), r"Concat: needs at least two branches; got 1"),
    "branch is a number": (lambda: Parallel([Dense(3), 3]), r"Parallel: branches\[1\]: layers must be a list"),
    "branches is a layer": (lambda: Concat(Dense(3)), r"Concat: branches must be a list of layers"),
    "spread": (lambda: GroupDense("a", 3, spread=0), r"GroupDense: spread must be a positive number, FanIn, HalfN"),
    "spread of y": (lambda: GroupDense("a", 3, spread=ResponseSD()), r"GroupDense: spread must be"),
    "column": (lambda: GroupDense(None, 3), r"GroupDense: column must be a name or a position; got None"),
    "frozen number": (lambda: Frozen(3, {"weight": [1.0]}), r"Frozen: layer must be a layer"),
    "frozen twice": (
        lambda: Frozen(Frozen(Dense(1), {"bias": [0]}), {"weight": [[1]]}),
        r"Frozen: layer must be a layer that is not frozen",
    ),
    "frozen at nothing": (lambda: Frozen(Dense(3), {}), r"Frozen: values are empty; name at least one"),
    "frozen at an array": (lambda: Frozen(Dense(3), [1.0]), r"Frozen: values must map names to arrays"),
    "frozen at NaN": (
        lambda: Frozen(Dense(1), {"bias": [math.nan]}),
        r"Frozen: values\['bias'\]\[0\] must be a finite number; got nan",
    ),
    "frozen ragged": (
        lambda: Frozen(Dense(1), {"weight": [[1, 2], [3]]}),
        r"Frozen: values\['weight'\]\[1\] has shape \(1,\) and .*\[0\] has \(2,\)",
    ),
    "batch norm": (lambda: pbnn.BatchNorm(), r"BatchNorm: .* no likelihood of one observation\. Use LayerNorm"),
    "batch norm as a class": (
        lambda: Network([Dense(3), pbnn.BatchNorm], Gaussian()),
        r"layers\[1\] must be one of .*BatchNorm: .*Use LayerNorm\(\)",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("make", "message"), MISTAKES.values(), ids=MISTAKES)
def test_mistake_is_named(make, message):
    with pytest.raises(SpecError, match=message):
        make()


def test_batch_norm_in_json_is_refused_with_the_reason():
    text = json.loads(Network([Dense(3)], Gaussian()).to_json())
    text["layers"].append({"type": "layer.BatchNorm", "momentum": 0.9})
    with pytest.raises(SpecError, match=r"JSON at \$\.layers\[1\]: BatchNorm: .*Use LayerNorm"):
        Network.from_json(json.dumps(text))


def test_frozen_takes_what_numpy_knows():
    weight = np.arange(6.0).reshape(3, 2)
    frozen = Frozen(Dense(2), {"weight": weight, "bias": np.zeros(2, int)})
    assert frozen == Frozen(Dense(2), {"bias": (0, 0), "weight": weight.tolist()})
    net = Network([frozen, Residual([frozen])], Gaussian())
    assert Network.from_json(net.to_json()) == net


def test_tables_show_each_layer_and_its_priors():
    net = Network(
        [
            Conv2D(8, (3, 2), "relu", stride=2, padding="same"),
            MaxPool(2),
            Concat([[], [GRU(3), Dense(2)]]),
            Frozen(GroupDense("site", 2), {"weight": [[1, 2]]}),
        ],
        Gaussian(),
    )
    lines = str(net).splitlines()[2:]
    assert "Conv2D 8 of 3×2 relu stride 2 padding same" in lines[0]
    assert "MaxPool 2" in lines[1]
    assert "Concat [input | GRU 3 → Dense 2 tanh]" in lines[2]
    assert "recurrent Normal(0, scale ~ LogNormal(1/√n_in, 1))" in lines[2]
    assert "Frozen weight of GroupDense 'site' 2 tanh" in lines[3]
    assert lines[3].endswith(
        "tanh   bias Normal(0, 1); spread HalfNormal(0.5/√n_in); bias spread HalfNormal(0.5)"
    )
