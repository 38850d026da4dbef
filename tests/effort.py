"""How many examples a law is tried on: the gate tries all, and the same each time; a developer's machine a third, other ones each time."""

from __future__ import annotations

import os
from typing import Any

from hypothesis import settings

IN_THE_GATE = bool(os.environ.get("CI"))
USUAL = 60


def examples(most: int, **more: Any) -> settings:
    """The settings of a law that is worth so many examples.

    Args:
        most: Examples that the gate tries.
        more: Other settings of Hypothesis.
    """
    return settings(max_examples=most if IN_THE_GATE else max(most // 3, 4), **more)
