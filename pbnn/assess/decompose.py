"""`decompose`: how much of the uncertainty of predictions comes from where, over many rows together."""

from typing import Any

import numpy as np
import xarray as xr

from pbnn.assess.decomposition import entropy, jackknife, split_entropy, split_modes, split_variance
from pbnn.assess.rows import draws_at, read_draws, spaced
from pbnn.graph.build import BNN
from pbnn.predict.rows import encode_rows

_WORDS = {
    "total": "all uncertainty",
    "epistemic": "uncertainty of the weights",
    "aleatoric": "uncertainty of the noise",
    "within": "uncertainty of the weights within chains",
    "between": "uncertainty of the weights between chains",
}


def decompose(
    bnn: BNN, idata: xr.DataTree, X: Any = None, *, seed: int | None = None, max_rows: int | None = 200
) -> xr.Dataset:
    """Split the uncertainty of predictions, averaged over rows, into what the weights leave open and what noise does.

    Parameters
    ----------
    bnn, idata
        The model and its fit.
    X
        Inputs `(obs, feature)`; the training data if None.
    seed
        Of nothing but what `predict` needs.
    max_rows
        At most this many rows, evenly spaced.

    Returns
    -------
    xarray.Dataset
        Numbers (by `output`): `total = epistemic + aleatoric`, mean variances over rows, in squared units of `y`.
        Classes: the same of the entropy, in nats. `within + between = epistemic`: the part that chains leave open each
        by itself, and the part by which they differ. Each with `<name>_mcse`, its Monte Carlo error, from leaving out
        chains or stretches of them in turn; for `within` and `between` chains, of which it takes 3. Else NaN. attrs:
        `n_obs`, `n_draws`.

    Raises
    ------
    ShapeError, DataError
        If the inputs do not match the training data.
    ModelError
        If `idata` is the fit of another model.

    References
    ----------
    Depeweg et al. (2018), Decomposition of uncertainty in Bayesian deep learning, arXiv:1710.07283.

    Examples
    --------
    >>> import numpy as np, pbnn
    >>> from pbnn import likelihoods
    >>> from pbnn.assess import decompose
    >>> X = np.linspace(-1, 1, 30)[:, None]
    >>> bnn = pbnn.build(pbnn.Network([], likelihoods.Gaussian(noise=0.5)), X, X[:, 0])
    >>> idata = pbnn.fit(bnn, "laplace", seed=1, progress=False)
    >>> round(float(decompose(bnn, idata)["aleatoric"]), 3)
    0.25
    """
    forward, posterior = read_draws(bnn, idata, "decompose", seed)
    inputs, _ = encode_rows(bnn, idata, X, "decompose")
    inputs = inputs[spaced(len(inputs), max_rows)]
    arrays = draws_at(forward, posterior, inputs)
    classes = bnn.response.kind == "classes"
    split, parts = (_entropies, _entropy_between) if classes else (_variances, _variance_between)
    table = jackknife(split, *arrays, modes=False).merge(jackknife(parts, *arrays[:1], modes=True))
    if "output" in table.dims:
        table = table.assign_coords(output=list(bnn.response.names))
    for name in table.data_vars:
        of = str(name).removesuffix("_mcse")
        words = _WORDS[of] if of == name else f"Monte Carlo error of {_WORDS[of]}"
        table[name].attrs = {"long_name": words, "units": "nat" if classes else "y^2"}
    return table.assign_attrs(n_obs=len(inputs), n_draws=len(forward.z))


def _variances(mu: xr.DataArray, variance: xr.DataArray) -> xr.Dataset:
    return split_variance(mu, variance).mean("obs")


def _variance_between(mu: xr.DataArray) -> xr.Dataset:
    return split_modes(mu)[["within", "between"]].mean("obs")


def _entropies(p: xr.DataArray) -> xr.Dataset:
    return split_entropy(p).mean("obs")


def _entropy_between(p: xr.DataArray) -> xr.Dataset:
    """Return the mutual information of class and draw given the chain, and that of class and chain."""
    of_chain = entropy(p.mean("draw")).mean(("chain", "obs"))
    within = of_chain - entropy(p).mean(("chain", "draw", "obs"))
    between = entropy(p.mean(("chain", "draw"))).mean("obs") - of_chain
    return xr.Dataset({"within": np.maximum(within, 0), "between": np.maximum(between, 0)})
