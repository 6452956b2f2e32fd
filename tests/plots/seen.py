"""How colours look in grey and to colour-blind readers, and what tells the entries of a legend apart."""

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PathCollection, PolyCollection
from matplotlib.colors import to_rgba
from matplotlib.container import ErrorbarContainer
from matplotlib.lines import Line2D

# Machado, Oliveira & Fernandes (2009), 10.1109/TVCG.2009.113, severity 1, of linear RGB.
SIGHTS = {
    "all colours": np.eye(3),
    "no green": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "no red": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
}


def luminance(colour, sight: str = "all colours", alpha: float | None = None) -> float:
    """Return how bright a colour is on white paper, between 0 and 1 (CIE Y)."""
    *rgb, own = to_rgba(colour)
    share = own if alpha is None else alpha
    rgb = share * np.array(rgb) + 1 - share
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return float(np.clip(SIGHTS[sight] @ linear, 0, 1) @ [0.2126, 0.7152, 0.0722])


def lightness(colour, sight: str = "all colours", alpha: float | None = None) -> float:
    """Return L* of CIELAB, between 0 and 100: what is left of a colour in grey."""
    y = luminance(colour, sight, alpha)
    return 116 * y ** (1 / 3) - 16 if y > 216 / 24389 else 24389 / 27 * y


def apart(first, second) -> float:
    """Return the least difference of lightness of two colours, over all kinds of sight."""
    return min(abs(lightness(first, sight) - lightness(second, sight)) for sight in SIGHTS)


@dataclass(frozen=True)
class Look:
    """One entry of a legend: its colour, and its form as a tuple of words and numbers."""

    label: str
    colour: tuple[float, ...]
    form: tuple
    width: float = 0.0

    def told_from(self, other: "Look", least: float) -> bool:
        """Return whether form, width or lightness tell the two apart."""
        wide = max(self.width, other.width) >= 2 * min(self.width, other.width) > 0
        return self.form != other.form or wide or apart(self.colour, other.colour) >= least


def looks(ax: Axes) -> list[Look]:
    """Return what the legend of the axes lists."""
    handles, labels = ax.get_legend_handles_labels()
    legend = ax.get_legend()
    if not handles and legend is not None:  # entries made by hand
        handles, labels = legend.legend_handles, [text.get_text() for text in legend.get_texts()]
    return [_look(handle, label) for handle, label in zip(handles, labels, strict=True)]


def _look(handle, label: str) -> Look:
    if isinstance(handle, ErrorbarContainer):
        handle = handle.lines[0]
    if isinstance(handle, Line2D):
        colour = to_rgba(handle.get_color(), handle.get_alpha())
        marker = str(handle.get_marker())
        if handle.get_linestyle() in ("None", "none", ""):
            return Look(label, colour, ("points", marker), handle.get_markersize())
        dashes = str(handle._dash_pattern) if handle.is_dashed() else "-"
        return Look(label, colour, ("line", dashes, marker), handle.get_linewidth())
    if isinstance(handle, LineCollection):
        return Look(label, _opaque(handle), ("line", "-", "None"), float(handle.get_linewidth()[0]))
    if isinstance(handle, PathCollection):
        hollow = len(handle.get_facecolor()) == 0
        shape = len(handle.get_paths()[0].vertices)
        colour = handle.get_edgecolor() if hollow else handle.get_facecolor()
        size = float(np.sqrt(handle.get_sizes()[0]))
        return Look(label, tuple(colour[0]), ("points", f"path {shape}{' hollow' * hollow}"), size)
    if isinstance(handle, PolyCollection):
        return Look(label, tuple(handle.get_facecolor()[0]), ("area", "none"))
    patch = handle[0] if hasattr(handle, "__getitem__") else handle
    if not patch.get_fill():
        return Look(label, patch.get_edgecolor(), ("outline",), patch.get_linewidth())
    edged = patch.get_edgecolor()[3] > 0 and patch.get_linewidth() > 0
    return Look(label, patch.get_facecolor(), ("area", str(patch._dash_pattern) if edged else "none"))


def _opaque(lines: LineCollection) -> tuple[float, ...]:
    return tuple(lines.get_color()[0])
