"""Networks compared by the marginal likelihood of their Laplace approximations."""

import json
from collections.abc import Mapping

import numpy as np
import xarray as xr

from pbnn.errors import DataError, ModelError


def compare_evidence(fits: Mapping[str, xr.DataTree]) -> xr.Dataset:
    """Compare networks fitted to the same data by the marginal likelihood (MacKay 1992, 10.1162/neco.1992.4.3.448).

    It prefers the network under whose prior the data were likely, and so pays for weights that are not needed; it needs
    no data held out. It is the Laplace approximation's own estimate, at the mode that was found.

    Parameters
    ----------
    fits
        Fits by `pbnn.Laplace`, by name, all of the same response, with the same `subset` and structure.

    Returns
    -------
    xarray.Dataset
        By `network`, best first: `log_marginal_likelihood` (nats); `difference` from the best; `probability` of each if
        all were equally probable before. attrs: `best`.

    Raises
    ------
    ModelError
        If there is no fit, one has no marginal likelihood, or they are of different subsets or structures.
    DataError
        If fits are of different data.

    Examples
    --------
    >>> import numpy as np, pbnn
    >>> from pbnn import assess, likelihoods
    >>> X = np.linspace(-1, 1, 40)[:, None]
    >>> fits = {}
    >>> for name, layers in {"line": [], "net": [pbnn.Dense(2)]}.items():
    ...     bnn = pbnn.build(pbnn.Network(layers, likelihoods.Gaussian()), X, np.sin(4 * X[:, 0]))
    ...     fits[name] = pbnn.fit(bnn, pbnn.Laplace(tune="after", starts=1), seed=1, progress=False)
    >>> assess.compare_evidence(fits).attrs["best"] in fits
    True
    """
    if not fits:
        raise ModelError("compare_evidence: there are no fits to compare.")
    values, first = [], next(iter(fits))
    for name, idata in fits.items():
        found = idata["gaussian"].attrs if "gaussian" in idata.children else {}
        if "log_marginal_likelihood" not in found:
            raise ModelError(
                f"compare_evidence: {name!r} has no marginal likelihood; fit it with pbnn.Laplace()."
            )
        values.append(float(found["log_marginal_likelihood"]))
        if not _observed(idata).equals(_observed(fits[first])):
            raise DataError(
                f"compare_evidence: {name!r} and {first!r} are fits of different data; marginal likelihoods compare "
                "only on the same response."
            )
        subsets = [json.loads(of.attrs["options"]).get("subset") for of in (idata, fits[first])]
        if subsets[0] != subsets[1]:
            raise ModelError(
                f"compare_evidence: {name!r} is of subset {subsets[0]!r} and {first!r} of {subsets[1]!r}; marginal "
                "likelihoods compare only with the same weights uncertain."
            )
        structures = [of["gaussian"].attrs["structure"] for of in (idata, fits[first])]
        if structures[0] != structures[1]:
            raise ModelError(
                f"compare_evidence: {name!r} has the structure {structures[0]!r} and {first!r} {structures[1]!r}; a "
                "structure that leaves curvature out claims more evidence. Fit all with one structure."
            )
    order = np.argsort(values)[::-1]
    evidence = np.asarray(values)[order]
    weight = np.exp(evidence - evidence[0])
    names = np.asarray(list(fits))[order]
    return xr.Dataset(
        {
            "log_marginal_likelihood": ("network", evidence),
            "difference": ("network", evidence - evidence[0]),
            "probability": ("network", weight / weight.sum()),
        },
        coords={"network": names},
        attrs={"best": str(names[0])},
    )


def _observed(idata: xr.DataTree) -> xr.Dataset:
    return idata["observed_data"].to_dataset() if "observed_data" in idata.children else xr.Dataset()
