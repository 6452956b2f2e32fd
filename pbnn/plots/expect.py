"""Whether a figure is given the table that it draws."""

from typing import Any

import xarray as xr

from pbnn.errors import ShapeError

SUMMARY = 'pbnn.predict(..., kind="summary")'
DRAWN = "pbnn.assess.for_arviz(bnn, idata)"
"""Names of what makes the trees that several figures draw."""

OF = {
    "pbnn.score": ("lpd", "sharpness"),
    "pbnn.compare_models": ("elpd_difference",),
    "pbnn.loo": ("elpd", "pareto_k"),
    "pbnn.kfold": ("elpd", "fold"),
    "pbnn.sbc": ("ecdf_difference", "quantity"),
    "pbnn.conformal(...).predict": ("contains", "size"),
    "pbnn.diagnose": ("r_hat", "sd_within"),
    "pbnn.relevance": ("hdi", "rank"),
    "pbnn.search.history": ("luckiest",),
    "pbnn.search.importance": ("total_interval",),
    "pbnn.search.slices": ("trial_value",),
    "pbnn.search.parallel": ("tick_place",),
    "pbnn.search.best": ("p_best",),
    "pbnn.assess.by_group": ("group", "count"),
    "pbnn.assess.class_calibration": ("mean_ece",),
    "pbnn.assess.confusion": ("observed_class",),
    "pbnn.assess.coverage": ("coverage", "level", "lower"),
    "pbnn.assess.ood": ("auroc", "measure"),
    "pbnn.assess.pit_ecdf": ("ecdf", "inside"),
    "pbnn.assess.pit_histogram": ("density", "left"),
    "pbnn.assess.pointwise": ("observed", "lpd"),
    "pbnn.assess.reliability": ("bin", "ece"),
    "pbnn.assess.risk_coverage": ("aurc",),
}
"""By what each table is known, to say what was given instead; the first that fits."""
NAMED = 6
"""Variables of a wrong table that are named."""


def expect(table: Any, where: str, source: str, *names: str, attrs: tuple[str, ...] = ()) -> None:
    """Raise `ShapeError` if `table` is not what a figure draws.

    Parameters
    ----------
    table
        What the user gave.
    where
        The figure, such as `"plot_coverage"`.
    source
        What makes such a table.
    names
        What it must have: variables, coordinates or dims of a Dataset; `"group/variable"` or `"group/"` of a DataTree.
    attrs
        Its attrs that are needed.

    Examples
    --------
    >>> expect(xr.Dataset({"pit": ("obs", [0.2])}), "plot_coverage", "pbnn.assess.coverage", "coverage")
    Traceback (most recent call last):
    pbnn.errors.ShapeError: plot_coverage: pass what pbnn.assess.coverage returns; got a Dataset with pit, which lacks \
'coverage'.
    """
    kind = xr.DataTree if any("/" in name for name in names) else xr.Dataset
    if not isinstance(table, kind):
        raise ShapeError(f"{where}: pass what {source} returns; got {_words(table)}.")
    lacks = [name.rstrip("/") for name in names if not _has(table, name)]
    lacks += [f"attrs[{name!r}]" for name in attrs if name not in table.attrs]
    if lacks:
        missing = ", ".join(name if name.startswith("attrs") else repr(name) for name in lacks)
        raise ShapeError(f"{where}: pass what {source} returns; got {_words(table)}, which lacks {missing}.")


def _has(table: xr.Dataset | xr.DataTree, name: str) -> bool:
    if isinstance(table, xr.Dataset):
        return name in table.variables or name in table.dims
    group, _, variable = name.partition("/")
    return group in table.children and (not variable or variable in table[group].variables)


def _words(given: Any) -> str:
    """Say what was given, and if it is a table of ours, of which function."""
    if isinstance(given, xr.DataTree):
        return f"a DataTree with {', '.join(given.children) or 'no groups'}"
    if not isinstance(given, xr.Dataset):
        return f"a {type(given).__name__}"
    of = next((maker for maker, names in OF.items() if all(_has(given, name) for name in names)), None)
    names = [str(name) for name in given.data_vars]
    held = ", ".join(names[:NAMED]) + (", ..." if len(names) > NAMED else "") or "no variables"
    return f"a Dataset with {held}" + (f" (of {of})" if of else "")
