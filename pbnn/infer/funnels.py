"""Centred weights with a learned scale have no mode that is worth finding."""

from pytensor.graph.traversal import ancestors

from pbnn.errors import MethodError
from pbnn.target import Target


def refuse_funnels(target: Target, method: str) -> None:
    """Raise `MethodError` if weights are sampled as they are while their scale is learned.

    As the scale goes to 0 and the weights with it, the joint density grows without bound (Betancourt & Girolami 2015,
    arXiv:1312.0906).
    """
    if target.bnn is None:
        return
    free = set(target.model.free_RVs)
    for rv in target.model.free_RVs:
        if rv.name not in target.weights or target.model.rvs_to_transforms[rv] is not None:
            continue
        scales = sorted(v.name for v in free & set(ancestors([rv])) if v is not rv)
        if scales:
            raise MethodError(
                f"{method}: {rv.name} is centred (centered=True) and its scale {', '.join(scales)} is learned, so that "
                "the mode lies where both are 0. Leave centered=True out, or sample with MCLMC or NUTS."
            )
