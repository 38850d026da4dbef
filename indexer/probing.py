"""Samples -> what their files hold: width, height and mode of the pictures, digests of the content.

The only part of a build that opens samples, and only when it is asked to. What an earlier index knows of a file that has
not changed since is not looked up again.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from indexer.errors import Problem
from indexer.looking import looked
from indexer.opening import Looked
from indexer.samples import Samples
from indexer.scan.listing import printable
from indexer.vocabulary import TEXT

PICTURE_COLUMNS: Final = {"width": pa.int32(), "height": pa.int32(), "mode": pa.string()}
HASH_COLUMNS: Final = {"content_hash": pa.binary(16)}
_MOST_NAMED: Final = 20


@dataclass(frozen=True)
class Probe:
    """What is to be found out of every sample's file."""

    pictures: bool = False
    """Width, height and mode."""
    hashes: bool = False
    """Digest of the content: the whole file is read."""
    jobs: int = 1
    """Processes that read."""

    def __bool__(self) -> bool:
        return self.pictures or self.hashes

    @property
    def columns(self) -> dict[str, pa.DataType]:
        """The columns of the index that it fills."""
        return (PICTURE_COLUMNS if self.pictures else {}) | (HASH_COLUMNS if self.hashes else {})


@dataclass(frozen=True)
class Probed:
    """What was found."""

    files: pa.Table
    """`path`, each once, and the columns of the probe."""
    opened: int
    problems: list[Problem]


def available_cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def probe_samples(
    samples: Samples,
    root: Path,
    probe: Probe,
    *,
    links_outside: bool = False,
    known: pa.Table | None = None,
    on_progress: Callable[[int], None] = lambda files: None,
) -> Probed:
    """Look into the file of every sample, and write what is found to `samples.probed`.

    Args:
        samples: One a file, or several of one file; aligned ones not yet joined.
        root: The folder that paths are relative to.
        probe: What is wanted.
        links_outside: Whether links may lead out of the folder.
        known: What need not be looked up: `path` and the columns of the probe.
        on_progress: Told how many files have been opened.

    Raises:
        TreeError: A reading process could not be started, or was killed.
    """
    encoded = samples.path.dictionary_encode()
    paths, of_file = encoded.dictionary, encoded.indices
    has_picture = np.zeros(len(paths), bool)
    of_pictures = pc.fill_null(pc.not_equal(samples.fields["modality"], TEXT), True)  # untold: a picture
    has_picture[of_file.filter(of_pictures).to_numpy()] = True
    earlier = np.full(len(paths), -1)
    if known is not None:
        found_there = pc.index_in(paths, value_set=known["path"].combine_chunks())
        earlier = pc.fill_null(found_there, -1).to_numpy(zero_copy_only=False)
    opened = np.flatnonzero(earlier < 0)
    names = paths.take(pa.array(opened)).to_pylist()
    found: list[Looked] = []
    headers = (has_picture[opened] & probe.pictures).tolist()
    with closing(
        looked(root, names, headers, hashes=probe.hashes, links_outside=links_outside, jobs=probe.jobs)
    ) as looking:
        for some in looking:
            found += some
            on_progress(len(found))
    place = np.where(earlier >= 0, earlier + len(opened), 0)
    place[opened] = np.arange(len(opened))
    by_file = {"path": paths}
    for name, kind in probe.columns.items():
        values = [pa.array([getattr(one, name) for one in found], kind)]
        if known is not None:
            values.append(known[name].combine_chunks().cast(kind))
        by_file[name] = pa.concat_arrays(values).take(pa.array(place))
    samples.probed = {name: by_file[name].take(of_file) for name in probe.columns}
    return Probed(pa.table(by_file), len(names), _faults(names, found))


def _faults(names: list[str], found: list[Looked]) -> list[Problem]:
    faults = [(name, one.fault) for name, one in zip(names, found, strict=True) if one.fault is not None]
    problems = [
        Problem("image", printable(name), f"{fault}: kept, nothing is known of it")
        for name, fault in faults[:_MOST_NAMED]
    ]
    if len(faults) > _MOST_NAMED:
        rest = len(faults) - _MOST_NAMED
        problems.append(Problem("image", "and others", f"{rest:,} more files could not be read", rest))
    return problems
