"""Lists of (path, pid, camid) for torchreid and fast-reid, and a dataset class that reads them.

What the two do with such tuples: pids of train are class numbers, so they count from 0; a gallery image with the query's pid
*and* camid is dropped before ranking, so a camera that nobody told must never equal another.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from indexer.errors import SettingsError
from indexer.export.chosen import Chosen, Export
from indexer.layouts.rules import is_image

LOADER: Final = "reid_dataset.py"
LISTS: Final = ("train", "query", "gallery")
MARK: Final = "Written by `reidindex export --to torchreid`"
_NO_IMAGE: Final = "no image (text)"
_JUNK: Final = "junk, which torchreid passes over too"
_NOBODY: Final = "nobody known, in a list of known people"
_ODD_NAME: Final = "a tab or a line break in the path"


def is_ours(file: Path) -> bool:
    """Whether a file is the loader that we wrote, or a list beside one."""
    loader = file if file.name == LOADER else file.with_name(LOADER)
    try:
        return MARK.encode() in loader.read_bytes()[:4096]
    except OSError:
        return False


def export_torchreid(chosen: dict[str, Chosen], folder: Path, name: str) -> Export:
    """`train.txt`, `query.txt`, `gallery.txt` and `reid_dataset.py`.

    Args:
        chosen: The samples of each of `LISTS`.
        folder: Where the files will lie.
        name: What the dataset is to be called in torchreid.

    Raises:
        SettingsError: A list would be empty: torchreid fails over an empty one.
    """
    left_out: dict[str, int] = {}
    kept = {part: _keep(part, samples, left_out) for part, samples in chosen.items()}
    for part in LISTS:
        if not len(kept[part]):
            had = len(chosen[part])
            why = f"none of its {had:,} samples can be in a list ({_told(left_out)})" if had else "it has no samples"
            raise SettingsError(
                f"--to torchreid: {part} would be empty: {why}; torchreid needs all of {', '.join(LISTS)}"
            )
    root = Path(os.path.relpath(chosen["train"].root, folder.resolve())).as_posix()
    loader = resources.files("indexer.export").joinpath("reid_dataset.txt").read_text(encoding="utf-8")
    word = "reidindex_" + (re.sub(r"\W+", "_", name).strip("_").lower() or "dataset")  # theirs has a market1501 already
    loader = loader.replace("%MARK%", MARK).replace("%NAME%", repr(word)).replace("%ROOT%", repr(root))
    files = {f"{part}.txt": _lines(part, kept[part]) for part in LISTS}
    return Export(
        {**files, LOADER: iter([loader.encode()])},
        sum(map(len, kept.values())),
        left_out,
        tuple(_notes(kept, word)),
    )


def _keep(part: str, chosen: Chosen, left_out: dict[str, int]) -> Chosen:
    role = chosen.column("role")
    pid = chosen.numbers("pid")
    path = chosen.column("path")
    distractor = pc.fill_null(pc.equal(role, "distractor"), False).to_numpy(zero_copy_only=False)
    reasons: dict[str, NDArray[np.bool_]] = {
        _NO_IMAGE: chosen.is_text | ~is_image(pc.ascii_lower(path)),
        _JUNK: pc.fill_null(pc.equal(role, "junk"), False).to_numpy(zero_copy_only=False),
        # a distractor belongs in the gallery, and -1 is no query's pid
        _NOBODY: (pid < 0) & ~(distractor & (part == "gallery")),
        _ODD_NAME: pc.match_substring_regex(path, r"[\t\r\n]").to_numpy(zero_copy_only=False),
    }
    stay = np.ones(len(chosen), bool)
    for reason, which in reasons.items():
        if number := int(np.count_nonzero(stay & which)):
            left_out[reason] = left_out.get(reason, 0) + number
        stay &= ~which
    return chosen.keep(stay)


def _lines(part: str, kept: Chosen) -> Iterator[bytes]:
    """`path<TAB>pid<TAB>camid`: a path may hold spaces."""
    pid = kept.numbers("pid").astype(np.int64)
    if part == "train":
        pid = np.unique(pid, return_inverse=True)[1].reshape(
            -1
        )  # class numbers: as they are, but for odd choices of splits
    columns = (pa.array(pid).cast(pa.string()), pa.array(kept.numbers("camid")).cast(pa.string()))
    text = pc.binary_join_element_wise(kept.column("path"), *columns, "\t")
    for start in range(0, len(text), 100_000):
        yield "".join(f"{line}\n" for line in text.slice(start, 100_000).to_pylist()).encode()


def _notes(kept: dict[str, Chosen], word: str) -> list[str]:
    notes = [
        f"import {LOADER.removesuffix('.py')} registers {word!r}: ImageDataManager(sources={word!r}), or DATASETS.NAMES of fast-reid"
    ]
    unknown = {part: np.unique(kept[part].numbers("pid")[kept[part].numbers("camid") < 0]) for part in LISTS}
    alike = np.intersect1d(unknown["query"], unknown["gallery"])
    if len(alike[alike >= 0]):
        notes.append(
            f"people with queries and gallery images of no known camera: {len(alike[alike >= 0]):,}; {LOADER} makes -2 of camid -1 in the gallery, "
            "and a reader of your own must do so too, or torchreid takes both for one camera and drops the match"
        )
    if np.any(kept["train"].numbers("camid") < 0):
        notes.append(
            "training images of no known camera have camid -1, which counts as one more camera (domain samplers draw from it)"
        )
    partners = sum(len(part.partners()[0]) for part in kept.values())
    if partners:
        notes.append(f"further files of aligned sets: {partners:,}; they are in no list, a tuple has one path")
    return notes


def _told(left_out: dict[str, int]) -> str:
    return ", ".join(f"{number:,} {reason}" for reason, number in left_out.items()) or "nothing left"
