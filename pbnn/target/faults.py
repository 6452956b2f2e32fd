"""What keeps a model from being fitted, in words."""

from collections.abc import Mapping

import numpy as np
import pymc as pm

from pbnn.errors import ModelError


def check_continuous(model: pm.Model) -> None:
    """Raise `ModelError` if there is nothing to infer, or a free variable is discrete."""
    if not isinstance(model, pm.Model):
        raise ModelError(f"fit: expected a BNN (pbnn.build) or a pm.Model; got {type(model).__name__}.")
    if not model.free_RVs:
        raise ModelError("fit: the model has no free variables; there is nothing to infer.")
    discrete = [rv.name for rv in model.free_RVs if rv.dtype.startswith(("int", "uint", "bool"))]
    if discrete:
        raise ModelError(
            f"fit: free variable(s) {', '.join(discrete)} are discrete, and these methods need gradients. "
            "Marginalise them (pymc_extras.MarginalModel), or sample with pm.sample."
        )


def why_not_finite(terms: Mapping[str, float]) -> str:
    """Say which variable's log density is not finite at a start; `terms` are those of all variables, by name."""
    bad = [f"{name} ({value})" for name, value in terms.items() if not np.isfinite(value)]
    if not bad:
        return (
            "fit: the gradient of the log density is not finite at the start, though the log density is. "
            "Look for square roots, logarithms or divisions at 0 in the model."
        )
    return (
        f"fit: the log density is not finite at the start, because of {', '.join(bad)}. "
        "Check that its observations lie in its support and its prior is proper, or set `initval`."
    )
