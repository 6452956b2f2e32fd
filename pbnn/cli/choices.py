"""Words from the command line to specs and options, and the likelihood that a target column suggests."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, final

import pandas as pd

from pbnn.errors import DataError, FileError, MethodError, SpecError, unknown
from pbnn.infer.methods import Method, as_method, method_name
from pbnn.spec import likelihoods
from pbnn.spec.layers import Dense, Embedding, Layer
from pbnn.spec.likelihoods import Likelihood
from pbnn.spec.network import Network


def dashed(name: str) -> str:
    """Write a name as the command line does: `StudentT` as `student-t`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()


LIKELIHOODS: Mapping[str, type] = {dashed(name): cls for name, cls in likelihoods.LIKELIHOODS.items()}
LABELS = ("bernoulli", "categorical", "ordinal")
SMALL_COUNT = 20
"""With a mean above it, counts are told from continuous numbers by nothing but their being whole."""
MOST_CATEGORIES = 50


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the user of `pbnn fit` asked for, in words."""

    hidden: str = "20"
    activation: str = "tanh"
    likelihood: str | None = None
    noise: str | None = None
    event: str | None = None
    entry: str | None = None
    categorical: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    network: Path | None = None
    method: str = "mclmc"
    counts: Mapping[str, int | None]
    settings: tuple[str, ...] = ()
    seed: int | None = None
    store: Path | None = None


def layers_from(hidden: str, activation: str, categories: Iterable[str]) -> list[Layer]:
    """Return an embedding for each column of categories, then a dense layer for each width in `"50,50"`."""
    try:
        widths = [int(word) for word in hidden.split(",") if word.strip()]
    except ValueError:
        raise SpecError(f"fit: --hidden must be whole numbers such as 50,50; got {hidden!r}.") from None
    dense = [] if widths == [0] else [Dense(width, activation) for width in widths]  # type: ignore[arg-type]
    return [*(Embedding(name) for name in categories), *dense]


def network_from(path: Path, wishes: Wishes) -> Network:
    """Read a network from a file that holds what `Network.to_json` wrote.

    Raises
    ------
    FileError
        If the file is missing or not readable as text.
    SpecError
        If it describes no network, or another option says what it should be.
    """
    usual = Wishes(counts={})
    for name in ("hidden", "activation", "likelihood", "noise"):
        if getattr(wishes, name) != getattr(usual, name):
            raise SpecError(f"fit: --network says it all; leave out --{name}, or change it in {path}.")
    return read_network(path)


def read_network(path: Path) -> Network:
    """Read a network, or one with open fields, from a file that holds what `Network.to_json` wrote.

    Raises
    ------
    FileError
        If the file is missing or not readable as text.
    SpecError
        If it describes no network.
    """
    if not path.is_file():
        raise FileError(f"{path}: {'is a folder' if path.is_dir() else 'no such file'}.")
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise FileError(f"{path}: not readable as text ({error}).") from error
    try:
        return Network.from_json(text)
    except SpecError as error:
        raise SpecError(
            f"{path}: {error} Write the file with Path({path.name!r}).write_text(network.to_json())."
        ) from error


def suggest_likelihood(y: pd.Series) -> tuple[str, str]:
    """Return the name of a likelihood that suits a column, and why."""
    n = y.nunique()
    if n == 2:
        return "bernoulli", f"two values, {' and '.join(map(repr, sorted(y.unique().tolist(), key=str)))}"
    if not pd.api.types.is_numeric_dtype(y):
        return "categorical", f"{n} labels"
    if pd.api.types.is_integer_dtype(y) and y.min() >= 0 and y.mean() < SMALL_COUNT:
        return "poisson", f"whole numbers from {y.min()} to {y.max()}, so counts"
    return "gaussian", f"numbers from {y.min():g} to {y.max():g}"


def likelihood_from(text: str, noise: str | None) -> Likelihood:
    """Return the likelihood of that name; fields may follow it, as in `binomial:n=5` or `gamma:shape=2,...`."""
    name, _, settings = text.partition(":")
    if name not in LIKELIHOODS:
        raise SpecError(unknown("fit", "likelihood", name, LIKELIHOODS))
    cls = LIKELIHOODS[name]
    known = [field.name for field in fields(cls)]
    wanted: dict[str, Any] = {} if noise is None else {"noise": noise}
    if noise is not None and "noise" not in known:
        having = [n for n, c in LIKELIHOODS.items() if "noise" in {f.name for f in fields(c)}]
        raise SpecError(f"fit: --noise is for {', '.join(having)}; the likelihood is {name}.")
    for setting in filter(None, settings.split(",")):
        key, equals, value = setting.partition("=")
        if not equals or key.strip() not in known:
            has = f"its fields are {', '.join(known)}" if known else "it has no fields"
            order = " Write labels in order as 'order=low<mid<high'." if "order" in known else ""
            raise SpecError(
                f"fit: --likelihood {name} takes NAME:FIELD=VALUE, and {has}; got {setting!r}.{order}"
            )
        wanted[key.strip()] = value.strip()
    return cls(**{key: _field(value) for key, value in wanted.items()})


def _field(text: str) -> Any:
    """Return a number, a sequence of labels written `low<mid<high`, or a word."""
    if "<" in text:
        return tuple(_value(label.strip()) for label in text.split("<"))
    return _value(text)


def require_suited(likelihood: str, y: pd.Series, path: object) -> None:
    """Raise `DataError` if the target holds labels, and the likelihood is for numbers, or for two labels only."""
    n = y.nunique()
    suited = "bernoulli" if n == 2 else "categorical"
    likelihood = likelihood.partition(":")[0]
    if likelihood not in LABELS and not pd.api.types.is_numeric_dtype(y):
        needs = f"holds text ({y.iloc[0]!r}), and {likelihood} needs numbers"
    elif likelihood == "bernoulli" and n > 2:
        needs = f"has {n} different values, and bernoulli needs two"
    else:
        return
    raise DataError(f"{path}: column {y.name!r} {needs}; pass --likelihood {suited}.")


def require_categories(table: pd.DataFrame, names: Iterable[str], path: object) -> None:
    """Raise `DataError` if a text column holds so many texts that it names rows rather than groups them."""
    for name in names:
        n = table[name].nunique()
        if n > max(MOST_CATEGORIES, len(table) / 10) or n > 0.9 * len(table):
            raise DataError(
                f"{path}: column {name!r} holds {n} different texts in {len(table)} rows, too many for categories; "
                f"leave it out with --drop {name}."
            )


def method_from(name: str, counts: Mapping[str, int | None], settings: Iterable[str]) -> Method:
    """Return the options of a method: its defaults, and what the user set.

    Raises
    ------
    MethodError
        If the method has no such option (the known ones are listed), or the value is none for it.
    """
    method = as_method(name)
    known = [field.name for field in fields(method)]
    wanted: dict[str, Any] = {key: value for key, value in counts.items() if value is not None}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals:
            raise MethodError(f"fit: --set takes NAME=VALUE, such as {known[0]}=500; got {setting!r}.")
        wanted[key.strip()] = _value(value.strip())
    for key in wanted:
        if key not in known:
            raise MethodError(
                f"fit: {method_name(method)} has no option {key!r}; it has: {', '.join(known)}."
            )
    try:
        return replace(method, **wanted)
    except TypeError as error:
        raise MethodError(f"fit: {error}.") from error


def _value(text: str) -> Any:
    if text.lower() == "none":
        return None
    for read in (json.loads, float):
        try:
            return read(text)
        except ValueError:
            continue
    return text
