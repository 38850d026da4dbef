"""`reidindex split`: identities of an index dealt into train and val (query and gallery), written as a protocol of a new index."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from indexer.errors import SettingsError, did_you_mean
from indexer.index_file import IndexFile
from indexer.rework.deal import NEITHER, STRATA, TRAIN, VAL, Dealt, Pool, deal, parsed_share
from indexer.rework.pool import camera_words, in_splits, pool_of, sample_lots
from indexer.rework.queries import query_rows
from indexer.rework.samples_of import Opened, samples_of
from indexer.rework.written import place_for, quoted, write_reworked
from indexer.samples import Samples
from indexer.schema import MAX_SPLITS, IndexMetadata, modality_mask
from indexer.table import build_table
from indexer.vocabulary import standard_split

Rows = NDArray[np.int64]
Progress = Callable[[str, int], None]
_NAME: Final = re.compile(r"[^/+\s\x00-\x1f\x7f]{1,60}")


@dataclass(frozen=True)
class SplitSettings:
    """What a user asks for."""

    val: str
    """`0.2`: a share of the identities; `50`: so many."""
    by: str = "identity"
    stratify: tuple[str, ...] = ()
    of: str | None = None
    """`train`, `train+val`; None: train, or all samples of an index without splits."""
    name: str | None = None
    query: bool = False
    default: bool = False
    seed: int = 0

    @property
    def protocol(self) -> str:
        """The name of the new protocol.

        Raises:
            SettingsError: It cannot be one.
        """
        if self.name is None:
            share = parsed_share(self.val)
            many = f"val{share}ids" if isinstance(share, int) else f"val{float(share * 100):.10g}"
            return many + ("" if self.by == "identity" else f"-{self.by}") + f"-seed{self.seed}"
        if not _NAME.fullmatch(self.name):
            raise SettingsError(f"--name: expected one word without '/', '+' and blanks, found {self.name!r:.80}")
        return self.name

    def __str__(self) -> str:
        """The command, without the files."""
        words = ["split", "--val", self.val]
        for option, value in (
            ("--of", self.of),
            ("--name", self.name),
            ("--stratify", ",".join(self.stratify) or None),
        ):
            words += [option, quoted(value)] if value is not None else []
        words += ["--by", self.by] if self.by != "identity" else []
        words += [option for option, on in (("--query", self.query), ("--default", self.default)) if on]
        return " ".join([*words, "--seed", str(self.seed)])


@dataclass(frozen=True)
class SideFacts:
    """What one of the new splits holds."""

    samples: int
    identities: int
    pairable: int
    modalities: dict[str, int]
    """Modality → samples."""


@dataclass(frozen=True)
class SplitReport:
    """What a split did."""

    index: Path
    settings: SplitSettings
    metadata: IndexMetadata
    of: str
    identities: int
    """Dealt."""
    splits: dict[str, SideFacts]
    held_out: tuple[str, ...]
    on_other_cameras: int
    """Samples in neither side: of a camera of the other one, or of none."""
    of_nobody: int
    """Samples in neither side: hidden, distractors, junk."""
    untimed: int
    """Identities without a frame."""
    without_query: int
    """Identities of val that ask nothing."""


def split_index(
    index: Path, out: str | Path, settings: SplitSettings, *, force: bool = False, on_progress: Progress | None = None
) -> SplitReport:
    """Write a new index with one more protocol.

    Args:
        index: The index file.
        out: The new one.
        settings: Who goes where.
        force: Replace a file that is no index.
        on_progress: Told about long work.

    Raises:
        SettingsError: It cannot be split so.
        IndexFileError: An index cannot be read or written.
    """
    tell = on_progress or (lambda what, count: None)
    file = IndexFile(index)
    place = place_for(out, [index], force=force)
    name = settings.protocol
    _refuse_taken(name, settings, file.metadata)
    tell("reading the index", file.num_rows)
    opened = samples_of(file)
    of = _splits_of(settings.of, file.metadata)
    inside = in_splits(opened.samples, of)
    tell("dealing identities", file.num_rows)
    rows = np.flatnonzero(inside & (opened.pid >= 0))
    pool = pool_of(opened, rows, settings.by)
    dealt = deal(pool, parsed_share(settings.val), by=settings.by, stratify=settings.stratify, seed=settings.seed)
    new, without_query = _new_splits(opened, inside, rows, pool, dealt, settings)
    if settings.default:
        _refuse_unclean(opened.samples, inside, of, [split.rpartition("/")[2] for split in new])
    for split, members in new.items():
        opened.samples.splits.mark(members, [split])
    facts = {split: _facts(opened, members) for split, members in new.items()}
    before = file.metadata
    made = build_table(
        opened.samples,
        modalities=before.modalities,
        default_protocol=name if settings.default else None,
        renumber=None if settings.default else opened.numbers(before.identities),
    )
    tell("writing the index", file.num_rows)
    metadata = write_reworked(
        made,
        file,
        place,
        made_by=str(settings),
        protocol=name if settings.default else before.protocol,
        kept_pids=before.kept_pids and not settings.default,
    )
    return SplitReport(
        place,
        settings,
        metadata,
        "+".join(of) or "all",
        len(pool.people),
        facts,
        dealt.held_out,
        int(np.count_nonzero(dealt.side == NEITHER)),
        int(np.count_nonzero(inside & (opened.pid < 0))),
        dealt.untimed,
        without_query,
    )


def _refuse_taken(name: str, settings: SplitSettings, metadata: IndexMetadata) -> None:
    if any(split.startswith(name + "/") for split in metadata.splits):
        raise SettingsError(f"--name: this index has a protocol {name!r} already; name another")
    names = ("train", "val", *(("query", "gallery") if settings.query else ()))
    more = len(names) + sum(word not in metadata.splits for word in names if settings.default)
    if len(metadata.splits) + more > MAX_SPLITS:
        raise SettingsError(
            f"split: this index has {len(metadata.splits)} splits, {more} more are more than the {MAX_SPLITS} an index can hold; "
            "`reidindex filter` drops those that it empties, or split an index with fewer protocols"
        )


def _splits_of(of: str | None, metadata: IndexMetadata) -> list[str]:
    """The splits that are dealt; none: all samples."""
    if of is None:
        if metadata.splits and "train" not in metadata.splits:
            raise SettingsError(f"--of: this index has no split train; name another: {', '.join(metadata.splits)}")
        return ["train"] if metadata.splits else []
    names = [standard_split(word) for word in of.split("+")]
    for name in names:
        if name not in metadata.splits:
            near = did_you_mean(name, metadata.splits or ["(none)"])
            raise SettingsError(f"--of: this index has no split {name!r}; {near}")
    return list(dict.fromkeys(names))


def _new_splits(
    opened: Opened, inside: NDArray[np.bool_], rows: Rows, pool: Pool, dealt: Dealt, settings: SplitSettings
) -> tuple[dict[str, Rows], int]:
    """The new splits and their rows; and how many identities of val ask nothing."""
    name = settings.protocol
    val = np.flatnonzero(dealt.side == VAL)
    new = {f"{name}/train": rows[dealt.side == TRAIN], f"{name}/val": rows[val]}
    if not settings.query:
        return new, 0
    told = pool.camera >= 0
    place = np.where(told, pool.camera, -2 - pool.modalities.astype(np.int64))[val]
    queries = query_rows(pool.who[val], place, sample_lots(opened.samples, rows[val], settings.seed), told=told[val])
    if not len(queries):
        raise SettingsError(
            f"--query: nobody of the {len(np.unique(pool.who[val])):,} identities in val has samples of two cameras "
            "(or, where no camera is told, two samples), so no query would have a match; leave --query out"
        )
    extras = np.flatnonzero(inside & pc.is_valid(opened.samples.fields["role"]).to_numpy(zero_copy_only=False))
    if dealt.held_out:
        words = pa.array(dealt.held_out, pa.string())
        extras = extras[pc.is_in(camera_words(opened.samples, extras), value_set=words).to_numpy(zero_copy_only=False)]
    new[f"{name}/query"] = rows[val[queries]]
    new[f"{name}/gallery"] = np.sort(np.r_[rows[np.delete(val, queries)], extras])
    asking = np.unique(pool.who[val[queries]])
    return new, len(np.unique(pool.who[val])) - len(asking)


def _refuse_unclean(samples: Samples, inside: NDArray[np.bool_], of: Sequence[str], new: Sequence[str]) -> None:
    """The plain splits must still be disjoint afterwards, and none be lost that was not dealt."""
    for name in samples.splits.names:
        if "/" in name:
            continue
        members = samples.splits.rows_in(name)
        if name in new and members.any() and name not in of:
            raise SettingsError(
                f"--default: the plain split {name} of this index would be lost, for it is not what is split "
                f"({'+'.join(of) or 'all'}); leave --default out, and name the protocol where you train and evaluate"
            )
        if name not in new and (members & inside).any():
            raise SettingsError(
                f"--default: samples of the plain split {name} would be in train or val too; leave --default out, and name "
                "the protocol where you train and evaluate"
            )


def _facts(opened: Opened, rows: Rows) -> SideFacts:
    metadata = opened.metadata
    masks, pid = opened.modalities[rows], opened.pid[rows]
    covered = np.zeros(metadata.identities, np.uint32)
    np.bitwise_or.at(covered, pid[pid >= 0], masks[pid >= 0])
    anchor = np.uint32(modality_mask([metadata.pairing.anchor], metadata.modalities))
    others = np.uint32(modality_mask(metadata.pairing.others, metadata.modalities))
    counts = {name: int(np.count_nonzero(masks >> i & 1)) for i, name in enumerate(metadata.modalities)}
    return SideFacts(
        len(rows),
        len(np.unique(pid[pid >= 0])),
        int(np.count_nonzero(((covered & anchor) != 0) & ((covered & others) != 0))),
        {name: number for name, number in counts.items() if number},
    )


def as_json(report: SplitReport) -> dict[str, Any]:
    """The report as one JSON object (docs/cli.md)."""
    settings = report.settings
    return {
        "schema": 1,
        "index": str(report.index),
        "digest": report.metadata.digest,
        "name": settings.protocol,
        "default": settings.default,
        "of": report.of,
        "by": settings.by,
        "val": settings.val,
        "stratify": list(settings.stratify),
        "seed": settings.seed,
        "identities": report.identities,
        "splits": {
            name: {"samples": f.samples, "identities": f.identities, "pairable": f.pairable, "modalities": f.modalities}
            for name, f in report.splits.items()
        },
        "held_out": list(report.held_out),
        "on_other_cameras": report.on_other_cameras,
        "of_nobody": report.of_nobody,
        "without_frame": report.untimed,
        "without_query": report.without_query,
    }


def parsed_strata(text: str | None) -> tuple[str, ...]:
    """`modalities,size` → the words, each once, in their own order.

    Raises:
        SettingsError: There is no such way to stratify.
    """
    words = [word.strip() for word in text.split(",")] if text is not None else []
    for word in words:
        if word not in STRATA:
            near = did_you_mean(word, STRATA)
            raise SettingsError(f"--stratify: expected modalities, size or modalities,size, found {text!r:.60}; {near}")
    return tuple(word for word in STRATA if word in words)
