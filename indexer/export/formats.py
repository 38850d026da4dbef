"""The formats by name: what each makes, where it goes when nobody says, and which files it may replace."""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from indexer.errors import ReidIndexError, SettingsError, did_you_mean
from indexer.export import coco, croissant, imagefolder, torchreid
from indexer.export.chosen import Chosen, Export, Progress
from indexer.export.tables import export_csv, export_jsonl
from indexer.export.writing import refuse_foreign, write_file
from indexer.index_file import IndexFile
from indexer.naming import name_of
from indexer.vocabulary import in_protocol

STDOUT: Final = Path("-")


@dataclass(frozen=True)
class Format:
    """Where a format goes."""

    name: str
    default: str
    """File or folder in the current folder, `{name}` being that of the dataset; empty: the dataset's own folder."""
    why: str
    """Why another file is not replaced, for the message."""
    is_ours: Callable[[Path], bool]
    """Which files it replaces without being forced to."""
    files: tuple[str, ...] = ()
    """Names below its folder; none: it is one file."""


def _never(file: Path) -> bool:
    """A table may have been corrected by hand: none is plainly ours."""
    return False


FORMATS: Final = {
    one.name: one
    for one in (
        Format("csv", "{name}.csv", "may have been corrected by hand", _never),
        Format("jsonl", "{name}.jsonl", "may have been corrected by hand", _never),
        Format("hf", "", "is not plainly a metadata.parquet of reidindex", imagefolder.is_ours, (imagefolder.NAME,)),
        Format("croissant", "{name}.croissant.json", "is not plainly a Croissant file of reidindex", croissant.is_ours),
        Format("coco", "{name}.coco.json", "is not plainly a COCO file of reidindex", coco.is_ours),
        Format(
            "torchreid", "{name}-torchreid", "is not plainly of an export of reidindex", torchreid.is_ours,
            (*(f"{part}.txt" for part in torchreid.LISTS), torchreid.LOADER),
        ),
    )
}  # fmt: skip


@dataclass(frozen=True)
class Exported:
    """What was written."""

    to: str
    split: str
    made: Export
    files: tuple[tuple[Path, int], ...]
    """Each file and its bytes."""


def export(
    index: IndexFile, to: str, out: Path | None, *, split: str | None, protocol: str | None, all_columns: bool, force: bool,
    tell: Progress, to_stdout: Callable[[bytes], object] | None = None,
) -> Exported:  # fmt: skip
    """Make the files of a format and write them.

    Args:
        index: The index.
        to: The format's name.
        out: The file or folder; `-` for `to_stdout`; None: the format's default.
        split: Of these splits; None for all samples.
        protocol: The protocol they belong to.
        all_columns: Of a table: every column of the index, not a manifest.
        force: Replace whatever file lies there.
        tell: Told about long work.
        to_stdout: Takes what `-` writes.

    Raises:
        SettingsError: No such format, split or protocol; or the format cannot hold these samples.
        ReidIndexError: The files cannot be written there.
    """
    if to not in FORMATS:
        raise SettingsError(f"--to: no format {to!r}; {did_you_mean(to, list(FORMATS))}")
    known = FORMATS[to]
    if all_columns and to not in ("csv", "jsonl"):
        raise SettingsError(f"--all-columns: goes with --to csv and --to jsonl; {to} has columns of its own")
    if out == STDOUT and known.files:
        raise SettingsError(f"-o -: {to} is {len(known.files)} file(s) in a folder; name one")
    if to == "croissant" and (split or protocol):
        raise SettingsError("--split: a Croissant file describes the whole index; leave it out")
    root = Chosen.of(index, None).root
    here = index.path.parent if index.metadata.root == "." else root  # as the user calls it, where that can be known
    target = _target(known, out, name_of(index), here)
    if out != STDOUT:
        for file in _files(known, target):
            refuse_foreign(file, force=force, ours=known.is_ours, why=known.why, parent=bool(known.files))
    if to == "torchreid":
        lists = _lists(index, split, protocol)
        made = torchreid.export_torchreid(lists, target, root.name)
        of = "+".join(dict.fromkeys(chosen.split for chosen in lists.values()))
    else:
        chosen = Chosen.of(index, in_protocol(split, protocol, index.metadata.splits))
        made, of = _make(to, chosen, target, all_columns=all_columns, tell=tell), chosen.split
    if out == STDOUT:
        assert to_stdout is not None
        for chunk in made.files[""]:
            to_stdout(chunk)
        return Exported(to, of, made, ())
    if known.files:
        _make_folder(target)
    tell("writing", made.samples)
    written = [(target / below if below else target, chunks) for below, chunks in made.files.items()]
    return Exported(to, of, made, tuple((file, write_file(file, chunks)) for file, chunks in written))


def _make(to: str, chosen: Chosen, target: Path, *, all_columns: bool, tell: Progress) -> Export:
    if not len(chosen):
        raise SettingsError(f"{chosen.index.path}: has no samples; there is nothing to export")
    if to == "hf":
        return imagefolder.export_imagefolder(chosen, target)
    if to == "coco":
        return coco.export_coco(chosen, tell)
    if to == "croissant":
        return croissant.export_croissant(chosen, target.parent)
    return (export_csv if to == "csv" else export_jsonl)(chosen, all_columns=all_columns)


def _lists(index: IndexFile, split: str | None, protocol: str | None) -> dict[str, Chosen]:
    """The three lists of torchreid: `--split train+val` is what is trained on; query and gallery are the protocol's."""
    known = index.metadata.splits
    prefix = f"{protocol}/" if protocol else ""
    train = in_protocol(split or "train", protocol, known)
    for part in ("query", "gallery", *([] if split else ["train"])):
        if prefix + part not in known:
            raise SettingsError(
                f"--to torchreid: needs the splits train, query and gallery; {prefix + part} is not in this index: "
                f"{did_you_mean(part, known or ['(none)'])}"
            )
    return {
        "train": Chosen.of(index, train),
        "query": Chosen.of(index, prefix + "query"),
        "gallery": Chosen.of(index, prefix + "gallery"),
    }


def _target(known: Format, out: Path | None, name: str, dataset: Path) -> Path:
    own = known.default.format(name=name)
    if out is None:
        return Path(own) if own else dataset
    if out == STDOUT:
        return Path.cwd() / known.name
    return out / own if not known.files and out.is_dir() else out


def _files(known: Format, target: Path) -> list[Path]:
    return [target / name for name in known.files] or [target]


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        what = "the folder it should lie in does not exist" if error.errno == errno.ENOENT else error.strerror
        raise ReidIndexError(f"{folder}: this folder cannot be made ({what}); name another with -o") from None
