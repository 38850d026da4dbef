"""`metadata.parquet` of the `imagefolder` loader of Hugging Face datasets: images by name, our columns beside them.

`load_dataset("imagefolder", data_dir=…)` looks for splits in the names of folders, and where it finds `train` or `test` there it
passes over the metadata without a word. `data_files="…/metadata.parquet"` reads exactly the listed images.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from indexer.errors import ReidIndexError, SettingsError
from indexer.export.chosen import Chosen, Export
from indexer.layouts.rules import is_image

NAME: Final = "metadata.parquet"
_OTHERS: Final = ("metadata.csv", "metadata.jsonl")
_OURS: Final = b"reidindex_export"
_NO_IMAGE: Final = "no image (text)"
_ROWS_PER_GROUP: Final = 10_000  # the loader makes the samples of a group at a time


def is_ours(file: Path) -> bool:
    """Whether we wrote a `metadata.parquet`."""
    try:
        return _OURS in (parquet.read_metadata(file).metadata or {})
    except (OSError, ValueError, pa.ArrowException):
        return False


def export_imagefolder(chosen: Chosen, folder: Path) -> Export:
    """The metadata of the images.

    Args:
        chosen: The samples.
        folder: Where the metadata will lie: the root of the dataset or a folder above it.

    Raises:
        ReidIndexError: The images do not lie below that folder, or other metadata lie there too.
        SettingsError: No sample is an image.
    """
    root = chosen.root
    if not root.is_relative_to(folder.resolve()):
        raise ReidIndexError(
            f"{folder}: the images must lie below the folder of their {NAME}, and {root} does not; "
            "leave -o out, or name a folder above the dataset"
        )
    for other in _OTHERS:
        if (folder / other).exists():
            raise ReidIndexError(
                f"{folder / other}: metadata of imagefolder already, and it takes one form only; move it away first"
            )
    prefix = root.relative_to(folder.resolve()).as_posix()
    prefix = "" if prefix == "." else prefix + "/"
    has_image = is_image(pc.ascii_lower(chosen.column("path"))) & ~chosen.is_text
    kept = chosen.keep(has_image)
    if not len(kept):
        raise SettingsError(f"--to hf: none of the {len(chosen):,} samples is an image; there is nothing to export")
    columns = {
        "file_name": _below(prefix, kept.column("path")),
        **_partners(kept, prefix),
        **{name: kept.column(name) for name in ("identity", "role", "modality", "camera", "split", "source")},
        "splits": kept.splits,
        "view": kept.views,
        "captions": kept.column("captions"),
        **{name: pa.array(kept.numbers(name)) for name in ("pid", "camid", "tracklet", "frame", "clothes")},
    }
    for name in ("box", "width", "height"):
        if kept.index.has(name):
            columns[name] = kept.column(name)
    table = pa.table(columns).replace_schema_metadata({_OURS: kept.index.metadata.digest.encode()})
    left_out = len(chosen) - len(kept)
    where = folder / NAME
    changed = (
        f"the tree of the index holds a file more now: to `stats` and `build` it has changed, and no rule takes {NAME}",
    )
    return Export(
        {NAME: _parquet(table)},
        len(kept),
        {_NO_IMAGE: left_out} if left_out else {},
        (
            f'load_dataset("imagefolder", data_files="{where}", split="train") reads it: all samples are one split of Hugging Face, '
            'ours are the column `split`; filters=[("split", "==", "query")] takes one. data_dir= would look for splits in the names '
            "of folders and may pass over the metadata",
            *(() if prefix else changed),
        ),
    )


def _below(prefix: str, paths: pa.Array) -> pa.Array:
    return pc.binary_join_element_wise(pa.scalar(prefix), paths, "") if prefix else paths


def _partners(chosen: Chosen, prefix: str) -> dict[str, pa.Array]:
    """`nir_file_name` …: a further image column of each modality that an aligned set has beside its first."""
    owners, modality, path = chosen.partners()
    own = chosen.column("path").take(pa.array(owners))
    apart = pc.not_equal(path, own).to_numpy(zero_copy_only=False)
    columns = {}
    for name in chosen.index.metadata.modalities:
        of_it = np.flatnonzero(pc.equal(modality, name).to_numpy(zero_copy_only=False) & apart)
        if len(of_it):
            at = np.full(len(chosen), -1)
            at[owners[of_it]] = of_it
            columns[f"{name}_file_name"] = _below(prefix, path.take(pa.array(at, mask=at < 0)))
    return columns


def _parquet(table: pa.Table) -> Iterator[bytes]:
    out = pa.BufferOutputStream()
    parquet.write_table(table, out, row_group_size=_ROWS_PER_GROUP, compression="zstd")
    yield out.getvalue().to_pybytes()
