"""In a process of its own: open spoilt indexes, ask everything that a reader can ask, and tell what came of each.

    python -m tests.reliability.reading_damaged INDEX OTHER FIRST STEP LAST

Prints a line before each case and one after it, so that whoever reads along knows which case has ended the process.
"""

from __future__ import annotations

import hashlib
import logging
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from indexer.errors import ReidIndexError
from indexer.index_file import IndexFile
from indexer.inspection import statistics
from indexer.schema import COLUMNS, MAPPED_INTEGERS
from sampler_runtime.batch_sampler import PKBatchSampler
from sampler_runtime.mapped import MappedIndex, open_index
from tests.reliability.damages import damage, regions_of


def questions(index: MappedIndex) -> Iterator[tuple[str, Callable[[], object]]]:
    """All that can be asked of an index, by name."""
    file, rows = index.file, range(len(index))
    every = np.arange(len(index))
    yield "metadata", lambda: index.metadata.to_json()
    for name in MAPPED_INTEGERS:
        yield name, lambda name=name: index.column(name).tobytes()  # type: ignore[misc]
    yield "path", lambda: [index.path_of(row) for row in rows]
    for column in COLUMNS:
        if not column.mapped and file.has(column.name):
            yield column.name, lambda name=column.name: index.file.table([name])[name].to_pylist()  # type: ignore[misc]
    yield "labels", lambda: index.labels("identity", every)
    yield "captions of", lambda: [index.captions_of(row) for row in rows]
    yield "aligned of", lambda: [index.aligned_of(row) for row in rows]
    yield "box of", lambda: [index.box_of(row) for row in rows]
    for name in index.query_sets:
        yield f"queries of {name}", lambda name=name: [r.tolist() for r in index.query_set(name).rows]  # type: ignore[misc]
    yield "pids", lambda: index.pids.tolist()
    yield "rows for", lambda: index.file.has("box") or index.rows_for([index.path_of(0)]).tolist()
    yield "train", lambda: len(index.select(split="train"))
    yield "beside", lambda: (told := file.beside()) and told.to_pylist()
    yield "batches", lambda: _batches(index, "any", 3, 2)
    yield "paired batches", lambda: _batches(index, "pair", 2, 4)
    yield "statistics", lambda: repr(statistics(file).splits)


def _batches(index: MappedIndex, each: str, p: int, k: int) -> list[object]:
    sampler = PKBatchSampler(index.select(split="train"), p, k, each=each)
    return [batch for _, batch in zip(range(3), sampler, strict=False)]


def answers(path: Path) -> dict[str, str]:
    """The answers as digests; `error: …` where reidindex refuses, `raw: …` where anything else was raised."""
    index = _asked(lambda: open_index(path))
    if isinstance(index, str):
        return {"open": index}
    assert isinstance(index, MappedIndex)
    return {"open": "", **{name: _digest(_asked(ask)) for name, ask in questions(index)}}


def _asked(ask: Callable[[], object]) -> object:
    try:
        return ask()
    except ReidIndexError as error:
        return f"error: {error}"
    except Exception as error:
        return f"raw: {type(error).__name__}: {error}"


def _digest(answer: object) -> str:
    if isinstance(answer, str) and answer.startswith(("error: ", "raw: ")):
        return answer
    return hashlib.sha256(repr(answer).encode(errors="surrogatepass")).hexdigest()


def verdict(truth: dict[str, str], found: dict[str, str]) -> str:
    """`same`, `refused`, or what is wrong."""
    wrong = [
        f"{name}: {value if value.startswith('raw: ') else 'other data'}"
        for name, value in found.items()
        if value.startswith("raw: ") or (not value.startswith("error: ") and truth.get(name) != value)
    ]
    if wrong:
        return "; ".join(wrong)[:500].replace("\n", " ")
    return "same" if found == truth else "refused"


def main(index: Path, other: Path, first: int, step: int, last: int) -> None:
    """Try the cases of some numbers."""
    logging.disable()
    IndexFile(index, verify="full")
    truth, regions = answers(index), regions_of(index)
    assert not [value for value in truth.values() if value.startswith(("error: ", "raw: "))], truth
    whole, foreign = index.read_bytes(), other.read_bytes()
    with tempfile.TemporaryDirectory() as folder:
        spoilt = Path(folder, "spoilt.parquet")
        for number in range(first, last, step):
            case = damage(whole, regions, foreign, number)
            _say("try", number, case.kind, case.region)
            spoilt.unlink(missing_ok=True)  # a file that is mapped is never written over
            spoilt.write_bytes(case.content)
            _say("got", verdict(truth, answers(spoilt)))


def _say(*words: object) -> None:
    sys.stdout.write("\t".join(map(str, words)) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *map(int, sys.argv[3:6]))
    os._exit(0)  # what threads of Arrow do while an interpreter ends is not what is looked at here
