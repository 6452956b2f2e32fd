"""How this fit came about, and how to make it again."""

import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version

from pbnn.report.blocks import Block, Details, Section, Table
from pbnn.report.facts import Facts
from pbnn.report.words import duration, json_pairs, json_pretty, plural, recalibration_words


def provenance_section(facts: Facts) -> Section:
    """List method, options, seeds, versions, data and network."""
    attrs = facts.idata.attrs
    posterior = facts.idata["posterior"]
    n, d = facts.X_train.shape
    rows = [
        ("report written", datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")),
        ("method", str(attrs.get("method", "unknown"))),
        ("draws", f"{plural(posterior.sizes['chain'], 'chain')} × {posterior.sizes['draw']}"),
        ("seed of the fit", str(attrs.get("seed", "unknown"))),
        ("seed of this report", str(facts.seed)),
        ("precision", str(attrs.get("precision", "unknown"))),
        ("wall time", duration(float(attrs["wall_time"])) if "wall_time" in attrs else "unknown"),
        (
            "gradients of the log density",
            f"{int(attrs['n_gradients']):,}" if "n_gradients" in attrs else "unknown",
        ),
        ("training data", f"{plural(n, 'row')} × {plural(d, 'column')}, SHA-256 {facts.data_hash}…"),
        ("held-out data", _held_out(facts)),
        ("written with", here()),
    ]
    if corrected := recalibration_words(facts.idata).strip():
        rows.append(("recalibration", corrected))
    if attrs.get("message"):
        rows.append(("what the method says", str(attrs["message"])))
    blocks: list[Block] = [Table("", ("what", "value"), tuple(rows), wrap=True)]
    for title, key in (("Options of the method", "options"), ("Versions", "versions")):
        pairs = tuple(json_pairs(str(attrs.get(key, ""))))
        if pairs:
            blocks.append(Details(title, blocks=(Table("", ("name", "value"), pairs, wrap=True),)))
    network = str(attrs.get("network") or facts.bnn.network.to_json())
    blocks.append(Details("The network as JSON (pbnn.Network.from_json reads it)", text=json_pretty(network)))
    return Section("provenance", "Provenance", tuple(blocks))


def _held_out(facts: Facts) -> str:
    if facts.seen_before:
        return f"none: the {plural(len(facts.X), 'row')} given are training rows"
    if not facts.held_out:
        return "none"
    seen = "" if facts.labelled else ", without a response"
    return f"{plural(len(facts.X), 'row')}{seen}, SHA-256 {facts.test_hash}…"


def here() -> str:
    """Name what wrote the report, which may be other versions than those of the fit."""
    names = ("pbnn", "pymc", "jax", "arviz-stats", "numpy", "matplotlib")
    return ", ".join([f"Python {platform.python_version()}", *(f"{name} {_version(name)}" for name in names)])


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "unknown"
