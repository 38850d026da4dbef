"""Re-identification datasets -> one Parquet index.

Scan a dataset once, and everything after it reads one small file: which samples there are, whose, from which camera,
in which modality and split.

    from indexer import build_index
    report = build_index("data/")

The way of the data is the way through the files: `scan` lists the tree, `layouts` tells what its names mean,
`samples` holds what they tell, `table` numbers and orders it, `index_file` writes and maps it; `build` composes them
and `inspection` counts. `schema` is the contract with `sampler_runtime`. Never imports torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from indexer.account import BuildReport
    from indexer.build import build_index
    from indexer.errors import ReidIndexError
    from indexer.index_file import IndexFile
    from indexer.inspection.statistics import Statistics, statistics

__all__ = ["BuildReport", "IndexFile", "ReidIndexError", "Statistics", "build_index", "statistics"]

_HOME = {
    "BuildReport": "indexer.account",
    "IndexFile": "indexer.index_file",
    "ReidIndexError": "indexer.errors",
    "Statistics": "indexer.inspection.statistics",
    "build_index": "indexer.build",
    "statistics": "indexer.inspection.statistics",
}


def __getattr__(name: str) -> Any:
    # Late: `reidindex --help` runs this file, and pyarrow alone takes longer to import than the help may take.
    if name not in _HOME:
        raise AttributeError(f"module 'indexer' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return __all__
