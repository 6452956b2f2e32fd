"""One thread of BLAS."""

import jax.numpy as jnp
from threadpoolctl import threadpool_info

from pbnn.threads import one_blas_thread


def _threads():
    return [of["num_threads"] for of in threadpool_info() if of["user_api"] == "blas"]


def test_every_blas_has_one_thread_inside_and_its_own_number_after():
    jnp.linalg.cholesky(jnp.eye(2))
    before = _threads()
    with one_blas_thread():
        assert _threads() == [1] * len(before)
    assert before
    assert _threads() == before
