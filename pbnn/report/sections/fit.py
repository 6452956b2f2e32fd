"""The fit itself: a curve where there is one input, else predicted against observed."""

import numpy as np
import xarray as xr

from pbnn.assess import confusion
from pbnn.plots import (
    plot_bands,
    plot_confusion,
    plot_observed,
    plot_probabilities,
    plot_residuals,
    plot_surface,
)
from pbnn.plots.style import summary_of
from pbnn.report.blocks import (
    WIDE,
    Block,
    NotApplicableError,
    Paragraph,
    Picture,
    Section,
    attempt,
    draw,
    group,
)
from pbnn.report.facts import Facts
from pbnn.report.values import along_hover, curve_table, points_hover, points_table

MOST_OUTPUTS, MOST_CURVES, MOST_CONFUSED = 6, 8, 20


def fit_section(facts: Facts) -> Section:
    """Show predictions with their uncertainty beside the data."""
    make = _classes if facts.kind == "classes" else _numbers
    return Section("fit", "The fit", make(facts))


def _numbers(facts: Facts) -> tuple[Block, ...]:
    outputs = facts.outputs[:MOST_OUTPUTS]
    blocks: list[Block] = []
    if facts.one_numeric_input:
        blocks += [attempt(_named("The fit", o), _curve, facts, o) for o in outputs]
    else:
        if facts.two_numeric_inputs:
            blocks += [_maps(facts, o) for o in outputs]
        blocks.append(
            Paragraph(
                "With several inputs there is no single curve to draw; instead each prediction is set against what "
                f"was observed, on the {facts.judged_on}."
            )
        )
    pairs = [
        figure
        for o in outputs
        for figure in (
            attempt(_named("Predicted against observed", o), _observed, facts, o),
            attempt(_named("Residuals", o), _residuals, facts, o),
        )
    ]
    return (*blocks, group(*pairs))


def _classes(facts: Facts) -> tuple[Block, ...]:
    blocks: list[Block] = []
    if facts.one_numeric_input:
        blocks.append(attempt("Class probabilities", _probabilities, facts))
    if facts.two_numeric_inputs:
        blocks.append(_maps(facts, None))
    blocks.append(attempt("Confusion matrix", _confusion, facts))
    return tuple(blocks)


def _maps(facts: Facts, output: str | None) -> Block:
    parts = ("p", "epistemic_entropy") if facts.kind == "classes" else ("mean", "epistemic_sd")
    titles = (_named("Prediction", output), _named("Epistemic uncertainty", output))
    captions = (
        "What is predicted over the two inputs, and where the training data lie.",
        "Where the fit knows least: it should know less where there are no data.",
    )
    made = zip(titles, parts, captions, strict=True)
    return group(*(attempt(title, _map, facts, title, of, caption, output) for title, of, caption in made))


def _map(facts: Facts, title: str, of: str, caption: str, output: str | None) -> Picture:
    if of.startswith("epistemic") and facts.n_draws == 1:
        raise NotApplicableError("a single point in the space of weights has none.")
    names = " and ".join(facts.bnn.columns.names)
    return draw(
        plot_surface,
        facts.surface,
        of,
        facts.X_train,
        facts.seen_train,
        output=output,
        title=title,
        alt=f"Map over {names}, with the training data: {title.lower()}.",
        caption=caption,
    )


def _curve(facts: Facts, output: str | None) -> Picture:
    position = facts.outputs.index(output)
    own = (lambda y: y) if output is None else (lambda y: _column(y, position))
    test = {"X_test": facts.X, "y_test": own(facts.seen)} if facts.held_out and facts.labelled else {}
    along = summary_of(facts.curve, output)
    name = facts.bnn.columns.names[0]
    return draw(
        plot_bands,
        facts.curve,
        facts.X_train,
        own(facts.seen_train),
        **test,
        output=output,
        title=_named("The fit", output),
        alt=f"Predictive mean of {output or facts.response_name} against {name}, with a band for the mean, a wider "
        "band for the response, and the data.",
        caption="The dark band is epistemic: where the mean could still lie, given these data. It should widen where "
        "there are no data. The pale band with dashed edges adds the noise: nine new observations in ten should fall "
        "inside.",
        size=WIDE,
        wide=True,
        labels={"ylabel": output or facts.response_name},
        hover=(along_hover(facts, along),),
        values=curve_table(facts, along),
    )


