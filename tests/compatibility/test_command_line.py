"""Every layer and every likelihood from JSON and a table, as `pbnn fit --network` takes them."""

from math import prod

import numpy as np
import pandas as pd
import pytest

import pbnn
from pbnn.cli.choices import Wishes
from pbnn.cli.fitting import build_from_table
from pbnn.spec.layers import LAYERS
from tests.compatibility.table import NETWORKS, RESPONSES, TABLE, bnn_of, layers_of, rows

CSV = [(network, response) for network, response in rows() if "censored" not in response]
CSV += [("groups", "Weibull")]


def test_all_layers_are_there():
    assert {layer for network, _ in CSV if network for layer in layers_of(network)} == {*LAYERS}


@pytest.mark.slow
@pytest.mark.parametrize(("network", "response"), CSV)
def test_a_network_and_a_table_from_files(network, response, tmp_path):
    layers, X = NETWORKS[network] if network else ([], TABLE[["a", "b"]])
    likelihood, y = RESPONSES[response]
    if np.ndim(X) > 2:  # a file has columns
        layers, X = [pbnn.Reshape(X.shape[1:]), *layers], X.reshape(len(X), prod(X.shape[1:]))
    table = pd.DataFrame(X).rename(columns=str)
    columns = np.reshape(y, (len(table), -1))
    targets = [f"y{i}" for i in range(columns.shape[1])]
    table[targets] = columns
    table.to_csv(tmp_path / "data.csv", index=False)
    (tmp_path / "net.json").write_text(pbnn.Network(layers, likelihood).to_json())

    bnn = build_from_table(
        tmp_path / "data.csv", ",".join(targets), Wishes(network=tmp_path / "net.json", counts={})
    )
    assert bnn.network.to_json() == pbnn.Network(layers, likelihood).to_json()
    assert bnn.response.names == tuple(targets)
    if (network, response) in rows():
        assert bnn.n_weights == bnn_of(network, response).n_weights
