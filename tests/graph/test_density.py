"""The model means what the specification says: density, likelihood and forward pass against NumPy and SciPy."""

import numpy as np
import pytest

from tests.graph.cases import CASES, evaluated, expected, point, reference


@pytest.mark.parametrize("name", CASES)
def test_log_density_is_that_of_the_formula(name):
    got = evaluated(name)
    np.testing.assert_allclose(got["log_prior"], expected(name).log_prior, rtol=1e-11)
    np.testing.assert_allclose(got["log_density"], expected(name).log_density, rtol=1e-11)


@pytest.mark.parametrize("name", CASES)
def test_log_likelihood_has_one_value_for_each_row(name):
    np.testing.assert_allclose(evaluated(name)["log_likelihood"], expected(name).log_likelihood, rtol=1e-10)


@pytest.mark.parametrize("name", CASES)
def test_parameters_are_in_the_units_of_the_response(name):
    got = evaluated(name)["parameters"]
    assert set(got) == set(expected(name).parameters)
    for key, value in expected(name).parameters.items():
        np.testing.assert_allclose(got[key], value, rtol=1e-10, atol=1e-12)


def test_the_reference_sees_a_wrong_density():
    z = point("priors")
    right = expected("priors").log_density
    assert abs(reference("priors", z + 1e-6).log_density - right) > 1e-9 * abs(right)
