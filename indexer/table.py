"""Samples -> the index table in canonical order: text becomes numbers, by rules that depend on nothing but the text.

The same samples give the same table, whatever order the file system listed them in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from indexer.distinct import distinct
from indexer.errors import LayoutError, Problem
from indexer.samples import Samples, join_aligned
from indexer.schema import (
    BY_NAME,
    MAX_MODALITIES,
    UNKNOWN,
    IndexMetadata,
    Pairing,
    QuerySet,
    SplitRun,
    mask_names,
    modality_mask,
    schema_with,
)
from indexer.vocabulary import RGB, TEXT, modality_order, natural_key, split_order, standard_modality

_VIEWS: Final = ("front", "back", "side")
Integers = NDArray[np.int64]
Renumber = Callable[[Samples, NDArray[np.int32], int], tuple[NDArray[np.int32], int]]
"""Samples, their pids, and the number of these → other pids, and the number that all are below."""


@dataclass(frozen=True)
class IndexTable:
    """The canonical table and what only its making knows."""

    table: pa.Table
    modalities: tuple[str, ...]
    splits: tuple[str, ...]
    views: tuple[str, ...]
    split_runs: tuple[SplitRun, ...]
    identities: int
    problems: tuple[Problem, ...]
    query_sets: tuple[QuerySet, ...] = ()

    def metadata(self, tool: str, **more: Any) -> IndexMetadata:
        """The metadata document, of what the table tells.

        Args:
            tool: Program and version that makes it.
            more: Fields that only the maker knows: layout, fingerprint, root, …
        """
        told: dict[str, Any] = {
            "layout": "", "layout_digest": "", "fingerprint": "", "pairing": Pairing.default(self.modalities),
            "modalities": self.modalities, "splits": self.splits, "views": self.views, "split_runs": self.split_runs,
            "samples": self.table.num_rows, "identities": self.identities, "query_sets": self.query_sets,
        }  # fmt: skip
        return IndexMetadata(tool=tool, **{**told, **more})


def build_table(
    samples: Samples,
    *,
    modalities: Sequence[str] = (),
    default_protocol: str | None = None,
    renumber: Renumber | None = None,
) -> IndexTable:
    """Number, order and name everything.

    Args:
        samples: In path order.
        modalities: In bit order; those found beyond come after. Empty: those found, in canonical order.
        default_protocol: The protocol whose splits are also the plain ones.
        renumber: Gives other pids than the usual ones.

    Raises:
        LayoutError: More modalities than bits, or an aligned set that is none.
    """
    problems: list[Problem] = []
    samples.fields["modality"] = pc.fill_null(samples.fields["modality"], RGB)
    found = modality_order(pc.unique(samples.fields["modality"]).to_pylist() + ([TEXT] if samples.captions else []))
    names = (*modalities, *(m for m in found if m not in modalities))
    for name in names:
        if standard_modality(name) != name:
            raise LayoutError(f"modality {name!r}: a modality is one plain word, such as rgb, nir or sketch")
    if len(names) > MAX_MODALITIES:
        raise LayoutError(
            f"{len(names)} modalities, an index holds at most {MAX_MODALITIES}: {', '.join(names[:8])}, …"
        )
    strange = set(pc.unique(samples.fields["role"]).to_pylist()) - {None, "distractor", "junk"}
    if strange:
        raise LayoutError(f"role {min(strange)!r}: a sample's role is 'distractor' or 'junk', or there is none")
    samples, lacking = join_aligned(samples, names)
    if lacking:
        problems.append(
            Problem(
                "incomplete-set", "aligned sets", f"{lacking:,} lack one of the modalities that others have", lacking
            )
        )
    masks = _modality_masks(samples, names)
    splits, split_bits = _ordered_splits(samples, default_protocol)
    plain = tuple(name for name in splits if "/" not in name)
    default_bits = split_bits & np.uint64((1 << len(plain)) - 1)
    split_rank, num_ranks = _split_ranks(default_bits)
    pid, identities = _number_identities(samples, split_rank, num_ranks)
    if renumber is not None:
        pid, identities = renumber(samples, pid, identities)
    camid = _number_cameras(samples)
    # Listing order is path order, so a stable sort by the other keys leaves paths sorted within them.
    order = np.lexsort((camid, masks, pid, split_rank))
    samples = samples.take(order)
    table = pa.table(
        {
            "path": samples.path,
            "aligned": _or_null(samples.aligned, "aligned", len(order)),
            "captions": _or_null(samples.captions or None, "captions", len(order)),
            "identity": samples.fields["identity"].dictionary_encode(),
            "pid": pid[order],
            "role": samples.fields["role"].dictionary_encode(),
            "modality": _readable(masks[order], names),
            "modalities": masks[order],
            "camera": samples.fields["camera"].dictionary_encode(),
            "camid": camid[order],
            "split": _readable(default_bits[order], plain),
            "splits": split_bits[order],
            "view": _codes(samples.fields["view"], views := _views(samples)),
            "tracklet": _numbers(samples.fields["tracklet"], "tracklet", problems),
            "frame": _numbers(samples.fields["frame"], "frame", problems),
            "clothes": _numbers(samples.fields["clothes"], "clothes", problems),
            "source": samples.fields["source"].dictionary_encode(),
            "size": samples.size,
            "mtime_ns": samples.mtime_ns,
            **_optional(samples),
        }
    )
    schema = pa.schema([f for f in schema_with(table.column_names) if f.name != "path_end"])
    runs = _runs(default_bits[order], plain)
    return IndexTable(table.cast(schema), names, splits, views, runs, identities, tuple(problems), samples.query_sets)


def _optional(samples: Samples) -> dict[str, pa.Array]:
    """The columns that only some datasets have."""
    columns = {}
    if samples.box is not None:
        boxes = pa.ListArray.from_arrays(
            pa.array(np.arange(0, 4 * len(samples) + 1, 4, dtype=np.int32)), pa.array(samples.box.ravel())
        )
        columns["box"] = pc.if_else(pa.array(samples.box[:, 2] > 0), boxes, pa.nulls(len(samples), boxes.type))
    if samples.queries:
        columns["queries"] = pa.array([numbers or None for numbers in samples.queries], pa.list_(pa.int32()))
    columns |= {name: values.cast(BY_NAME[name].type) for name, values in samples.probed.items()}
    return columns


def _modality_masks(samples: Samples, names: Sequence[str]) -> NDArray[np.uint32]:
    encoded = samples.fields["modality"].dictionary_encode()
    bits = np.array([modality_mask([word], names) for word in encoded.dictionary.to_pylist()], np.uint32)
    masks: NDArray[np.uint32] = bits[encoded.indices.to_numpy()]
    if samples.aligned is not None:
        partners = samples.aligned.flatten()
        owners = np.repeat(
            np.arange(len(samples)),
            pc.fill_null(pc.list_value_length(samples.aligned), 0).to_numpy(zero_copy_only=False),
        )
        words = pc.struct_field(partners, "modality").dictionary_encode()
        bits = np.array([modality_mask([word], names) for word in words.dictionary.to_pylist()], np.uint32)
        np.bitwise_or.at(masks, owners, bits[words.indices.to_numpy()])
    if samples.captions:
        text = np.uint32(modality_mask([TEXT], names))
        masks[[row for row, captions in enumerate(samples.captions) if captions]] |= text
    return masks


def _ordered_splits(samples: Samples, default_protocol: str | None) -> tuple[tuple[str, ...], NDArray[np.uint64]]:
    """Split names in canonical order, and each sample's bits in that order."""
    marks = samples.splits
    if default_protocol is not None:
        for name in list(marks.names):
            protocol, _, split = name.rpartition("/")
            if protocol == default_protocol:
                marks.empty(split)
                marks.mark(np.flatnonzero(marks.rows_in(name)), [split])
    names = split_order(marks.names)
    bits = np.zeros(len(samples), np.uint64)
    for i, name in enumerate(names):
        bits[marks.rows_in(name)] |= np.uint64(1 << i)
    return tuple(names), bits


