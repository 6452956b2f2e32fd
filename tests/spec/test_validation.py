"""Each mistake in a spec is named where it is made, with what is known."""

import json
import math
from contextlib import suppress

import numpy as np
import pytest

from pbnn.errors import SpecError
from pbnn.spec.layers import Dense, Embedding, LayerNorm, Residual
from pbnn.spec.likelihoods import Gaussian, StudentT
from pbnn.spec.network import Network
from pbnn.spec.priors import FanIn, HalfNormal, Laplace, LogNormal, Normal, ResponseSD
from pbnn.spec.priors import StudentT as StudentTPrior

PRIOR_NAMES = r"ARD, HalfNormal, Horseshoe, Laplace, LogNormal, .*, SpikeSlab, StudentT"
LAYER_NAMES = "AveragePool, Concat, .*, Dense, Embedding, .*, LayerNorm, .*, Residual, SelfAttention"
NO_NUMBERS = [None, "1", [1.0], np.array([1.0]), True, 1j]
NOT_FINITE = [math.nan, math.inf, -math.inf, 10**400]

MISTAKES = {
    "unknown activation": (
        lambda: Dense(5, "tan"),
        r"Dense: unknown activation 'tan'; known: gelu, identity, .*, tanh\. Did you mean 'tanh'\?",
    ),
    "activation in capitals": (
        lambda: Dense(5, "ReLU"),
        r"unknown activation 'ReLU'; known: gelu, identity, relu",
    ),
    "function as activation": (
        lambda: Dense(5, math.tanh),
        r"unknown activation <built-in function tanh>; known: gelu",
    ),
    "weight is a number": (
        lambda: Dense(5, weight=1.0),
        rf"Dense: weight: expected a prior, one of {PRIOR_NAMES} .*got 1\.0",
    ),
    "weight is a name": (lambda: Dense(5, weight="foo"), r"expected a prior.*got 'foo'"),
    "weight is a class": (lambda: Dense(5, weight=Normal), r"Dense: weight: expected a prior.*got <class"),
    "weight is a scale": (lambda: Dense(5, weight=FanIn()), r"Dense: weight: expected a prior.*got FanIn"),
    "bias is None": (lambda: Dense(5, bias=None), r"Dense: bias must be a prior, True, or False for no bias"),
    "bias is a number": (lambda: Dense(5, bias=0.1), r"Dense: bias: expected a prior"),
    "residual of nothing": (lambda: Residual([]), r"Residual: needs at least one layer inside"),
    "residual of one layer, no list": (
        lambda: Residual(Dense(3)),
        r"Residual: layers must be a list; write \[Dense\(units=3",
    ),
    "column is None": (lambda: Embedding(None), r"Embedding: column must be a name or a position; got None"),
    "column is a bool": (lambda: Embedding(True), r"Embedding: column must be a name or a position"),
    "column is a float": (lambda: Embedding(1.0), r"Embedding: column must be a name or a position"),
    "embedding weight": (lambda: Embedding("a", weight=2.0), r"Embedding: weight: expected a prior"),
    "gain is a number": (lambda: LayerNorm(gain=1.0), r"LayerNorm: gain: expected a prior"),
    "offset is a bool": (lambda: LayerNorm(offset=True), r"LayerNorm: offset: expected a prior"),
    "epsilon is 0": (lambda: LayerNorm(0.0), r"LayerNorm: epsilon must be a positive number; got 0\.0"),
    "one layer, no list": (
        lambda: Network(Dense(3), Gaussian()),
        r"Network: layers must be a list; write \[Dense",
    ),
    "layers is None": (
        lambda: Network(None, Gaussian()),
        r"Network: layers must be a list of layers; got None",
    ),
    "layer is a number": (
        lambda: Network([Dense(3), 50], Gaussian()),
        rf"Network: layers\[1\] must be one of {LAYER_NAMES}; got 50",
    ),
    "layer is a class": (lambda: Network([Dense], Gaussian()), rf"layers\[0\] must be one of {LAYER_NAMES}"),
    "likelihood is a class": (
        lambda: Network([], Gaussian),
        r"Network: likelihood is a class; write likelihoods\.Gaussian\(\)",
    ),
    "likelihood is a name": (
        lambda: Network([], "gaussian"),
        r"one of AsymmetricLaplace, Bernoulli, .* from pbnn\.likelihoods; got 'gau",
    ),
    "likelihood is a prior": (lambda: Network([], StudentTPrior()), r"likelihood must be one of"),
    "weights is a name": (
        lambda: Network([], Gaussian(), weights="normal"),
        rf"Network: weights: expected a prior, one of {PRIOR_NAMES}",
    ),
    "biases is None": (lambda: Network([], Gaussian(), biases=None), r"Network: biases: expected a prior"),
    "unknown noise": (
        lambda: Gaussian("homoscedastic"),
        r"Gaussian: unknown noise 'homoscedastic'; known: heteroscedastic",
    ),
    "noise of StudentT": (lambda: StudentT(noise="heteroscedastic"), r"StudentT: unknown noise"),
    "noise is 0": (lambda: Gaussian(0), r"Gaussian: noise must be a positive number; got 0"),
    "noise is NaN": (lambda: Gaussian(math.nan), r"Gaussian: noise must be a positive number; got nan"),
    "noise may be negative": (
        lambda: Gaussian(Normal()),
        r"Gaussian: noise must be a positive number or a prior on such, HalfNormal.*got Normal",
    ),
    "noise is a scale": (lambda: Gaussian(FanIn()), r"Gaussian: noise must be a positive number or a prior"),
    "noise is None": (
        lambda: Gaussian(None),
        r"Gaussian: noise must be a positive number or a prior.*got None",
    ),
    "df without variance": (
        lambda: StudentT(2),
        r"StudentT: df must be > 2, so that the variance exists; got 2",
    ),
    "df is a name": (lambda: StudentT("a"), r"StudentT: df must be a positive number or a prior"),
    "scale is a name": (
        lambda: Normal(scale="fan_in"),
        r"Normal: scale must be a positive number or one of FanIn, HalfNormal, LogNormal, .*got 'fan_in'",
    ),
    "scale is a class": (lambda: Normal(scale=FanIn), r"Normal: scale must be a positive number or one of"),
    "scale may be negative": (
        lambda: Normal(scale=Laplace()),
        r"Normal: scale must be a positive number or one of",
    ),
}


