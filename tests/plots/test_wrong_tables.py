"""A figure that is given something else than what it draws says what it takes, and what came."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from pbnn import plots
from pbnn.assess import confusion
from pbnn.errors import ShapeError
from tests.plots import tables

SCORES = xr.Dataset({"rmse": 1.0, "lpd": -1.0, "sharpness": 0.5}, attrs={"n_obs": 3})
EMPTY = xr.DataTree.from_dict({"posterior": xr.Dataset({"noise": 1.0})})


WRONG = (SCORES, EMPTY, [1.0], None, object())
NAMES = [name for name in plots.__all__ if name != "plot_surface"]  # which takes one argument more
OWN = {
    "plot_risk_coverage": tables.risk,
    "plot_coverage": tables.levels,
    "plot_by_group": tables.groups,
    "plot_pit_ecdf": tables.curve,
    "plot_ood": tables.familiar,
    "plot_residuals": tables.number_rows,
}


@pytest.mark.parametrize("name", NAMES)
def test_every_figure_says_what_it_takes(name):
    for wrong in (*WRONG, *(make() for own, make in OWN.items() if own != name)):
        with pytest.raises(ShapeError, match=rf"^{name}: pass what .*pbnn\..* returns; got a"):
            getattr(plots, name)(wrong)


def test_a_surface_says_what_it_takes():
    with pytest.raises(
        ShapeError, match=r"^plot_surface: pass what .*got a DataTree with posterior, which lacks"
    ):
        plots.plot_surface(EMPTY, "mean")


def test_the_message_names_what_was_given_instead_and_what_it_lacks():
    with pytest.raises(ShapeError) as error:
        plots.plot_coverage(SCORES)
    assert str(error.value) == (
        "plot_coverage: pass what pbnn.assess.coverage returns; got a Dataset with rmse, lpd, sharpness (of "
        "pbnn.score), which lacks 'level', 'coverage', 'lower', 'upper'."
    )


def test_the_energy_of_a_fit_without_one(idata):
    without = idata.copy()
    without["sample_stats"] = xr.DataTree(idata["sample_stats"].to_dataset().drop_vars("energy"))
    with pytest.raises(
        ShapeError, match=r"plot_energy: pass what pbnn.fit with NUTS returns.*'sample_stats/energy'"
    ):
        plots.plot_energy(without)


def test_loo_pit_of_a_fit_as_it_is(idata):
    bare = idata.drop_nodes(["posterior_predictive", "log_likelihood"])
    with pytest.raises(
        ShapeError, match=r"plot_loo_pit: pass what pbnn.assess.for_arviz\(bnn, idata\) returns"
    ):
        plots.plot_loo_pit(bare)


def test_of_many_classes_the_most_confused_are_shown(ax):
    table = confusion(tables.class_rows(900, 60))
    plots.plot_confusion(table, ax=ax)
    assert ax.get_title() == "the 20 most confused of 60 classes"
    assert ax.get_images()[0].get_array().shape == (20, 20)
    mistakes = (
        table["count"].where(table["observed_class"] != table["predicted_class"], 0).sum("predicted_class")
    )
    assert len(ax.get_yticklabels()) == 20
    shown = [label.get_text() for label in ax.get_yticklabels()]
    assert float(mistakes.sel(observed_class=shown).mean()) > float(mistakes.mean())


def test_a_series_names_the_axis(ax):
    plots.plot_conformal(tables.intervals(30), x=pd.Series(np.arange(30.0), name="age"), ax=ax)
    assert ax.get_xlabel() == "age"