def _column(y: object, position: int) -> object:
    return y.iloc[:, position] if hasattr(y, "iloc") else y[:, position]  # type: ignore[index]


def _observed(facts: Facts, output: str | None) -> Picture:
    return draw(
        plot_observed,
        facts.rows,
        hover=points_hover(facts, output, "observed", "predicted"),
        values=points_table(facts, output),
        output=output,
        title=_named("Predicted against observed", output),
        alt=f"Scatter of predicted against observed values on the {facts.judged_on}, with 90 % intervals "
        "around a diagonal.",
        caption=f"On the {facts.judged_on}. On the dashed line the prediction is right; an interval that crosses it "
        "contains the observation, as nine in ten should.",
    )


def _residuals(facts: Facts, output: str | None) -> Picture:
    return draw(
        plot_residuals,
        facts.rows,
        hover=points_hover(facts, output, "predicted", "standardized"),
        output=output,
        title=_named("Residuals", output),
        alt=f"Standardised residuals against predictions on the {facts.judged_on}.",
        caption=f"On the {facts.judged_on}, in units of the predictive standard deviation. There should be no pattern, "
        "and about one row in twenty beyond the dashed lines.",
    )


def _probabilities(facts: Facts) -> Picture:
    name = facts.bnn.columns.names[0]
    curve = facts.curve["predictions"].to_dataset()
    n = curve.sizes["class"]
    shown = _first(-curve["p"].max("obs").to_numpy(), MOST_CURVES)
    some = f" Of {n} classes, the {len(shown)} are drawn that become most probable." if len(shown) < n else ""
    tree = xr.DataTree.from_dict(
        {
            "predictions": curve.isel({"class": shown}),
            "predictions_constant_data": facts.curve["predictions_constant_data"].to_dataset(),
        }
    )
    return draw(
        plot_probabilities,
        tree,
        facts.X_train,
        facts.seen_train,
        title="Class probabilities",
        alt=f"Probability of each class against {name}, with uncertainty bands; ticks mark the data of each class.",
        caption="Lines are the predictive probabilities; bands show what the weights leave open. Ticks below mark "
        f"where the training rows of each class lie.{some}",
        size=WIDE,
        wide=True,
    )


def _confusion(facts: Facts) -> Picture:
    table = confusion(facts.rows)
    count = table["count"].to_numpy()
    n, wrong = len(count), count.sum(axis=0) + count.sum(axis=1) - 2 * np.diag(count)
    shown = _first(-wrong, MOST_CONFUSED)
    some = (
        f" Of {n} classes, the {len(shown)} are drawn that are confused most often." if len(shown) < n else ""
    )
    return draw(
        plot_confusion,
        table.isel(observed_class=shown, predicted_class=shown),
        title="Confusion matrix",
        alt=f"Matrix of observed against predicted classes on the {facts.judged_on}.",
        caption=f"Rows of the {facts.judged_on}, by what they are and what they were called; the most probable class "
        "is what a row is called. Percentages are of each row of the matrix. All that counts lies on the "
        f"diagonal.{some}",
        size=WIDE,
        wide=True,
    )


def _first(order: np.ndarray, most: int) -> np.ndarray:
    """Return the places of the smallest, at most so many, in their own order."""
    return np.sort(np.argsort(order, kind="stable")[:most])


def _named(title: str, output: str | None) -> str:
    return f"{title}: {output}" if output else title
