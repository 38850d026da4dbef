"""How much is tried: the gate runs everything, the same each time; a developer's machine a third of many like examples, in minutes;
`make soak` what takes long."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any, TypeVar

import pytest
from hypothesis import settings

Case = TypeVar("Case")

IN_THE_GATE = bool(os.environ.get("CI"))
IN_A_SOAK = bool(os.environ.get("SOAK"))
USUAL = 60


def examples(most: int, **more: Any) -> settings:
    """The settings of a law that is worth so many examples.

    Args:
        most: Examples that the gate tries.
        more: Other settings of Hypothesis.
    """
    return settings(max_examples=most if IN_THE_GATE else max(most // 3, 4), **more)


gate_only = pytest.mark.skipif(not IN_THE_GATE, reason="takes long: the gate runs it, and `CI=1 make test`")


def some(cases: Iterable[Case]) -> list[Case]:
    """All of many like cases in the gate, every third on a developer's machine."""
    return list(cases)[:: 1 if IN_THE_GATE else 3]


def times(usual: int, gate: int, soak: int) -> int:
    """How often something is tried that is worth trying as often as there is time: on a developer's machine, in the gate, in a soak."""
    return soak if IN_A_SOAK else gate if IN_THE_GATE else usual
