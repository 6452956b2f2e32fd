"""What the fields of a likelihood may hold."""

from pbnn.errors import SpecError, unknown
from pbnn.spec.numbers import as_number, require_numbers
from pbnn.spec.priors import check_positive_prior


def check_noise(owner: object, *, words: tuple[str, ...] = ()) -> None:
    """Raise `SpecError` unless `noise` is a positive number, a prior on such, or one of `words`."""
    name, noise = type(owner).__name__, owner.noise  # type: ignore[attr-defined]
    number = as_number(noise)
    if isinstance(noise, str):
        if noise not in words:
            raise SpecError(unknown(name, "noise", noise, words))
    elif number is None:
        check_positive_prior(f"{name}: noise", noise)
    else:
        require_numbers(owner, "noise", positive=True)


def check_positive(owner: object, name: str) -> None:
    """Raise `SpecError` unless the field holds a positive number, or a prior on such."""
    value = getattr(owner, name)
    if as_number(value) is None:
        check_positive_prior(f"{type(owner).__name__}: {name}", value)
    else:
        require_numbers(owner, name, positive=True)
