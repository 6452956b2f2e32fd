"""Priors as plain data: JSON, tables, arrays as tuples, and each mistake named."""

import math
import pickle

import numpy as np
import pytest

from pbnn.errors import SpecError
from pbnn.spec.layers import Dense
from pbnn.spec.likelihoods import Gaussian
from pbnn.spec.network import Network
from pbnn.spec.priors import (
    ARD,
    R2D2,
    FanIn,
    HalfNormal,
    Horseshoe,
    LogNormal,
    MatrixNormal,
    Normal,
    Pretrained,
    PyMC,
    RelevantInputs,
    SpikeSlab,
    StudentT,
    check_prior,
    from_preliz,
)
from pbnn.spec.table import prior_words

WORDS = {
    Normal(scale=HalfNormal(0.5, per="input")): "Normal(0, scale ~ HalfNormal(0.5, per input))",
    Normal(scale=LogNormal(FanIn(), per="network"), centered=True): (
        "Normal(0, scale ~ LogNormal(1/√n_in, 1, per network), centered)"
    ),
    StudentT(3, scale=HalfNormal(per="unit")): "StudentT(3, 0, scale ~ HalfNormal(1, per unit))",
    ARD(): "ARD(local ~ HalfNormal(scale ~ LogNormal(1/√n_in, 1)))",
    Horseshoe(RelevantInputs(10, 500)): (
        "Horseshoe(global 10 inputs of n_in, 500 rows, slab 1, df 4, per input)"
    ),
    Horseshoe(0.1, None, each="weight"): "Horseshoe(global 0.1, per weight)",
    SpikeSlab(HalfNormal(2.0), included=0.1): (
        "SpikeSlab(slab scale ~ HalfNormal(2), spike 0.01 of it, 0.1 included, per input)"
    ),
    R2D2(0.8): "R2D2(r2 0.8, concentration 0.5, 1)",
    MatrixNormal(): "MatrixNormal(1/√n_in, row 1, column 1)",
    Pretrained(((1.0, 2.0, 3.0), (4.0, 5.0, 6.0)), FanIn(0.1)): "Pretrained(2×3, 0.1/√n_in)",
    Pretrained((1.0, 2.0), (0.1, 0.2)): "Pretrained(2, scales)",
    PyMC("Gumbel", mu=0, beta=0.5): "Gumbel(mu=0, beta=0.5)",
}


@pytest.mark.parametrize("prior", WORDS, ids=WORDS.values())
def test_priors_go_through_json_and_show_themselves(prior):
    net = Network([Dense(3, weight=prior, bias=prior)], Gaussian(), weights=prior)
    back = Network.from_json(net.to_json())
    assert back == net
    assert hash(back) == hash(net)
    assert pickle.loads(pickle.dumps(net)) == net
    assert prior_words(prior) == WORDS[prior]
    assert WORDS[prior] in str(net)


def test_files_of_before_have_no_level():
    old = '{"type": "prior.Normal", "loc": 0.0, "scale": {"type": "prior.HalfNormal", "scale": 1.0}}'
    net = Network([], Gaussian(), weights=Normal(scale=HalfNormal(1.0)))
    text = net.to_json()
    start, end = text.index('{"type": "prior.Normal"'), text.index(', "biases"')
    assert Network.from_json(text[:start] + old + text[end:]) == net


# ------------------------------------------------------------------------------------------------ given weights


def test_arrays_become_tuples():
    values = np.arange(6, dtype="float32").reshape(2, 3)
    prior = Pretrained(values, np.ones((2, 3)))
    assert prior.mean == ((0.0, 1.0, 2.0), (3.0, 4.0, 5.0))
    assert prior.shape == (2, 3)
    assert prior == Pretrained(values.tolist(), [[1.0] * 3] * 2)


def test_preliz_is_read_by_name_and_parameters():
    student = Fitted(nu=np.float64(4), mu=np.array(0.0), sigma=2)
    assert from_preliz(student) == PyMC("Fitted", nu=4.0, mu=0.0, sigma=2)
    assert from_preliz(Fitted(lower=0, upper=np.float64("inf"))) == PyMC("Fitted", lower=0)
    with pytest.raises(SpecError, match=r"Dense: weight: .*write priors\.from_preliz\(Fitted\(\.\.\.\)\)"):
        Dense(3, weight=student)


class Fitted:
    """Stands in for a distribution of PreliZ (0.28), which is not installed here.

    An attribute holds each parameter, None if it is not set; then `params_dict` is None, too.
    """

    def __init__(self, **parameters):
        self.param_names = tuple(parameters)
        vars(self).update(parameters)

    @property
    def params_dict(self):
        values = {name: getattr(self, name) for name in self.param_names}
        return None if None in values.values() else values


class Truncated(Fitted):
    dist = Fitted(mu=0, sigma=1)


class FromPyTensor:
    __module__ = "pytensor.tensor.variable"


