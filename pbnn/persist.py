"""Run files: a model and its fit in one NetCDF file, written whole or not at all, and read without running code.

A run file is the `DataTree` of the fit, as any NetCDF reader sees it, with three texts of JSON in its attributes: the
network, and what was learned of the columns and of the response. Its arrays carry checksums, so damage is found.
"""

import json
import os
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import xarray as xr

from pbnn.errors import FileError, MethodError, ModelError
from pbnn.graph.build import BNN
from pbnn.graph.texts import as_texts, from_texts
from pbnn.predict.mixture import Average, names_of
from pbnn.write import write_whole

FORMAT = 2
"""Raised when a change makes older versions misread new files; each file has the least that can read it."""


def save(bnn: BNN | Average, idata: xr.DataTree, path: str | os.PathLike[str]) -> None:
    """Write a model and its fit to one file, from which `load` makes both again.

    The file is written beside its place and then renamed, so an earlier file of that name survives a full disk or a
    kill. It holds the training data (`constant_data`, `observed_data`); drop those groups first to give a file away
    without them.

    Parameters
    ----------
    bnn, idata
        The model and its fit, or what `average` returned.
    path
        Where to write, such as `"run.nc"`.

    Raises
    ------
    FileError
        If it cannot be written; an earlier file is as it was.
    ModelError
        If `idata` is the fit of another model.
    MethodError
        If the model is a general `pm.Model`.

    Examples
    --------
    >>> import numpy as np, pbnn, tempfile, xarray as xr
    >>> from pbnn import likelihoods
    >>> X = np.linspace(-1, 1, 20)[:, None]
    >>> bnn = pbnn.build(pbnn.Network([pbnn.Dense(5)], likelihoods.Gaussian()), X, X[:, 0] ** 2)
    >>> prior = pbnn.prior_predict(bnn, draws=10, seed=1)["prior"]
    >>> idata = xr.DataTree.from_dict({"posterior": prior.to_dataset()})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     pbnn.save(bnn, idata, f"{folder}/run.nc")
    ...     again, _ = pbnn.load(f"{folder}/run.nc")
    >>> again.network == bnn.network
    True
    """
    if not isinstance(bnn, BNN | Average):
        raise MethodError(
            f"save: the first argument must be a BNN (pbnn.build); got {type(bnn).__name__}. The code of a general "
            'pm.Model fits in no file; keep its fit with idata.to_netcdf("run.nc").'
        )
    _check_fit(bnn, idata)
    tree = idata.copy()
    tree.attrs = {**idata.attrs, **_model_texts(bnn)}
    write_whole(path, _content(tree, path), "save")


def load(path: str | os.PathLike[str]) -> tuple[BNN | Average, xr.DataTree]:
    """Read a file that `save` wrote.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    BNN or Average, DataTree
        The model, with the training data that are in the file (no rows if they are not), and its fit, in memory.

    Raises
    ------
    FileError
        If the file is missing, damaged, not from `save`, or from a newer version; the message says which.
    """
    file = Path(path).expanduser()
    attrs = _read_attributes(file)
    if "pbnn_format" not in attrs:
        raise FileError(
            f"load: {file} is no run file of pbnn.save: it has no attribute 'pbnn_format'. A fit of another program "
            "opens with xarray.open_datatree."
        )
    if not attrs["pbnn_format"] <= FORMAT:
        raise FileError(
            f"load: {file} has format {attrs['pbnn_format']}, and this version of pbnn reads up to {FORMAT}; "
            "install a newer pbnn."
        )
    try:
        tree = xr.load_datatree(file, engine="h5netcdf", decode_timedelta=False)
        tree.attrs = {key: v.item() if isinstance(v, np.generic) else v for key, v in tree.attrs.items()}
        del tree.attrs["pbnn_format"]
        return _rebuild(tree), tree
    except Exception as error:
        raise _damaged(file, _cause(error)) from error


# ---------------------------------------------------------------- writing


