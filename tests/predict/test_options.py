"""Options of `predict` that change how it computes: the precision, and summaries without quantiles."""

import numpy as np
import pytest

from pbnn.errors import ModelError
from pbnn.predict import predict
from tests.predict.cases import X_NEW, case


@pytest.mark.slow
@pytest.mark.parametrize("name", ["gaussian", "categorical"])
def test_float64_is_exact_to_its_own_rounding(name):
    one = case(name)
    exact = one.parameters(X_NEW)
    found = predict(one.bnn, one.idata, X_NEW, seed=2, precision="float64")["predictions"]
    key = "p" if "p" in exact else "mu"
    assert found[key].dtype == np.float64
    np.testing.assert_allclose(found[key], exact[key], rtol=1e-9)


def test_an_unknown_precision_is_refused():
    one = case("gaussian")
    with pytest.raises(ModelError, match="precision must be 'float32' or 'float64'; got 'half'"):
        predict(one.bnn, one.idata, X_NEW, precision="half")


def test_a_summary_without_quantiles_is_the_rest_of_the_summary():
    one = case("gaussian")
    whole, short = (
        predict(one.bnn, one.idata, X_NEW, seed=2, kind="summary", **options)["predictions"].to_dataset()
        for options in ({}, {"quantiles": ()})
    )
    rest = ["mean", "sd", "epistemic_sd", "aleatoric_sd"]
    for name in rest:
        np.testing.assert_allclose(short[name], whole[name], rtol=1e-6)
    assert short["quantiles"].shape == short["mu_quantiles"].shape == (0, len(X_NEW))
