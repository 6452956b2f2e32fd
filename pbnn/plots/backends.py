"""Other libraries than matplotlib that ArviZ's figures can be drawn with."""

from importlib.util import find_spec

from matplotlib.axes import Axes

from pbnn.errors import MethodError, MissingExtraError, unknown

NEEDS = {"plotly": ("plotly", "webcolors"), "bokeh": ("bokeh",)}
"""What `arviz_plots` imports for each."""
SIZE = {"figsize": (720, 450), "figsize_units": "dots"}
"""For `figure_kwargs`: margins of plotly would leave little of ArviZ's own size for one panel."""


def other_backend(where: str, backend: str | None, ax: Axes | None) -> str | None:
    """Return `backend` if it is another library than matplotlib, else None.

    Raises
    ------
    MethodError
        If there is no such backend, or it cannot draw on `ax`.
    MissingExtraError
        If it is not installed.

    Examples
    --------
    >>> other_backend("plot_trace", "matplotlib", None) is None
    True
    >>> other_backend("plot_trace", "ggplot", None)
    Traceback (most recent call last):
    pbnn.errors.MethodError: plot_trace: unknown backend 'ggplot'; known: bokeh, matplotlib, plotly. ...
    """
    if backend is None or backend == "matplotlib":
        return None
    if backend not in NEEDS:
        raise MethodError(unknown(where, "backend", backend, ["matplotlib", *NEEDS]))
    if ax is not None:
        raise MethodError(
            f"{where}: ax= takes axes of matplotlib, on which {backend} cannot draw; leave out ax= or backend=."
        )
    missing = [name for name in NEEDS[backend] if find_spec(name) is None]
    if missing:
        raise MissingExtraError(
            f"{where}: backend={backend!r} needs {' and '.join(missing)}, which is not installed: "
            f'pip install "pbnn[{backend}]".'
        )
    return backend
