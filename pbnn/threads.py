"""One thread of BLAS for small matrices."""

from contextlib import AbstractContextManager
from typing import Any

import scipy.linalg  # noqa: F401 -- loads the BLAS that JAX factors matrices with, which must be there to be limited
from threadpoolctl import get_cached_controller


def one_blas_thread() -> AbstractContextManager[Any]:
    """Return a context in which BLAS, which also factors the matrices of JAX, uses one thread.

    Where matrices have a few hundred rows threads only wait for each other, forty times as long on a busy machine.

    Examples
    --------
    >>> import numpy as np
    >>> with one_blas_thread():
    ...     float(np.linalg.det(2 * np.eye(3)).round(6))
    8.0
    """
    # Looking for libraries takes milliseconds, as much as a small matrix's whole work.
    return get_cached_controller().limit(limits=1, user_api="blas")
