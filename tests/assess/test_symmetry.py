import numpy as np
import pytest
import xarray as xr
from arviz_stats.base import array_stats

from pbnn.assess import canonicalize, weight_r_hat
from pbnn.assess.symmetry import hidden_units
from pbnn.graph.build import build
from pbnn.predict import predict
from pbnn.spec import likelihoods, priors
from pbnn.spec.layers import Dense, LayerNorm, Residual
from pbnn.spec.network import Network

pytestmark = pytest.mark.slow

X = np.random.default_rng(0).normal(size=(40, 2))
Y = X[:, 0] + np.sin(2 * X[:, 1])


def made(*layers, **options):
    return build(Network(list(layers), likelihoods.Gaussian(), **options), X, Y)


def scrambled(bnn, idata, seed=1):
    """Permute the hidden units of each draw, and change signs where that is free, without a change of the function."""
    rng = np.random.default_rng(seed)
    posterior = idata["posterior"].to_dataset().copy(deep=True)
    for group in hidden_units(bnn.network):
        for chain in range(posterior.sizes["chain"]):
            for draw in range(posterior.sizes["draw"]):
                order = signs = None
                for v in bnn.model.free_RVs:
                    for axis, dim in enumerate(bnn.model.named_vars_to_dims.get(v.name, ())):
                        if dim not in group.dims:
                            continue
                        values = posterior[v.name].to_numpy()
                        if order is None:
                            n = values.shape[axis + 2]
                            order = rng.permutation(n)
                            signs = rng.choice([-1, 1], n) if group.signs else np.ones(n)
                        shape = [n if i == axis else 1 for i in range(values.ndim - 2)]
                        values[chain, draw] = np.take(values[chain, draw], order, axis) * signs.reshape(shape)
    tree = idata.copy()
    tree["posterior"] = xr.DataTree(posterior)
    return tree


NETWORKS = {
    "one layer": [Dense(6)],
    "two layers": [Dense(6), Dense(5, "relu")],
    "residual": [Dense(6), Residual([Dense(5), Dense(6, "identity")])],
    "residual of one": [Dense(6), Residual([Dense(6)])],
    "normalised": [Dense(6), LayerNorm(), Dense(5)],
}


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.nightly if n.startswith("residual") else []) for n in NETWORKS]
)
def test_scrambled_units_are_put_back(name, scatter):
    bnn = made(*NETWORKS[name])
    idata = scatter(bnn, chains=2, draws=10, spread=0.02)
    mixed = scrambled(bnn, idata)
    got = canonicalize(bnn, mixed)
    before = predict(bnn, mixed, X, seed=1)["predictions"]["mu"]
    np.testing.assert_allclose(
        predict(bnn, got, X, seed=1)["predictions"]["mu"], before, rtol=1e-4, atol=1e-4
    )
    for v in bnn.model.free_RVs:
        # In the order of the reference, which may be any: compared as sets.
        spread, wanted = (
            np.sort(tree["posterior"][v.name].std(["chain", "draw"]), axis=None) for tree in (got, idata)
        )
        np.testing.assert_allclose(spread, wanted, rtol=1e-6, atol=1e-9, err_msg=v.name)


def test_scrambling_is_seen_without(scatter):
    bnn = made(Dense(6))
    idata = scatter(bnn, chains=2, draws=10, spread=0.02)
    mixed = scrambled(bnn, idata)["posterior"]["h0_weight"].std(["chain", "draw"])
    assert float(mixed.min()) > 3 * float(idata["posterior"]["h0_weight"].std(["chain", "draw"]).max())


@pytest.mark.parametrize(
    ("layers", "options", "signs"),
    [
        ([Dense(4)], {}, [True]),
        ([Dense(4, "relu")], {}, [False]),
        ([Dense(4, weight=priors.Normal(1.0))], {}, [False]),
        ([Dense(4, weight=priors.HalfNormal(1.0))], {}, [False]),
        ([Dense(4, weight=priors.PyMC("Gumbel", mu=0, beta=1))], {}, [False]),
        ([Dense(4, bias=priors.Pretrained([1.0, 0.0, 0.0, 0.0]))], {}, [False]),
        ([Dense(4)], {"biases": priors.HalfNormal(1.0)}, [False]),
        ([Residual([Dense(2)])], {}, []),
        ([], {}, []),
    ],
)
def test_signs_are_free_only_where_nothing_changes(layers, options, signs):
    network = Network(layers, likelihoods.Gaussian(), **options)
    assert [units.signs for units in hidden_units(network)] == signs


def test_r_hat_of_weights_without_their_symmetries(scatter):
    bnn = made(Dense(6))
    mixed = scrambled(bnn, scatter(bnn, chains=4, draws=100, spread=0.05))
    # Each chain in an order of its own: the first draw's.
    posterior = scatter(bnn, chains=4, draws=100, spread=0.05)["posterior"].to_dataset().copy(deep=True)
    for chain in range(4):
        order = np.random.default_rng(chain).permutation(6)
        for name, axis in (("h0_weight", 2), ("h0_bias", 1), ("out_weight", 1)):
            posterior[name][chain] = np.take(posterior[name][chain].to_numpy(), order, axis)
    mixed["posterior"] = xr.DataTree(posterior)
    raw = array_stats.rhat(np.moveaxis(posterior["h0_bias"].to_numpy(), -1, 0))
    assert raw.max() > 2
    got = weight_r_hat(bnn, mixed)
    assert set(got) == {v.name for v in bnn.model.free_RVs}
    assert float(got["h0_bias"].max()) < 1.1
    assert got["h0_weight"].shape == (2, 6)


def test_one_chain_has_no_r_hat(scatter):
    bnn = made(Dense(3))
    assert np.isnan(weight_r_hat(bnn, scatter(bnn, chains=1, draws=20))["h0_weight"]).all()
