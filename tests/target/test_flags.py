import jax
import pytest

from pbnn.target.jaxify import flags_kept, scope


@pytest.mark.parametrize("x64", [True, False])
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_a_users_flag_outlives_what_runs_in_a_scope(x64, precision):
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", x64)
    try:
        with scope(precision), flags_kept():
            jax.config.update("jax_enable_x64", True)  # as importing PyTensor's JAX linker does
        assert jax.config.jax_enable_x64 is x64
    finally:
        jax.config.update("jax_enable_x64", before)
