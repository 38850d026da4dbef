"""`reidindex merge`: the indexes of several datasets as one index, each its own source. No identity and no camera is shared."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import pyarrow.compute as pc

from indexer.errors import SettingsError, did_you_mean
from indexer.freshness import tool
from indexer.index_file import IndexFile
from indexer.index_writing import write_index
from indexer.rework.concatenation import concatenated, files_of, in_source, rebased, told_by_all
from indexer.rework.samples_of import Opened, samples_of
from indexer.rework.selection import keep_bits
from indexer.rework.written import place_for, quoted
from indexer.roots import relative_root, root_of
from indexer.schema import INDEX_NAME, MAX_MODALITIES, MAX_SPLITS, IndexMetadata
from indexer.table import build_table
from indexer.vocabulary import modality_order, natural_key

Progress = Callable[[str, int], None]
_NAME: Final = re.compile(r"[^/+=\s\x00-\x1f\x7f]{1,60}")
_MOST_CAMERAS: Final = 32_767


@dataclass(frozen=True)
class Part:
    """One input."""

    index: Path
    digest: str
    samples: int
    identities: int
    folder: str
    """Its dataset folder, seen from the root of the merged index."""


@dataclass(frozen=True)
class MergeReport:
    """What a merge did."""

    index: Path
    metadata: IndexMetadata
    root: Path
    parts: dict[str, Part]
    """Name of the source → what it is, in the order of the names."""
    untold: tuple[str, ...]
    """Columns of probed files that not all inputs have, and that so are left out."""


def named_inputs(indexes: Sequence[Path], names: Sequence[str]) -> dict[str, Path]:
    """A name for each input: the user's, else the layout's; of several with one name the second is `name-2`.

    Args:
        indexes: The index files.
        names: `a=sysu`: the input that was given as `a`, or the folder or file `a`, is called `sysu`.

    Raises:
        SettingsError: A name is none, means no input, or is used twice.
    """
    if len(indexes) < 2:
        raise SettingsError(
            f"merge: expected two indexes or more, found {len(indexes)}; `reidindex filter` copies a part of one"
        )
    chosen: dict[int, str] = {}
    for told in names:
        which, equals, name = told.rpartition("=")
        if not equals or not which or not _NAME.fullmatch(name):
            raise SettingsError(
                f"--name: expected INDEX=NAME, a name without '/', '+', '=' and blanks, found {told!r:.80}"
            )
        known = [_words_for(index) for index in indexes]
        meant = [i for i, words in enumerate(known) if which in words or Path(which) in map(Path, words)]
        if len(meant) != 1:
            near = did_you_mean(which, [words[-1] for words in known])
            raise SettingsError(
                f"--name {told}: {which!r} means {'several' if meant else 'none'} of the indexes; {near}"
            )
        chosen[meant[0]] = name
    if len(set(chosen.values())) < len(chosen):
        raise SettingsError("--name: two indexes have one name; a source needs a name of its own")
    taken = set(chosen.values())
    found: dict[str, Path] = {}
    for i, index in enumerate(indexes):
        name = chosen.get(i) or _free(_plain(IndexFile(index).metadata.layout), taken)
        taken.add(name)
        found[name] = index
    return found


def _words_for(index: Path) -> list[str]:
    """What a user may call an input: the file, its folder, their names; the plainest last."""
    folder = [str(index.parent), index.resolve().parent.name] if index.name == INDEX_NAME else []
    return [str(index), index.stem, index.name, *folder]


def _plain(layout: str) -> str:
    """The name of a layout or of a manifest's file, as a source may be called."""
    return re.sub(r"[/+=\s\x00-\x1f\x7f]+", "-", layout).strip("-")[:50] or "dataset"


def _free(name: str, taken: set[str]) -> str:
    number = 1
    while (found := name if number == 1 else f"{name}-{number}") in taken:
        number += 1
    return found


