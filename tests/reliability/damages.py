"""The bytes of an index -> its regions, and one of thousands of ways to spoil them: the same for the same number."""

from __future__ import annotations

import random  # noqa: TID251 - seeded by the number of a damage
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow.parquet as pq

from indexer.index_file import IndexFile
from indexer.page_headers import Header
from indexer.seal import Chunk

SECTOR: Final = 512
KINDS: Final = ("flip",) * 8 + ("cut", "zeroed", "swapped", "appended", "spliced", "half")


@dataclass(frozen=True)
class Region:
    """Bytes with one meaning."""

    name: str
    start: int
    stop: int


@dataclass(frozen=True)
class Damage:
    """One way in which a file was spoilt."""

    kind: str
    region: str
    content: bytes


def regions_of(path: Path) -> list[Region]:
    """Every byte of an index file, region by region."""
    content, footer = path.read_bytes(), pq.read_metadata(path)
    found = [Region("magic", 0, 4)]
    data = np.frombuffer(content, np.uint8)
    for number in range(footer.num_row_groups):
        for i in range(footer.num_columns):
            column = footer.row_group(number).column(i)
            chunk = Chunk.of(column)
            at = chunk.start
            while at < chunk.stop:
                header = Header(data, at)
                page = header.struct()
                kind = "dictionary" if page[1] == 2 else "values"
                name = column.path_in_schema.partition(".")[0]
                found.append(Region(f"{name} header", at, header.at))
                found.append(Region(f"{name} {kind}", header.at, at := header.at + page[3]))
    index = IndexFile(path)
    if (place := index.metadata.beside) is not None and index.sealed:
        found.append(Region("beside", place.start, place.start + place.size))
    length = int.from_bytes(content[-8:-4], "little")
    end = len(content) - 8 - length
    if index.sealed:
        count = int.from_bytes(content[end - 44 : end - 40], "little")
        found += [
            Region("seal checksums", end - 44 - 4 * count, end - 44),
            Region("seal count", end - 44, end - 40),
            Region("seal sha256", end - 40, end - 8),
            Region("seal word", end - 8, end),
        ]
    found += [
        Region("footer", end, len(content) - 8),
        Region("footer length", len(content) - 8, len(content) - 4),
        Region("tail", len(content) - 4, len(content)),
    ]
    return sorted((region for region in found if region.start < region.stop), key=lambda region: region.start)


def damage(content: bytes, regions: list[Region], other: bytes, number: int) -> Damage:
    """The damage of a number: regions in turn, a kind and a place by lot.

    Args:
        content: Of the file.
        regions: Of the file.
        other: Bytes of another index.
        number: From 0 on.
    """
    rng = random.Random(number)
    names = sorted({region.name for region in regions})
    region = rng.choice([region for region in regions if region.name == names[number % len(names)]])
    kind, at = rng.choice(KINDS), rng.randrange(region.start, region.stop)
    spoilt = bytearray(content)
    sector = at - at % SECTOR
    if kind == "flip":
        for place in {at, *(rng.randrange(region.start, region.stop) for _ in range(rng.choice((0, 0, 0, 2))))}:
            spoilt[place] ^= 1 << rng.randrange(8)
    elif kind == "cut":
        del spoilt[at:]
    elif kind == "zeroed":
        spoilt[sector : sector + SECTOR] = bytes(len(spoilt[sector : sector + SECTOR]))
    elif kind == "swapped":
        there = rng.randrange(max(len(content) // SECTOR, 1)) * SECTOR
        a, b = content[sector : sector + SECTOR], content[there : there + SECTOR]
        size = min(len(a), len(b))
        spoilt[sector : sector + size], spoilt[there : there + size] = b[:size], a[:size]
    elif kind == "appended":
        spoilt += rng.choice((rng.randbytes(rng.randrange(1, 600)), other, bytes(SECTOR)))
    elif kind == "spliced":
        size = rng.randrange(1, 2 * SECTOR)
        piece = other[at : at + size] or other[:size]
        spoilt[at : at + len(piece)] = piece[: len(spoilt) - at]
    else:  # half: the rest was never written
        spoilt[at:] = bytes(len(spoilt) - at)
    return Damage(kind, region.name, bytes(spoilt))