def _split_ranks(default_bits: NDArray[np.uint64]) -> tuple[Integers, int]:
    """Each sample's place among the combinations of default splits, train first and none last; and how many occur."""
    masks, codes = distinct(default_bits)

    def by_first_split(code: int) -> tuple[bool, list[int]]:
        mask = int(masks[code])
        return mask == 0, [i for i in range(64) if mask >> i & 1]

    rank = np.empty(len(masks), np.int64)
    rank[sorted(range(len(masks)), key=by_first_split)] = np.arange(len(masks))
    return rank[codes], len(masks)


def _number_identities(samples: Samples, split_rank: Integers, num_ranks: int) -> tuple[NDArray[np.int32], int]:
    """pids: by the first split an identity is in (train first), then by label in natural order."""
    keys = samples.identity_keys()
    somebody = pc.and_(pc.is_valid(keys), pc.is_null(samples.fields["role"])).to_numpy(zero_copy_only=False)
    encoded = keys.filter(pa.array(somebody)).dictionary_encode()
    codes = encoded.indices.to_numpy().astype(np.int64)
    first_rank = np.full(len(encoded.dictionary), num_ranks, np.int64)
    np.minimum.at(first_rank, codes, split_rank[somebody])
    order = np.lexsort((_natural_rank(encoded.dictionary.to_pylist()), first_rank))
    number = np.empty(len(order), np.int32)
    number[order] = np.arange(len(order), dtype=np.int32)
    pid = np.full(len(samples), UNKNOWN, np.int32)
    pid[somebody] = number[codes]
    return pid, len(order)


