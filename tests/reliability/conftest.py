"""Fixtures that the files of this folder share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.reliability.warm import Warm


@pytest.fixture(scope="session")
def warm() -> Iterator[Warm]:
    """What runs the command line again and again, in processes that start quickly."""
    process = Warm()
    yield process
    process.close()
