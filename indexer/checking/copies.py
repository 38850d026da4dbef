"""Contents that are filed twice: under two identities one of the labels is wrong, in training and held out they give the test away."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa

from indexer.checking.findings import Finding
from indexer.index_file import IndexFile
from indexer.inspection.duplicates import copied, gives_away
from indexer.inspection.runs import find_runs
from indexer.opening import content_hash
from indexer.sample_file import opened, real_file

_MOST_NAMED = 4


def copies(index: IndexFile, root: Path, *, on_progress: Callable[[int], None]) -> list[Finding]:
    """Look for copies, by the digests that the index tells, or by those of the files now.

    Args:
        index: The index.
        root: The folder that paths are relative to.
        on_progress: Told how many files have been read.
    """
    digests = index.table(["content_hash"])["content_hash"] if index.has("content_hash") else None
    plain = [name for name in index.metadata.splits if "/" not in name]
    found = []
    for one in copied(find_runs(index), digests or _read(index, root, on_progress), plain):
        others = ", ".join(one.paths[1:_MOST_NAMED]) + (", …" if len(one.paths) > _MOST_NAMED else "")
        if one.identities > 1:
            found.append(Finding("copy-identity", one.paths[0], f"the same as {others}: {one.identities} identities"))
        if gives_away(one.splits):
            found.append(Finding("copy-split", one.paths[0], f"the same as {others}: {' and '.join(one.splits)}"))
    return found


def _read(index: IndexFile, root: Path, on_progress: Callable[[int], None]) -> pa.ChunkedArray:
    """Digests of the rows' files as they are: of those only whose size another file has too."""
    table = index.table(["path", "size"])
    encoded = table["path"].combine_chunks().dictionary_encode()
    of_file = dict(zip(table["path"].to_pylist(), table["size"].to_pylist(), strict=True))
    often = {size for size, number in Counter(of_file.values()).items() if number > 1 or size < 0}
    digests = []
    for number, path in enumerate(encoded.dictionary.to_pylist()):
        if number % 100 == 0:
            on_progress(number)
        digests.append(_digest(index, root, path) if of_file[path] in often else None)
    return pa.chunked_array([pa.array(digests, pa.binary(16)).take(encoded.indices)])


def _digest(index: IndexFile, root: Path, path: str) -> bytes | None:
    try:
        with opened(real_file(root, path, links_outside=index.metadata.links_outside)) as stream:
            return content_hash(stream.read())
    except OSError:
        return None  # told already: it is gone, or no picture that can be read
