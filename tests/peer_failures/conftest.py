"""An index as datasets are."""

from __future__ import annotations

import pytest

from tests.peer_failures.people import LONG_TAIL
from tests.populations import index_of


@pytest.fixture(scope="module")
def long_tail():
    return index_of(LONG_TAIL)
