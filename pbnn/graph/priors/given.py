"""Priors that come from elsewhere: given weights, and distributions of PyMC by name."""

import difflib
import inspect
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from pymc.distributions.distribution import Continuous, Distribution, support_point
from pytensor.tensor.variable import TensorVariable

from pbnn.errors import SpecError
from pbnn.graph.priors.site import Site, draw_prior, float64, noncentered, resolve_scale
from pbnn.spec import priors


@draw_prior.register
def _(prior: priors.Pretrained, site: Site) -> TensorVariable:
    if prior.shape != site.shape:
        raise SpecError(
            f"{site.name}: Pretrained holds weights of shape {prior.shape}; this layer has {site.shape}, "
            f"{' by '.join(site.dims) or 'one number'}."
        )
    if isinstance(prior.scale, tuple):
        scale = _constant(prior.scale)
    else:
        scale = resolve_scale(prior.scale, site)
    return pm.Normal(site.name, _constant(prior.mean), scale, dims=site.dims, default_transform=noncentered)


def _constant(nested: Any) -> TensorVariable:
    return pt.constant(np.asarray(nested, dtype=float), dtype="float64")


@draw_prior.register
def _(prior: priors.PyMC, site: Site) -> TensorVariable:
    distribution = _distribution(prior, site.name)
    parameters = {name: float64(value) for name, value in prior.parameters}
    _check_parameters(prior, distribution, parameters, site.name)
    return distribution(site.name, **parameters, dims=site.dims)


def _distribution(prior: priors.PyMC, where: str) -> type[Continuous]:
    found = getattr(pm, prior.name, None)
    # LogitNormal and ChiSquared have no class of a distribution: PyMC makes them of others.
    if not (isinstance(found, type) and (issubclass(found, Distribution) or hasattr(found, "dist"))):
        known = [
            n for n in dir(pm) if isinstance(getattr(pm, n), type) and issubclass(getattr(pm, n), Continuous)
        ]
        near = difflib.get_close_matches(prior.name, known, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise SpecError(f"{where}: PyMC has no distribution {prior.name!r}.{hint} Any continuous one serves.")
    if not issubclass(found, Continuous):
        raise SpecError(
            f"{where}: pm.{prior.name} is not a continuous distribution of single numbers with a class of its own, and "
            "methods here need gradients; take one that is."
        )
    return found


def _check_parameters(
    prior: priors.PyMC, distribution: type[Continuous], parameters: dict[str, Any], where: str
) -> None:
    """Raise `SpecError` unless PyMC takes the parameters by these names, and has a density at them."""
    takes = [
        p.name
        for p in inspect.signature(distribution.dist).parameters.values()
        if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)
    ]
    for name in parameters:
        if name not in takes:
            raise SpecError(
                f"{where}: pm.{prior.name} has no parameter {name!r}; it takes {', '.join(takes)}."
            )
    try:
        one = distribution.dist(**parameters)
        density = pm.logp(one, support_point(one))
        value = float(density.eval(mode="FAST_COMPILE"))
    except Exception as error:
        cause = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise SpecError(
            f"{where}: pm.{prior.name} refuses its parameters, {_words(prior)}: {cause}"
        ) from error
    if np.isnan(value):
        raise SpecError(
            f"{where}: pm.{prior.name} has no density with {_words(prior)}; check its parameters."
        )


def _words(prior: priors.PyMC) -> str:
    return ", ".join(f"{name}={value:g}" for name, value in prior.parameters) or "none"
