"""Fixtures that the files of this folder share."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.reliability.warm import Warm


@pytest.fixture(scope="session")
def warm() -> Iterator[Warm]:
    """What runs the command line again and again, in processes that start quickly."""
    process = Warm()
    yield process
    process.close()


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder that everybody may enter; pytest's own is closed anew by every run that begins."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)