def _natural_rank(words: Sequence[str]) -> Integers:
    rank = np.empty(len(words), np.int64)
    rank[sorted(range(len(words)), key=lambda i: natural_key(words[i]))] = np.arange(len(words))
    return rank


def _number_cameras(samples: Samples) -> NDArray[np.int16]:
    """camids: camera 3 of one source is not camera 3 of another."""
    camera = samples.fields["camera"]
    keys = pc.binary_join_element_wise(pc.fill_null(samples.fields["source"], ""), camera, "\x1f").dictionary_encode()
    if len(keys.dictionary) > np.iinfo(np.int16).max:
        raise LayoutError(
            f"{len(keys.dictionary):,} cameras: the layout's group 'camera' seems to match something else"
        )
    camid = np.full(len(samples), UNKNOWN, np.int16)
    known = np.flatnonzero(camera.is_valid().to_numpy(zero_copy_only=False))
    camid[known] = _natural_rank(keys.dictionary.to_pylist())[keys.indices.drop_null().to_numpy()]
    return camid


def _readable(masks: NDArray[Any], names: Sequence[str]) -> pa.Array:
    """`rgb+text` for bits; null for none."""
    present, codes = distinct(masks)
    words = ["+".join(mask_names(int(mask), names)) or None for mask in present]
    # sorted: the dictionary, and so the file, does not depend on which bits come first
    return pa.array(words, pa.string()).take(pa.array(codes)).dictionary_encode()


def _views(samples: Samples) -> tuple[str, ...]:
    found = pc.unique(samples.fields["view"].drop_null()).to_pylist()
    return ("", *(v for v in _VIEWS if v in found), *sorted(set(found) - set(_VIEWS)))


def _codes(values: pa.Array, words: Sequence[str]) -> pa.Array:
    if len(words) > np.iinfo(np.uint8).max:
        raise LayoutError(f"{len(words):,} views: the layout's group 'view' seems to match something else")
    return pc.fill_null(pc.index_in(values, value_set=pa.array(words)), 0).cast(pa.uint8())


def _numbers(values: pa.Array, name: str, problems: list[Problem]) -> pa.Array:
    """Text of digits as numbers; other text is numbered in natural order; out of range is a problem."""
    kind = BY_NAME[name].type
    largest = (1 << (kind.bit_width - 1)) - 1
    digits = pc.match_substring_regex(values, r"^\d+$")
    if pc.any(digits).as_py() is False:  # words only, as in T1, T2: their order is their number
        encoded = values.dictionary_encode()
        ranks = pa.array(_natural_rank(encoded.dictionary.to_pylist()))
        numbers = ranks.take(encoded.indices)
    else:
        short = pc.and_(digits, pc.less_equal(pc.utf8_length(values), 18))
        numbers = pc.if_else(short, values, None).cast(pa.int64())
    fits = pc.less_equal(numbers, int(largest))
    lost = len(values) - values.null_count - (pc.sum(fits).as_py() or 0)
    if lost:
        message = f"{lost:,} values are no whole numbers up to {largest:,}: left unknown"
        problems.append(Problem("value", name, message, lost))
    return pc.fill_null(pc.if_else(pc.fill_null(fits, False), numbers, UNKNOWN), UNKNOWN).cast(kind)


def _or_null(values: Any, name: str, size: int) -> pa.Array:
    kind = BY_NAME[name].type
    if values is None:
        return pa.nulls(size, kind)
    return values.cast(kind) if isinstance(values, pa.Array) else pa.array(values, kind)


def _runs(default_bits: NDArray[np.uint64], names: Sequence[str]) -> tuple[SplitRun, ...]:
    starts = np.flatnonzero(np.r_[True, default_bits[1:] != default_bits[:-1]])
    stops = np.r_[starts[1:], len(default_bits)]
    return tuple(
        SplitRun(mask_names(int(default_bits[a]), names), int(a), int(b)) for a, b in zip(starts, stops, strict=True)
    )
