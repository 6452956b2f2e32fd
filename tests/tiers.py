"""Which cases of a test run always, which in CI, and which at night."""

from collections.abc import Iterable
from typing import Any

import pytest


def tiers(names: Iterable[str], quick: Iterable[str], slow: Iterable[str] = ()) -> list[Any]:
    """Return names for `parametrize`: `quick` ones run always, `slow` ones in CI, all others at night."""
    quick, slow = set(quick), set(slow)
    left = [name for name in (*quick, *slow) if name not in set(names)]
    assert not left, f"no such cases: {left}"

    def case(name: str) -> Any:
        if name in quick:
            return name
        return pytest.param(name, marks=pytest.mark.slow if name in slow else pytest.mark.nightly)

    return [case(name) for name in names]
