"""What is given in the place of a model, a fit, rows or weights: the message says what to pass."""

import numpy as np
import pandas as pd
import pytest

import pbnn
from pbnn import assess, likelihoods
from pbnn.assess.loo import _remedy
from pbnn.errors import DataError, MethodError, ModelError
from tests.exact import LinearGaussian


class Estimator:
    """Looks like one of scikit-learn."""

    def get_params(self):
        return {}


@pytest.fixture(scope="module")
def truth():
    return LinearGaussian.simulate(n=30)


@pytest.fixture(scope="module")
def rows(truth):
    return assess.pointwise(truth.bnn, truth.draws(), truth.X, truth.y, seed=1)


def test_models_come_by_name(truth):
    one = (truth.bnn, truth.draws())
    for ask in (pbnn.compare_models, pbnn.average):
        with pytest.raises(ModelError, match=rf"{ask.__name__}: pass models by name, .*got list"):
            ask([one, one])
    with pytest.raises(ModelError, match=r"pass at least two models by name.*got list"):
        pbnn.report_comparison([one, one], "compare.html")


def test_an_estimator_has_a_model_and_a_fit_inside(truth):
    for ask in (
        lambda est: pbnn.compare_models({"a": est}),
        lambda est: pbnn.compare_models({"a": (est, truth.draws())}, truth.X, truth.y),
        lambda est: pbnn.average({"a": est}, "equal"),
        lambda est: pbnn.report(est, "x.html"),
        lambda est: pbnn.score(est, truth.draws(), truth.X, truth.y),
        lambda est: pbnn.report_comparison({"a": est, "b": est}, "x.html"),
        lambda est: pbnn.conformal(est, None, truth.X, truth.y),
    ):
        with pytest.raises((ModelError, MethodError), match=r"pass est\.bnn_ and est\.idata_"):
            ask(Estimator())


def test_groups_are_of_rows_and_may_be_a_frame(rows):
    with pytest.raises(
        DataError, match=r"pbnn\.assess\.pointwise\(bnn, idata, X, y\) returns; got DataFrame"
    ):
        assess.by_group(pd.DataFrame({"a": [1]}), ["a"])
    with pytest.raises(DataError, match="got another Dataset"):
        assess.by_group(assess.coverage(rows), ["a"])
    labels = np.tile(["a", "b", "c"], 10)
    table = assess.by_group(rows, pd.DataFrame({"kind": labels}))
    assert table.identical(assess.by_group(rows, labels))
    with pytest.raises(DataError, match=r"pass one column of groups; got shape \(30, 2\)"):
        assess.by_group(rows, pd.DataFrame({"kind": labels, "other": labels}))


def test_a_missing_response_is_called_so(truth):
    with pytest.raises(DataError, match=r"^score: y is missing.*pbnn\.predict"):
        pbnn.score(truth.bnn, truth.draws(), truth.X, None)
    with pytest.raises(DataError, match=r"^build: y is missing"):
        pbnn.build(pbnn.Network([], likelihoods.Gaussian()), truth.X, None)
    broken = np.where(np.arange(30) == 4, np.nan, truth.y)
    with pytest.raises(DataError, match=r"^recalibrate: y is missing \(NaN\) in row 4"):
        pbnn.recalibrate(truth.bnn, truth.draws(), truth.X, broken)


def test_a_point_has_no_rows_left_out(truth):
    point = {"point": (truth.bnn, truth.tree(truth.mean[None, None])), "draws": (truth.bnn, truth.draws())}
    with pytest.raises(
        MethodError, match=r"^average: 'point' has 1 draw .*weights='equal', or .*\['stacking'\]"
    ):
        pbnn.average(point)
    with pytest.raises(MethodError, match=r"^compare_models: 'point' has 1 draw .*pass X and y.*pbnn\.kfold"):
        pbnn.compare_models(point)


def test_a_fit_in_the_place_of_a_method_is_not_printed(truth):
    with pytest.raises(MethodError, match=r"^kfold: unknown method 'DataTree'.*options such as") as error:
        pbnn.kfold(truth.bnn, truth.draws())
    assert len(str(error.value)) < 300


def test_a_fit_of_another_model_names_who_was_asked(truth):
    other = truth.draws().copy()
    other["posterior"] = (
        other["posterior"]
        .to_dataset()
        .rename({name: f"{name}_" for name in truth.draws()["posterior"].data_vars})
    )
    with pytest.raises(ModelError, match=r"^score: .*is this the fit of another model"):
        pbnn.score(truth.bnn, other, truth.X, truth.y)


def test_weights_may_be_a_series(truth):
    models = {"a": (truth.bnn, truth.draws()), "b": (truth.bnn, truth.draws(shift=1.0))}
    _, tree = pbnn.average(models, pd.Series({"b": 0.75, "a": 0.25}), draws=40)
    assert tree["weights"]["weight"].to_numpy().tolist() == [0.25, 0.75]


def test_an_average_has_no_report_but_measures_of_uncertainty(truth):
    models = {"a": (truth.bnn, truth.draws()), "b": (truth.bnn, truth.draws(shift=1.0))}
    mix, tree = pbnn.average(models, "equal", draws=40)
    with pytest.raises(
        ModelError, match=r"report: an average has no posterior of its own; .*report_comparison"
    ):
        pbnn.report(mix, tree, "x.html")
    assert "variance" in assess.ood(mix, tree, truth.X[:9], truth.X[:9] + 5, resamples=5)["measure"]


def test_a_conformal_prints_in_one_line(truth):
    found = pbnn.conformal(truth.bnn, truth.draws(), *truth.new_data(20))
    assert repr(found) == "Conformal(split, standardized, level=0.9, from 20 rows; call predict(X))"


@pytest.mark.parametrize(
    ("n", "words"), [(3, "Pass refit=True, or use pbnn.kfold."), (40, "refit=True would take 40")]
)
def test_very_many_bad_rows_are_no_case_for_refits(n, words):
    assert words in _remedy(n)
