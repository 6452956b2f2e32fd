"""One thread of BLAS for small matrices."""

from contextlib import AbstractContextManager
from functools import cache
from typing import Any

import scipy.linalg  # noqa: F401 -- loads the BLAS that JAX calls too, which has to be there to be limited
from threadpoolctl import ThreadpoolController


def one_thread() -> AbstractContextManager[Any]:
    """Return a context in which NumPy, SciPy and JAX use one thread for each product or factor of matrices.

    Where matrices have a few hundred rows threads only wait for each other, forty times as long on a busy machine.

    Examples
    --------
    >>> import numpy as np
    >>> with one_thread():
    ...     float(np.linalg.det(2 * np.eye(3)).round(6))
    8.0
    """
    return _libraries().limit(limits=1, user_api="blas")


@cache
def _libraries() -> ThreadpoolController:
    # Looking for them takes milliseconds, as much as a small matrix's whole work.
    return ThreadpoolController()