@pytest.mark.parametrize(("make", "message"), MISTAKES.values(), ids=MISTAKES)
def test_mistake_is_named(make, message):
    with pytest.raises(SpecError, match=message):
        make()


@pytest.mark.parametrize("units", [0, -1, 2.0, *NO_NUMBERS, *NOT_FINITE])
@pytest.mark.parametrize(
    "make", [Dense, lambda n: Embedding("a", n), lambda n: Embedding("a", categories=n or -1)]
)
def test_counts_are_whole_and_positive(make, units):
    with pytest.raises(SpecError, match=r"must be a whole number >= 1"):
        make(units)


@pytest.mark.parametrize("value", [0, -1.0, *NO_NUMBERS, *NOT_FINITE])
@pytest.mark.parametrize(
    "make",
    [
        FanIn,
        ResponseSD,
        HalfNormal,
        LogNormal,
        lambda v: LogNormal(sigma=v),
        lambda v: Normal(0.0, v),
        lambda v: Laplace(0.0, v),
        lambda v: StudentTPrior(v),
        lambda v: StudentTPrior(3.0, 0.0, v),
        Gaussian,
        lambda v: StudentT(noise=v),
        lambda v: StudentT(df=v),
    ],
)
def test_scales_are_positive_and_finite(make, value):
    with pytest.raises(SpecError, match=r"must be (a positive number|a finite number|> 2)|unknown noise"):
        make(value)


@pytest.mark.parametrize("value", [*NO_NUMBERS, *NOT_FINITE])
@pytest.mark.parametrize("make", [Normal, Laplace, lambda v: StudentTPrior(3.0, v)])
def test_locations_are_finite(make, value):
    with pytest.raises(SpecError, match=r"loc must be a finite number"):
        make(value)


# ---------------------------------------------------------------------------------------------- foreign JSON

GOOD = Network([Dense(3)], Gaussian()).to_json()


def changed(**fields):
    return json.dumps({**json.loads(GOOD), **fields})


