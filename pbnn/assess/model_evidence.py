"""Networks compared by the marginal likelihood of their Laplace approximations."""

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
        Fits by `pbnn.Laplace`, by name, all of the same response and with the same `subset`.

    Returns
    -------
    xarray.Dataset
        By `network`, best first: `log_marginal_likelihood` (nats); `difference` from the best; `probability` of each if
        all were equally probable before. attrs: `best`.

    Raises
    ------
    ModelError
        If a fit has no marginal likelihood.
    DataError
        If fits are of different data.

    Examples
    --------
    >>> import numpy as np, pbnn
    >>> from pbnn import assess, likelihoods
    >>> X = np.linspace(-1, 1, 40)[:, None]
    >>> fits = {}
    >>> for units in (2, 5):
    ...     bnn = pbnn.build(pbnn.Network([pbnn.Dense(units)], likelihoods.Gaussian()), X, np.sin(4 * X[:, 0]))
    ...     fits[f"{units} units"] = pbnn.fit(bnn, "laplace", seed=1, progress=False)
    >>> assess.compare_evidence(fits).attrs["best"] in fits
    True
    """
    values, data = [], []
    for name, idata in fits.items():
        found = idata["gaussian"].attrs if "gaussian" in idata.children else {}
        if "log_marginal_likelihood" not in found:
            raise ModelError(
                f"compare_evidence: {name!r} has no marginal likelihood; fit it with pbnn.Laplace()."
            )
        values.append(float(found["log_marginal_likelihood"]))
        data.append(idata["observed_data"]["y"].to_numpy())
    for name, y in zip(fits, data, strict=True):
        if not np.array_equal(y, data[0]):
            raise DataError(
                f"compare_evidence: {name!r} and {next(iter(fits))!r} are fits of different data; marginal likelihoods "
                "compare only on the same response."
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
