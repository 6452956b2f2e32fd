"""Three small real data sets. Where they come from, and under which licence, says `data/README.md`."""

from pathlib import Path

import pandas as pd

from pbnn.datasets.dataset import Dataset
from pbnn.errors import FileError


def load_motorcycle() -> Dataset:
    """Head acceleration against time after a simulated motorcycle crash: 94 rows, one input, for regression.

    Flat at first, then a violent swing, with noise that grows and shrinks: a curve that a line, and a constant
    noise scale, cannot follow.

    References
    ----------
    Silverman, B. W. (1985). Some aspects of the spline smoothing approach to non-parametric regression curve
    fitting. *Journal of the Royal Statistical Society B* 47(1), 1-52. https://doi.org/10.1111/j.2517-6161.1985.tb01327.x

    Examples
    --------
    >>> load_motorcycle()
    <Dataset motorcycle: acceleration from time; 94 rows>
    """
    return _read(
        "motorcycle",
        "acceleration",
        "Head acceleration (g) against time after impact (ms) in simulated motorcycle crashes, "
        "measured to test helmets.",
    )


def load_breast_cancer() -> Dataset:
    """Tumours described by 30 measurements of their cell nuclei: 569 rows, for binary classification.

    The response `malignant` is 1 for the 212 malignant tumours and 0 for the 357 benign ones.

    References
    ----------
    Wolberg, W., Mangasarian, O., Street, N. and Street, W. (1993). Breast Cancer Wisconsin (Diagnostic).
    UCI Machine Learning Repository. https://doi.org/10.24432/C5DW2B

    Examples
    --------
    >>> load_breast_cancer().y.value_counts().to_dict()
    {0: 357, 1: 212}
    """
    return _read(
        "breast_cancer",
        "malignant",
        "Whether a breast tumour is malignant, from the shape of its cell nuclei in an image of a fine needle "
        "aspirate: mean, standard error and worst value of ten measurements.",
    )


def load_penguins(*, categorical: bool = False) -> Dataset:
    """Three species of penguins from body measurements: 333 rows, for multi-class classification.

    Parameters
    ----------
    categorical : bool
        Also give the text columns `island` and `sex`, which need an embedding layer.

    References
    ----------
    Gorman, K. B., Williams, T. D. and Fraser, W. R. (2014). Ecological sexual dimorphism and environmental
    variability within a community of Antarctic penguins (genus *Pygoscelis*). *PLoS ONE* 9(3), e90081.
    https://doi.org/10.1371/journal.pone.0090081

    Examples
    --------
    >>> load_penguins()
    <Dataset penguins: species from bill_length_mm, bill_depth_mm, flipper_length_mm, body_mass_g; 333 rows>
    >>> load_penguins(categorical=True).X["island"].unique().tolist()
    ['Torgersen', 'Biscoe', 'Dream']
    """
    return _read(
        "penguins",
        "species",
        "Species of adult penguins near Palmer Station, Antarctica, 2007-2009, from body measurements "
        "(mm and g).",
        leave_out=() if categorical else ("island", "sex"),
    )


def _read(name: str, target: str, description: str, leave_out: tuple[str, ...] = ()) -> Dataset:
    here = Path(__file__).parents[1]
    # Inside the package when it was installed from a wheel, beside it in a checkout.
    places = [folder / "data" / f"{name}.csv" for folder in (here, here.parent)]
    file = next((place for place in places if place.is_file()), None)
    if file is None:
        raise FileError(f"load_{name}: no file at {places[0]} nor {places[1]}; install pbnn again.")
    table = pd.read_csv(file).drop(columns=list(leave_out))
    return Dataset(name, table.drop(columns=target), table[target], description)