DEEP = '{"type": "prior.HalfNormal", "scale": ' * 50_000 + "1.0" + "}" * 50_000

FOREIGN = {
    "nothing": ("", r"JSON: not readable"),
    "prose": ("a network, please", r"JSON: not readable"),
    "binary": ("\x00\x01", r"JSON: not readable"),
    "bytes that are no text": (b"\xff\xfe\xfd", r"JSON: not readable"),
    "no text at all": (None, r"JSON: not readable"),
    "null": ("null", r"expected a Network; got NoneType"),
    "number": ("3", r"expected a Network; got int"),
    "list": ("[]", r"expected a Network; got tuple"),
    "no type": ("{}", r"JSON at \$: unknown type None; known: .*layer\.Dense, .*root\.Network"),
    "type is a list": (changed(type=["root.Network"]), r"unknown type \['root\.Network'\]"),
    "unknown type": (changed(type="root.Transformer"), r"JSON at \$: unknown type 'root\.Transformer'"),
    "unknown kind": (changed(type="builtins.eval"), r"unknown type 'builtins\.eval'"),
    "unknown prior": (
        GOOD.replace("prior.Normal", "prior.Cauchy"),
        r"JSON at \$\.weights: unknown type 'prior\.Cauchy'",
    ),
    "unknown field": (
        changed(optimizer="adam"),
        r"JSON at \$: unknown field of Network 'optimizer'; known: biases, layers, likelihood, weights",
    ),
    "field of Python": (changed(__class__="os.system"), r"unknown field of Network '__class__'"),
    "missing field": ('{"type": "root.Network"}', r"JSON at \$: .*missing 2 required"),
    "layer as likelihood": (changed(likelihood=json.loads(GOOD)["layers"][0]), r"likelihood must be one of"),
    "likelihood as layer": (changed(layers=[json.loads(GOOD)["likelihood"]]), r"layers\[0\] must be one of"),
    "network in a network": (changed(layers=[json.loads(GOOD)]), r"layers\[0\] must be one of"),
    "a prior alone": ('{"type": "prior.Normal"}', r"expected a Network; got Normal"),
    "layers is null": (changed(layers=None), r"layers must be a list"),
    "layers is text": (changed(layers="[]"), r"layers must be a list"),
    "units is text": (GOOD.replace('"units": 3', '"units": "3"'), r"Dense: units must be a whole number"),
    "units is NaN": (GOOD.replace('"units": 3', '"units": NaN'), r"Dense: units must be a whole number"),
    "activation is a list": (GOOD.replace('"tanh"', '["tanh"]'), r"unknown activation"),
    "activation is code": (GOOD.replace('"tanh"', "\"__import__('os')\""), r"unknown activation"),
    "number too long": (GOOD.replace('"units": 3', '"units": 1' + "0" * 10_000), r"not readable"),
    "number too large": (GOOD.replace("1.0", "1" + "0" * 400), r"must be a"),
    "deep list": ("[" * 100_000, r"nested too deeply"),
    "deep and closed": ("[" * 100_000 + "]" * 100_000, r"nested too deeply"),
    "deep object": ('{"type":' * 100_000, r"nested too deeply"),
    "deep prior": (GOOD.replace('"scale": 1.0', '"scale": ' + DEEP, 1), r"nested too deeply"),
}


@pytest.mark.parametrize(("text", "message"), FOREIGN.values(), ids=FOREIGN)
def test_foreign_json_is_refused(text, message):
    with pytest.raises(SpecError, match=message):
        Network.from_json(text)


def test_large_json_is_read():
    net = Network([Dense(i + 1) for i in range(2000)], Gaussian())
    assert Network.from_json(net.to_json()) == net


def test_every_truncation_is_refused():
    for end in range(len(GOOD)):
        with pytest.raises(SpecError):
            Network.from_json(GOOD[:end])


def test_changed_characters_give_a_network_or_a_spec_error():
    rng = np.random.default_rng(0)
    for _ in range(2000):
        text = list(GOOD)
        for at in rng.integers(len(text), size=rng.integers(1, 4)):
            text[at] = chr(rng.integers(32, 127))
        with suppress(SpecError):
            assert isinstance(Network.from_json("".join(text)), Network)
