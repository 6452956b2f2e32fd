"""The methods by name, and the default."""

from collections.abc import Mapping

from pbnn.errors import MethodError, unknown
from pbnn.infer.approximation_options import ADVI, MAP, SWAG, Ensemble, PymcADVI
from pbnn.infer.curvature_options import GaussNewtonVI, Laplace
from pbnn.infer.sampler_options import MCLMC, NUTS, SGMCMC
from pbnn.spec.unknowns import leave_open

Method = MCLMC | NUTS | ADVI | Laplace | GaussNewtonVI | Ensemble | SWAG | SGMCMC | MAP | PymcADVI
METHODS: Mapping[str, type] = {
    "mclmc": MCLMC,
    "nuts": NUTS,
    "advi": ADVI,
    "laplace": Laplace,
    "gauss-newton-vi": GaussNewtonVI,
    "ensemble": Ensemble,
    "swag": SWAG,
    "sgmcmc": SGMCMC,
    "map": MAP,
    "pymc-advi": PymcADVI,
}
for _options in METHODS.values():
    leave_open(_options)
IN_PIECES = (MCLMC, Ensemble, SWAG, SGMCMC)
"""Their chains are programs of pieces (`programs.py`): they can be stored, resumed, and given to an executor."""
DEFAULT_METHOD = "mclmc"


def as_method(method: object, where: str = "fit") -> Method:
    """Return the options that a name, or options themselves, stand for.

    Raises
    ------
    MethodError
        If the method is unknown; the message lists the known ones.
    """
    if method is None:
        method = DEFAULT_METHOD
    if isinstance(method, str):
        if method.lower() not in METHODS:
            raise MethodError(unknown(where, "method", method, METHODS))
        return METHODS[method.lower()]()
    if isinstance(method, type) and method in METHODS.values():
        return method()
    if not isinstance(method, tuple(METHODS.values())):
        # The value may be a whole fit, which would fill the screen.
        said = unknown(where, "method", type(method).__name__, METHODS)
        raise MethodError(f"{said} Pass such a name, or options such as pbnn.MCLMC(draws=500).")
    return method


def method_name(method: Method) -> str:
    """Return the name under which a method is known."""
    return next(name for name, cls in METHODS.items() if isinstance(method, cls))