def merge_indexes(
    inputs: Mapping[str, Path],
    out: str | Path,
    *,
    plain: bool = False,
    force: bool = False,
    on_progress: Progress | None = None,
) -> MergeReport:
    """Write one index of several.

    Args:
        inputs: Name of each source → its index file. Their order does not matter: they are taken in the order of their names.
        out: The new index.
        plain: Without the splits of protocols.
        force: Replace a file that is no index.
        on_progress: Told about long work.

    Raises:
        SettingsError: They cannot be merged: they share files, lie on several drives, or are too much for one index.
        IndexFileError: An index cannot be read or written.
    """
    tell = on_progress or (lambda what, count: None)
    place = place_for(out, list(inputs.values()), force=force)
    files = {name: IndexFile(inputs[name]) for name in sorted(inputs, key=natural_key)}
    root, folders = common_root({name: root_of(file).resolve() for name, file in files.items()})
    modalities = _fitting([file.metadata for file in files.values()], plain=plain)
    parts: dict[str, Opened] = {}
    for name, file in files.items():
        tell(f"reading {name}", file.num_rows)
        opened = samples_of(file)
        if plain:
            keep_bits(opened.samples, [i for i, split in enumerate(opened.samples.splits.names) if "/" not in split])
        parts[name] = replace(opened, samples=in_source(rebased(opened.samples, folders[name]), name))
    refuse_shared_files(parts)
    told = {column for part in parts.values() for column in part.samples.probed}
    untold = told - set(told_by_all([part.samples for part in parts.values()]))
    samples = concatenated(parts)
    del parts
    cameras = pc.binary_join_element_wise(samples.fields["source"], samples.fields["camera"], "\x1f")
    number = pc.count_distinct(cameras).as_py()
    if number > _MOST_CAMERAS:
        raise SettingsError(
            f"merge: {number:,} cameras, an index holds at most {_MOST_CAMERAS:,}; filter some of them first"
        )
    tell("numbering", len(samples))
    made = build_table(samples, modalities=modalities)
    protocols = {file.metadata.protocol for file in files.values()}
    metadata = made.metadata(
        tool(),
        layout="+".join(dict.fromkeys(file.metadata.layout for file in files.values())),
        fingerprint=_fingerprint(files),
        root=relative_root(root, place),
        links_outside=any(file.metadata.links_outside for file in files.values()),
        protocol=protocols.pop() if len(protocols) == 1 and not plain else "",
        made_by=" ".join(["merge", *(["--plain"] if plain else []), *map(quoted, files)]),
    )
    tell("writing the index", made.table.num_rows)
    # the youngest's time: by an older one, all files of a tree that came later would look as if they had changed since
    as_of = max(file.path.stat().st_mtime_ns for file in files.values())
    metadata = write_index(made.table, metadata, place, as_of_ns=as_of)
    facts = {
        name: Part(file.path, file.metadata.digest, file.num_rows, _people(file), folders[name])
        for name, file in files.items()
    }
    return MergeReport(place, metadata, root, facts, tuple(sorted(untold)))


def _people(file: IndexFile) -> int:
    pid = file.integers("pid").slice(0, file.num_rows)
    return int(pc.count_distinct(pid).as_py()) - bool((pid < 0).any())


def common_root(roots: Mapping[str, Path]) -> tuple[Path, dict[str, str]]:
    """The folder that all datasets lie in, and the way from there to each.

    Raises:
        SettingsError: There is none: they lie on several drives.
    """
    try:
        root = Path(os.path.commonpath([str(path) for path in roots.values()]))
    except ValueError:
        where = ", ".join(f"{name} in {path}" for name, path in roots.items())
        raise SettingsError(
            f"merge: the datasets lie on several drives ({where}), and paths of one index begin in one folder; "
            "link or copy them to one drive"
        ) from None
    return root, {name: Path(os.path.relpath(path, root)).as_posix() for name, path in roots.items()}


def refuse_shared_files(parts: Mapping[str, Opened]) -> None:
    """The same file twice would be two people.

    Raises:
        SettingsError: Two of the inputs hold it; the first such file is named.
    """
    files = {name: files_of(part.samples) for name, part in parts.items()}
    names = list(files)
    for i, one in enumerate(names):
        for other in names[i + 1 :]:
            shared = files[one].filter(pc.is_in(files[one], value_set=files[other]))
            if len(shared):
                raise SettingsError(
                    f"merge: {one} and {other} hold the same file {min(shared.to_pylist())} "
                    f"({len(shared):,} in all): whom it shows would be two people; filter one of them first"
                )


def _fitting(every: Sequence[IndexMetadata], *, plain: bool) -> list[str]:
    """The modalities of all of them, in canonical order; what an index cannot hold is refused before long work."""
    modalities = modality_order(name for metadata in every for name in metadata.modalities)
    if len(modalities) > MAX_MODALITIES:
        raise SettingsError(f"merge: {len(modalities)} modalities in all, an index holds at most {MAX_MODALITIES}")
    splits = {name for metadata in every for name in metadata.splits if not (plain and "/" in name)}
    if len(splits) > MAX_SPLITS:
        advice = (
            "--plain leaves the splits of protocols (trial3/train) out" if not plain else "filter some of them first"
        )
        raise SettingsError(f"merge: {len(splits)} splits in all, an index holds at most {MAX_SPLITS}; {advice}")
    return modalities


def _fingerprint(files: Mapping[str, IndexFile]) -> str:
    """Of what was merged. The word before it says that it is not that of a tree."""
    words = "\x1f".join(f"{name}\x1f{file.metadata.digest}" for name, file in files.items())
    return f"merged:{hashlib.sha256(words.encode()).hexdigest()}"


def as_json(report: MergeReport) -> dict[str, Any]:
    """The report as one JSON object (docs/cli.md)."""
    metadata = report.metadata
    return {
        "schema": 1,
        "index": str(report.index),
        "digest": metadata.digest,
        "root": str(report.root),
        "samples": metadata.samples,
        "identities": metadata.identities,
        "modalities": list(metadata.modalities),
        "splits": list(metadata.splits),
        "sources": {
            name: {
                "index": str(part.index),
                "digest": part.digest,
                "samples": part.samples,
                "identities": part.identities,
                "folder": part.folder,
            }
            for name, part in report.parts.items()
        },
        "left_out": list(report.untold),
    }
