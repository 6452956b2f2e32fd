"""Where the fit is weak: the rows it predicts worst, and the parts of the data where its intervals fail."""

import numpy as np

from pbnn.plots import plot_by_group
from pbnn.report.blocks import Block, Paragraph, Picture, Section, Table, attempt, draw, group
from pbnn.report.facts import Facts
from pbnn.report.row_tables import (
    input_names,
    input_words,
    interval_words,
    left_out_words,
    observed_words,
    predicted_words,
)
from pbnn.report.words import listing, number, percent, plural

MOST_ROWS, MOST_GROUPS, MOST_OUTPUTS, MOST_DRAWN = 8, 6, 4, 20


def weak_spots_section(facts: Facts) -> Section:
    """Name the rows and the groups that are predicted worst."""
    text = (
        "A good score is an average, and may hide where predictions fail. These are the rows that surprised the fit "
        "most, and the parts of the data where it is least honest."
    )
    figures = [attempt(_named("Groups", o), _groups, facts, o) for o in facts.outputs[:MOST_OUTPUTS]]
    blocks: list[Block] = [
        Paragraph(text),
        attempt("Worst predicted rows", _worst, facts),
        attempt("Weakest groups", _weakest, facts),
        group(*figures),
    ]
    return Section("weak-spots", "Where is it weak?", tuple(blocks))


def _worst(facts: Facts) -> Table:
    rows, names = facts.rows, input_names(facts)
    lpd = rows["lpd"].to_numpy()
    classes = facts.kind == "classes"
    found = []
    for i in np.argsort(lpd, kind="stable")[:MOST_ROWS]:
        at = int(rows["obs"][i])
        if classes:
            extra = percent(float(rows["p"].values[i, int(rows["observed_code"][i])]))
        else:
            extra = interval_words(facts, i)
        said = (observed_words(facts, i), predicted_words(facts, i), extra, number(lpd[i]))
        found.append((facts.row_name(at), *input_words(facts, facts.X, at), *said))
    last = "probability of what was observed" if classes else "90 % interval"
    head = ("row", *names, "observed", "predicted", last, "log density (nats)")
    several = " Outputs are separated by dots." if not facts.bnn.response.vector else ""
    caption = (
        f"The rows of the {facts.judged_on} with the lowest log density: what was observed was thought least likely "
        f"there. {facts.naming_words}{several}{left_out_words(facts)}"
    )
    left = {1 + len(names), 2 + len(names)} if classes else set()
    return Table(caption, head, tuple(found), frozenset(range(len(head))) - left)


def weakest(facts: Facts) -> list[tuple[float, str, str | None]]:
    """Return groups of more than one row, the furthest off first.

    Each is how far its coverage, or accuracy, is from what was promised, in units of what chance allows for all groups
    together; negative if it falls short; its name; and the output.
    """
    table = facts.groups
    of = "coverage" if "coverage" in table else "accuracy"
    found = []
    for output in facts.outputs:
        one = table if output is None or "output" not in table.dims else table.sel(output=output)
        promised = one["accuracy"] + one["gap"] if of == "accuracy" else table.attrs["level"]
        # Rounded to whole rows, the band of a small group may be narrower than a row.
        room = np.maximum((one["upper"] - one["lower"]) / 2, 1 / one["count"])
        off = ((one[of] - promised) / room).to_numpy()
        names = one["group"].values.tolist()
        kept = (one["count"].to_numpy() > 1) & np.isfinite(off)
        found += [(float(o), str(n), output) for o, n, k in zip(off, names, kept, strict=True) if k]
    return sorted(found, key=lambda item: -abs(item[0]))


def outside(facts: Facts) -> list[tuple[str, str | None, float]]:
    """Return the groups that fall short by more than chance allows, the worst first: name, output, what was found."""
    table = facts.groups
    of = "coverage" if "coverage" in table else "accuracy"
    found = []
    for _, name, output in weakest(facts):
        one = table.sel(group=name) if output is None else table.sel(group=name, output=output)
        if float(one[of]) < float(one["lower"]):
            found.append((name, output, float(one[of])))
    return found


def _weakest(facts: Facts) -> Table:
    table, ranked = facts.groups, weakest(facts)
    of = "coverage" if "coverage" in table else "accuracy"
    rows = []
    for _, name, output in ranked[:MOST_GROUPS]:
        one = table.sel(group=name) if output is None else table.sel(group=name, output=output)
        promised = float(one["accuracy"] + one["gap"]) if of == "accuracy" else table.attrs["level"]
        rows.append(
            (
                name,
                *(() if output is None else (output,)),
                str(int(one["count"])),
                percent(promised),
                percent(float(one[of])),
                percent(float(one[f"{of}_se"])),
                f"{percent(float(one['lower']))} to {percent(float(one['upper']))}",
            )
        )
    several = facts.outputs != (None,)
    what = "inside the 90 % interval" if of == "coverage" else "classified right"
    head = (
        "group",
        *(("output",) if several else ()),
        "rows",
        "promised",
        what,
        "standard error",
        "chance allows",
    )
    none = "" if outside(facts) else "None of these groups stands out. "
    total = plural(table.sizes["group"], "group")
    caption = (
        f"{none}The {len(rows)} groups furthest from what was promised, of {total} in the "
        f"{facts.judged_on}: categories, and slices of about equal counts of the inputs that hold numbers"
        f"{_columns_words(facts)}. What chance allows is for all groups together, 95 times in 100. {_verdict(facts)}"
    )
    return Table(caption, head, tuple(rows), frozenset(range(1 + several, len(head))), wrap=True)


def _columns_words(facts: Facts) -> str:
    judged, total = facts.groups.attrs["columns"], len(facts.bnn.columns.names)
    return "" if judged == total else f" ({judged} of {total} inputs, those with which predictions vary most)"


def _verdict(facts: Facts) -> str:
    names = [name if output is None else f"{name} ({output})" for name, output, _ in outside(facts)]
    if names:
        return f"Short of it: {listing(names, 5)}."
    return "No group falls short of it, and the order of those listed may be chance."


def _groups(facts: Facts, output: str | None) -> Picture:
    table = facts.groups
    shown = min(table.sizes["group"], MOST_DRAWN)
    what = "Coverage of 90 % intervals" if "coverage" in table else "Accuracy"
    return draw(
        plot_by_group,
        table,
        most=MOST_DRAWN,
        output=output,
        title=_named("Groups", output),
        alt=f"{what} in groups of the {facts.judged_on}, beside what was promised and what chance allows.",
        caption=f"{what}, group by group; behind each name, the number of rows. Pale bars show where a point would be "
        "95 times in 100, in all groups together, if predictions were right.",
        size=(7.2, 2.0 + 0.26 * shown),
        wide=len(facts.outputs) == 1,
    )


def _named(title: str, output: str | None) -> str:
    return f"{title}: {output}" if output else title
