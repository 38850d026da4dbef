"""Rows of a view -> what the index tells of them, and what of them can be seen. Opens no sample."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexer.vocabulary import TEXT
from sampler_runtime.joint import JointIndex
from sampler_runtime.mapped import MappedIndex
from sampler_runtime.picture_sources import sources_of
from sampler_runtime.showing.sheet import Panel, SampleFacts
from sampler_runtime.view import IndexView

_WORDS = ("identity", "camera", "split", "source")


def samples_at(view: IndexView, rows: Iterable[int]) -> dict[int, SampleFacts]:
    """Row → what there is to say of it; of -1, nothing.

    Args:
        view: An index, a view of one, or several side by side.
        rows: Rows of it, in any order, more than once if need be.
    """
    wanted = sorted({int(row) for row in rows if row >= 0})
    by_part: dict[int, tuple[MappedIndex, list[int], list[int]]] = {}
    for row in wanted:
        part, own = view.locate(row)
        _, here, there = by_part.setdefault(id(part), (part, [], []))
        here.append(row)
        there.append(own)
    named = isinstance(view, JointIndex)  # its parts are the sources
    names = view.labels("source", np.array(wanted, np.int64)) if named else []
    sources = dict(zip(wanted, names, strict=False))
    found = {}
    for part, here, there in by_part.values():
        for row, told in zip(here, _told(part, np.array(there, np.int64)), strict=True):
            found[row] = _facts(view, part, row, told, sources.get(row, told["source"]))
    return found


def _told(part: MappedIndex, rows: NDArray[np.int64]) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = part.file.take(list(_WORDS), part.index_rows(rows)).to_pylist()
    for one, row in zip(told, rows.tolist(), strict=True):
        for name in ("view", "tracklet", "frame", "clothes"):
            one[name] = part.value(name, row)
        # As a dataset asks for them: paths are mapped, and sets and sentences are decoded only where some sample has any.
        one |= {"path": part.path_of(row), "modalities": part.modalities_of(row), "captions": part.captions_of(row)}
        one["panels"] = _panels(part, row, one["captions"])
    return told


def _facts(view: IndexView, part: MappedIndex, row: int, told: dict[str, Any], source: str | None) -> SampleFacts:
    camera = told["camera"]
    words = f"{source}/{camera}" if source and camera else camera
    first, *others = told["panels"]
    return SampleFacts(
        row=row,
        path=told["path"],
        pid=view.value("pid", row),
        identity=told["identity"],
        modalities=told["modalities"],
        camera=words,
        split=told["split"],
        source=source,
        view=part.metadata.views[told["view"]] if told["view"] else None,
        captions=tuple(told["captions"]),
        panels=(replace(first, camera=words), *others),
        **{name: told[name] if told[name] >= 0 else None for name in ("tracklet", "frame", "clothes")},
    )


def _panels(part: MappedIndex, row: int, captions: Sequence[str]) -> tuple[Panel, ...]:
    """What can be seen of a sample: as `IndexDataset` reads it."""
    seen = tuple(Panel(modality, source) for modality, source in sources_of(part, row).items())
    return seen or (Panel(TEXT, sentence=" / ".join(captions)),)
