"""Samples that were reworked -> an index file beside what the old one told: where it may lie, and its metadata."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from indexer.destination import output_file, refuse_foreign
from indexer.errors import SettingsError
from indexer.freshness import tool
from indexer.index_file import IndexFile
from indexer.index_writing import write_index
from indexer.roots import relative_root, root_of
from indexer.schema import IndexMetadata, Pairing
from indexer.table import IndexTable


def place_for(out: str | Path, inputs: Sequence[Path], *, force: bool) -> Path:
    """The file to write; everything that forbids it is found before any work is done.

    Raises:
        SettingsError: It is one of the inputs.
        IndexFileError: Nothing can be written there, or something lies there that is no index.
    """
    file = output_file(inputs[0].parent, Path(out))
    for one in inputs:
        if file.exists() and file.samefile(one):
            raise SettingsError(
                f"-o {out}: is the index that is read; name another file, an index is never changed in place"
            )
    refuse_foreign(file, force=force)
    return file


def write_reworked(
    made: IndexTable,
    old: IndexFile,
    out: Path,
    *,
    made_by: str,
    protocol: str,
    kept_pids: bool,
) -> IndexMetadata:
    """Write what was made of one index: of the same tree, so with its layout, its fingerprint and its time.

    Args:
        made: The table.
        old: The index it was made of.
        out: The file, as `place_for` gives it.
        made_by: The command; it comes after those that made the old one.
        protocol: The protocol whose splits are also the plain ones.
        kept_pids: Whether pids are those of the old index although a build would number anew.

    Raises:
        IndexFileError: It cannot be written.
    """
    before = old.metadata
    told = {before.pairing.anchor, *before.pairing.others} <= set(made.modalities)
    metadata = made.metadata(
        tool(),
        layout=before.layout,
        layout_digest=before.layout_digest,
        pairing=before.pairing if told else Pairing.default(made.modalities),
        fingerprint=before.fingerprint,
        root=relative_root(root_of(old), out),
        protocol=protocol,
        made_by="; ".join(filter(None, [before.made_by, made_by])),
        kept_pids=kept_pids,
        links_outside=before.links_outside,
    )
    # files younger than the old index may have changed since the tree was listed, and nobody lists it now
    return write_index(made.table, metadata, out, as_of_ns=old.path.stat().st_mtime_ns)


def quoted(word: object) -> str:
    """A word of a command line as a shell takes it.

    >>> quoted("regdb"), quoted("day light")
    ('regdb', "'day light'")
    """
    text = str(word)
    return f'"{text}"' if "'" in text and not set(text) & set('"\\$`!') else shlex.quote(text)
