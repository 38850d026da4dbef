"""An index that other processes open."""

from __future__ import annotations

import pytest

from tests.populations import Sample, index_of

collect_ignore_glob = ["programs/*.py"]  # they import what may not be installed


@pytest.fixture(scope="session")
def people(tmp_path_factory):
    """38 identities with 1 to 5 samples: nine batches of four, and two identities wait."""
    population = [Sample(f"{i}", ("rgb",)) for i in range(38) for _ in range(1 + i % 5)]
    return index_of(population, tmp_path_factory.mktemp("people"))