MISTAKES = {
    "level": (
        lambda: HalfNormal(per="row"),
        r"HalfNormal: unknown per 'row'; known: input, layer, network, unit",
    ),
    "finer than its scale": (
        lambda: LogNormal(HalfNormal(per="unit"), per="input"),
        r"LogNormal: its scale is learned per 'unit', which is finer than per='input' or crosses it; take one of input",
    ),
    "network within a finer": (
        lambda: HalfNormal(HalfNormal(per="input"), per="network"),
        r"finer than per='network'",
    ),
    "centered": (lambda: Normal(centered=1), r"Normal: centered must be True or False; got 1"),
    "ard of a number": (lambda: ARD(1.0), r"ARD: scale must be a prior on positive numbers, HalfNormal or"),
    "ard per unit": (
        lambda: ARD(HalfNormal(per="unit")),
        r"ARD: its scales are one for each input; got per='u",
    ),
    "global is learned": (
        lambda: Horseshoe(HalfNormal()),
        r"Horseshoe: global_scale must be a number or FanIn, since its own prior learns it already",
    ),
    "global is negative": (
        lambda: Horseshoe(-1.0),
        r"Horseshoe: global_scale must be a positive number or one",
    ),
    "slab is 0": (lambda: Horseshoe(1.0, 0), r"Horseshoe: slab_scale must be a positive number"),
    "slab df": (lambda: Horseshoe(slab_df=-4), r"Horseshoe: slab_df must be a positive number; got -4"),
    "each": (lambda: Horseshoe(each="unit"), r"Horseshoe: unknown each 'unit'; known: input, weight"),
    "relevant inputs": (
        lambda: RelevantInputs(0, 10),
        r"RelevantInputs: count must be a positive number; got 0",
    ),
    "elsewhere": (
        lambda: Normal(scale=RelevantInputs(3, 10)),
        r"Normal: RelevantInputs is the global scale of a horseshoe.*Horseshoe\(global_scale=RelevantInputs\(count=3",
    ),
    "rows": (lambda: RelevantInputs(3, 0.5), r"RelevantInputs: rows must be a whole number >= 1; got 0\.5"),
    "slab of spike": (lambda: SpikeSlab(-0.5), r"SpikeSlab: slab must be a positive number or one of"),
    "spike above slab": (lambda: SpikeSlab(spike=1.5), r"SpikeSlab: spike must be a number between 0 and 1"),
    "included": (
        lambda: SpikeSlab(included=1),
        r"SpikeSlab: included must be a number between 0 and 1; got 1",
    ),
    "sharpness": (lambda: SpikeSlab(sharpness=0), r"SpikeSlab: sharpness must be a positive number"),
    "r2": (lambda: R2D2(1.2), r"R2D2: r2 must be a number between 0 and 1; got 1\.2"),
    "concentration": (lambda: R2D2(concentration=-1), r"R2D2: concentration must be a positive number"),
    "row": (lambda: MatrixNormal(row=-1), r"MatrixNormal: row must be a positive number"),
    "matrix scale": (
        lambda: MatrixNormal("fan_in"),
        r"MatrixNormal: scale must be a positive number or one of",
    ),
    "ragged": (
        lambda: Pretrained([[1.0, 2.0], [3.0]]),
        r"Pretrained: mean\[1\] has shape \(1,\) and Pretrained: mean\[0\] has \(2,\); they must be equal",
    ),
    "not finite": (
        lambda: Pretrained([[1.0, math.nan]]),
        r"Pretrained: mean\[0\]\[1\] must be a finite number; got nan",
    ),
    "text": (lambda: Pretrained("weights"), r"Pretrained: mean must be a finite number; got 'weights'"),
    "scale shape": (
        lambda: Pretrained([1.0, 2.0], [0.1]),
        r"Pretrained: scale must be one number or of the shape of mean, \(2,\); got shape \(1,\)",
    ),
    "scale sign": (
        lambda: Pretrained([1.0, 2.0], [0.1, -0.1]),
        r"scale must hold positive numbers; its smallest is -",
    ),
    "one scale sign": (
        lambda: Pretrained([1.0], -0.1),
        r"Pretrained: scale must be a positive number or one of",
    ),
    "name": (
        lambda: PyMC("pm.Normal"),
        r"PyMC: the first argument is the name of a distribution, such as 'Gumbel'",
    ),
    "class": (lambda: PyMC(dict), r"PyMC: the first argument is the name of a distribution"),
    "positional": (lambda: PyMC("Gumbel", 0.0), r"PyMC: give the parameters of Gumbel by name"),
    "parameter": (lambda: PyMC("Gumbel", mu="a"), r"PyMC: mu of Gumbel must be a finite number; got 'a'"),
    "twice": (
        lambda: PyMC("Gumbel", (("mu", 1), ("mu", 2))),
        r"PyMC: Gumbel has a parameter that is given twice",
    ),
    "no preliz": (lambda: from_preliz(3), r"from_preliz: expected a distribution of PreliZ.*got int"),
    "preliz class": (lambda: from_preliz(Fitted), r"from_preliz: expected .*; got the class Fitted"),
    "preliz unset": (
        lambda: from_preliz(Fitted(mu=None, sigma=1)),
        r"from_preliz: Fitted has no value for mu; set it, or fit it",
    ),
    "preliz of others": (
        lambda: from_preliz(Truncated(mu=0, sigma=1, lower=0, upper=1)),
        r"from_preliz: Truncated is put together of other distributions.*preliz\.TruncatedNormal",
    ),
    "tensor": (
        lambda: check_prior("Dense: weight", FromPyTensor()),
        r"Distributions of PyMC are given by name.*write priors\.PyMC\('Gumbel', mu=0, beta=1\)",
    ),
}


@pytest.mark.parametrize(("make", "message"), MISTAKES.values(), ids=MISTAKES)
def test_mistake_is_named(make, message):
    with pytest.raises(SpecError, match=message):
        make()