def _model_texts(model: BNN | Average) -> dict[str, str | int]:
    if isinstance(model, Average):
        return {"pbnn_format": 2, "models": json.dumps([as_texts(bnn) for bnn in model.models.values()])}
    return {"pbnn_format": 1, **as_texts(model)}


def _check_fit(bnn: BNN | Average, idata: Any) -> None:
    if not isinstance(idata, xr.DataTree) or "posterior" not in idata.children:
        raise ModelError("save: idata must be a DataTree with a group 'posterior', as pbnn.fit gives.")
    if isinstance(bnn, Average):
        if names_of(idata) != list(bnn.models):
            raise ModelError("save: idata is not the tree that pbnn.average returned with these models.")
        return
    theirs = idata.attrs.get("network", bnn.network.to_json())
    if theirs != bnn.network.to_json():
        raise ModelError("save: idata is the fit of another network; pass the BNN that it belongs to.")
    posterior, model = idata["posterior"], bnn.model
    for rv in model.free_RVs:
        dims = model.named_vars_to_dims.get(rv.name) or ()
        shape = tuple(len(model.coords[dim]) for dim in dims)
        if rv.name not in posterior or posterior[rv.name].shape[2:] != shape:
            raise ModelError(
                f"save: idata has no variable {rv.name!r} of shape {shape}; pass the BNN that it belongs to."
            )


def _content(tree: xr.DataTree, path: str | os.PathLike[str]) -> bytes | memoryview:
    """Make the file in memory: on a full disk HDF5 takes the whole process down."""
    try:
        return tree.to_netcdf(engine="h5netcdf", encoding=_checksums(tree))
    except Exception as error:
        reason = (str(error) or type(error).__name__).splitlines()[0].rstrip(" .")
        raise FileError(
            f"save: {path} could not be written: {reason}. Take out of idata what NetCDF cannot hold."
        ) from error


def _checksums(tree: xr.DataTree) -> dict[str, dict[str, dict[str, bool]]]:
    """Ask for a checksum of each array of numbers."""
    return {
        node.path: {
            name: {"fletcher32": True}
            for name, v in node.to_dataset(inherit=False).variables.items()
            if v.ndim and v.size and v.dtype.kind in "iufb"
        }
        for node in tree.subtree
    }


# ---------------------------------------------------------------- reading


def _read_attributes(file: Path) -> dict[str, Any]:
    """Read the attributes of the file alone: enough to see whether it is ours."""
    if not file.is_file():
        raise FileError(
            f"load: {file} "
            + ("is a folder. A stored run opens with pbnn.resume." if file.is_dir() else "does not exist.")
        )
    if not os.access(file, os.R_OK):
        raise FileError(f"load: {file} may not be read by this user; change its permissions.")
    if not h5py.is_hdf5(file):
        raise _damaged(file, "it is no NetCDF file")
    try:
        with h5py.File(file, "r") as opened:
            return dict(opened.attrs)
    except Exception as error:
        raise _damaged(file, _cause(error)) from error


def _damaged(file: Path, cause: str) -> FileError:
    return FileError(
        f"load: {file} is not a run file of pbnn, or damaged: {cause}. Take a copy from elsewhere, or fit and save "
        "again."
    )


def _cause(error: Exception) -> str:
    """Say in a few words what is wrong: in ours for our own checks; HDF5's words help nobody."""
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno)
    if isinstance(error, ValueError):
        return (str(error) or "a value is wrong").splitlines()[0].rstrip(" .")
    return "its content cannot be read"


def _rebuild(tree: xr.DataTree) -> BNN | Average:
    if "models" in tree.attrs:
        texts = json.loads(tree.attrs.pop("models"))
        return Average(dict(zip(names_of(tree), map(from_texts, texts), strict=True)))
    X = y = None
    if "X" in tree.get("constant_data", {}) and "y" in tree.get("observed_data", {}):
        X, y = tree["constant_data"]["X"].to_numpy(), tree["observed_data"]["y"].to_numpy()
    return from_texts(tree.attrs, X, y)
