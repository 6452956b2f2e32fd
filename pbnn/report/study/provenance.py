"""What was searched, and how the page came about."""

import json
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from optuna.storages import JournalStorage, RDBStorage

from pbnn.report.blocks import Block, Details, Paragraph, Section, Table
from pbnn.report.sections.provenance import here
from pbnn.report.study.facts import StudyFacts, space_of
from pbnn.report.words import duration
from pbnn.search.attributes import DATA, OF

DATABASES = ("sqlite", "postgresql", "mysql")


def provenance_section(facts: StudyFacts) -> Section:
    """List the space, seeds, versions, and where the study is kept."""
    address = storage_address(facts.study)
    attrs = facts.study.user_attrs
    rows = [
        ("page written", datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")),
        ("study", f"{facts.study.study_name}, {facts.study.directions[0].name.lower()}"),
        ("storage", address or "in memory"),
        ("objective", str(attrs.get(OF, "not noted"))),
        ("data", f"SHA-256 {attrs[DATA]}…" if DATA in attrs else "not noted"),
        ("trials", ", ".join(_states(facts))),
        ("time of all trials", duration(facts.seconds)),
        ("seed of this page", str(facts.seed)),
        ("written with", f"{here()}, optuna {version('optuna')}"),
    ]
    if facts.search is not None:
        rows.insert(-2, ("seed of the search", str(facts.search.seed)))
        rows.insert(-2, ("sampler", type(facts.study.sampler).__name__))
    blocks: list[Block] = [Table("", ("what", "value"), tuple(rows), wrap=True)]
    if address and address.startswith(DATABASES):
        blocks.append(
            Paragraph(
                f"Optuna's dashboard shows the study as it goes on: `pip install optuna-dashboard`, then "
                f"`optuna-dashboard {address}`."
            )
        )
    space = space_of(facts.study)
    if space:
        table = Table("", ("parameter", "values"), tuple((k, _words(v)) for k, v in space.items()), wrap=True)
        blocks.append(Details("The space", blocks=(table,)))
    return Section("provenance", "Provenance", tuple(blocks))


def storage_address(study: Any) -> str | None:
    """Return where a study is kept, with a password left out; None in memory or where it is not known."""
    storage = study._storage
    # Optuna puts a cache before a database.
    storage = getattr(storage, "_backend", storage) if not isinstance(storage, JournalStorage) else storage
    if isinstance(storage, RDBStorage):
        return str(storage.engine.url.render_as_string(hide_password=True))
    return "a journal file" if isinstance(storage, JournalStorage) else None


def _states(facts: StudyFacts) -> list[str]:
    names = [t.state.name.lower() for t in facts.trials]
    return [f"{names.count(name)} {name}" for name in dict.fromkeys(names)]


def _words(distribution: dict[str, Any]) -> str:
    of = distribution["attributes"]
    if "choices" in of:
        return " | ".join(map(str, of["choices"]))
    log = " (log)" if of.get("log") else ""
    step = f" by {of['step']}" if of.get("step") not in (None, 1) else ""
    return f"{json.dumps(of['low'])} … {json.dumps(of['high'])}{step}{log}"
