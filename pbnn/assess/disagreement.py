"""Where models of the same rows do not agree."""

from collections.abc import Mapping

import numpy as np
import xarray as xr

from pbnn.assess.decomposition import entropy
from pbnn.errors import DataError

LEAST_MODELS = 2


def disagreement(rows: Mapping[str, xr.Dataset]) -> xr.Dataset:
    """Say, row by row, how far models are apart in their predictions.

    Parameters
    ----------
    rows
        Of each model by name, what `pointwise` gives; all of the same rows.

    Returns
    -------
    xarray.Dataset
        `disagreement` `(obs,)`. Of numbers: the standard deviation over models of the predictive mean, in units of the
        root mean square over models of the predictive standard deviation, the largest of several outputs; 1 means that
        the models differ by as much as each of them expects to be off. Of classes: the mutual information of class and
        model, in nats, between 0 and the logarithm of the number of models. By `obs` and `model`, `predicted`; `sd` of
        numbers, `confidence` of classes; `observed` by `obs`.

    Raises
    ------
    DataError
        If there are fewer than two models, or they were judged on different rows or kinds of response.

    References
    ----------
    Lakshminarayanan, Pritzel & Blundell (2017), Simple and scalable predictive uncertainty estimation using deep
    ensembles, arXiv:1612.01474, on disagreement of members; Depeweg et al. (2018), arXiv:1710.07283, on its entropy.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> from pbnn.assess import disagreement
    >>> flat = {"predicted": ("obs", [0.0, 0.0]), "sd": ("obs", [1.0, 1.0]), "observed": ("obs", [0.0, 0.0])}
    >>> a = xr.Dataset(flat, attrs={"kind": "continuous"})
    >>> b = a.assign(predicted=("obs", [0.0, 4.0]))
    >>> disagreement({"a": a, "b": b})["disagreement"].to_numpy().tolist()
    [0.0, 2.0]
    """
    names = list(rows)
    if len(names) < LEAST_MODELS:
        raise DataError(f"disagreement: needs at least {LEAST_MODELS} models; got {len(names)}.")
    first = rows[names[0]]
    for name, of in rows.items():
        if of.attrs["kind"] != first.attrs["kind"] or not of["observed"].equals(first["observed"]):
            raise DataError(f"disagreement: {name!r} and {names[0]!r} were judged on different rows.")
    shown = ("predicted", "confidence", "p") if first.attrs["kind"] == "classes" else ("predicted", "sd")
    together = xr.concat([of[list(shown)] for of in rows.values()], "model", combine_attrs="drop")
    together = together.assign_coords(model=names)
    if first.attrs["kind"] == "classes":
        p = together["p"]
        apart = entropy(p.mean("model")) - entropy(p).mean("model")
        together = together.drop_vars("p")
        about = {"long_name": "mutual information of class and model", "units": "nat"}
    else:
        spread = np.sqrt((together["sd"] ** 2).mean("model"))
        apart = together["predicted"].std("model") / spread.where(spread > 0)
        apart = apart.max("output") if "output" in apart.dims else apart
        about = {"long_name": "sd over models of the predictive mean, in predictive sd", "units": "1"}
    # Rounding may leave what is 0 a little below it.
    return together.assign(
        disagreement=np.maximum(apart, 0).assign_attrs(about), observed=first["observed"]
    ).assign_attrs(kind=first.attrs["kind"])
