"""What every network keeps: itself through JSON, its value, and a table that shows it."""

import copy
import dataclasses
import pickle
import subprocess
import sys

import numpy as np
import pytest

from pbnn.spec.layers import Dense, Embedding, LayerNorm, Residual
from pbnn.spec.likelihoods import Gaussian, StudentT
from pbnn.spec.network import Network
from pbnn.spec.priors import FanIn, HalfNormal, Laplace, LogNormal, Normal
from tests.spec.cases import NETWORKS

SPECS = [part for net in NETWORKS for part in (net, *net.layers, net.likelihood, net.weights, net.biases)]


@pytest.mark.parametrize("net", NETWORKS, ids=str)
def test_json_gives_the_same_network(net):
    back = Network.from_json(net.to_json())
    assert back == net
    assert back.to_json() == net.to_json()
    assert hash(back) == hash(net)


def test_networks_differ():
    assert len(set(NETWORKS)) == len({net.to_json() for net in NETWORKS})


def test_equality_sees_the_smallest_change():
    net = Network([Dense(3)], Gaussian())
    assert net != Network(
        [Dense(3)], Gaussian(), weights=Normal(scale=LogNormal(FanIn(1 + 2**-52), sigma=1.0))
    )
    assert Network.from_json(net.to_json().replace('"gain": 1.0', '"gain": 1.0000000000000002')) != net


@pytest.mark.parametrize("spec", SPECS, ids=repr)
def test_specs_are_frozen(spec):
    for field in dataclasses.fields(spec):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(spec, field.name, None)
    # Slots: a mistyped name is no silent attribute.
    with pytest.raises((AttributeError, TypeError)):
        spec.unit = 3


@pytest.mark.parametrize("net", NETWORKS[::5], ids=str)
def test_specs_copy_and_pickle(net):
    assert copy.deepcopy(net) == net
    assert pickle.loads(pickle.dumps(net)) == net


def test_a_list_given_is_not_kept():
    layers = [Dense(3)]
    net = Network(layers, Gaussian())
    layers.append(Dense(4))
    assert net.layers == (Dense(3),)


def test_numpy_numbers_become_plain():
    net = Network(
        [
            Dense(np.int64(5), weight=Normal(np.float32(0.5), np.float64(0.25))),
            Embedding(np.int8(1), np.int32(2)),
        ][::-1],
        StudentT(np.int64(5), np.float32(0.5)),
        biases=Laplace(scale=np.int16(2)),
    )
    assert net == Network(
        [Embedding(1, 2), Dense(5, weight=Normal(0.5, 0.25))], StudentT(5, 0.5), biases=Laplace(scale=2)
    )
    assert Network.from_json(net.to_json()) == net
    assert "np." not in repr(net)


# ----------------------------------------------------------------------------------------------- showing itself


def test_print_shows_layers_and_priors():
    net = Network(
        [Embedding("kind"), Dense(20, "relu", bias=False), Residual([LayerNorm(), Dense(20)])],
        Gaussian(HalfNormal(0.5)),
    )
    lines = str(net).splitlines()
    assert [line.split()[0] for line in lines] == [
        "layer",
        "──────────",
        "h0",
        "h1",
        "h2",
        "out",
        "likelihood",
    ]
    assert "Embedding 'kind' 2" in lines[2]
    assert "Dense 20 relu" in lines[3]
    assert "bias" not in lines[3]
    assert "Residual [LayerNorm, Dense 20 tanh]" in lines[4]
    assert "Normal(0, scale ~ LogNormal(1/√n_in, 1)); bias Normal(0, 1)" in lines[5]
    assert "Gaussian, noise ~ HalfNormal(0.5)" in lines[6]


@pytest.mark.parametrize("net", NETWORKS, ids=str)
def test_every_network_shows_itself(net):
    text, html = str(net), net._repr_html_()
    assert len(text.splitlines()) >= len(net.layers) + 4
    assert html.count("<tr>") == len(net.layers) + 3
    assert html.startswith("<table")


def test_html_is_escaped():
    html = Network([Embedding("<script>"), Dense(2)], Gaussian())._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html


# ------------------------------------------------------------------------------------------------- dependencies


def test_spec_needs_the_standard_library_only():
    code = """
import sys
before = set(sys.modules)
from pbnn.spec import json, layers, likelihoods, network, priors, table
net = network.Network([layers.Dense(3)], likelihoods.Gaussian())
str(net), net._repr_html_(), network.Network.from_json(net.to_json())
names = {name.partition(".")[0] for name in set(sys.modules) - before}
print(*sorted(names - set(sys.stdlib_module_names) - {"pbnn"}))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
