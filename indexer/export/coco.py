"""One COCO document: an image a file, an annotation a sample, who it is as attributes of the annotation."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from indexer.errors import LayoutError, ReidIndexError, SettingsError
from indexer.export.chosen import Chosen, Export, Progress
from indexer.layouts import load_layout
from indexer.layouts.rules import is_image
from indexer.sample_file import opened, real_file
from indexer.schema import IndexMetadata

MARK: Final = "exported by reidindex"
_NO_IMAGE: Final = "no image (text)"
_UNREADABLE: Final = "image not readable"
_THREADS: Final = 8
_BATCH: Final = 2_000

Size = tuple[int, int]
Measure = Callable[[str], Size | None]


def is_ours(file: Path) -> bool:
    """Whether a file begins as a document of ours."""
    with file.open("rb") as opened:
        return MARK.encode() in opened.read(4096)


def category(metadata: IndexMetadata) -> str:
    """What the samples show: `person`, `vehicle` or `animal`; `object` where the layout is not a known one."""
    try:
        layout = load_layout(metadata.layout)
    except (LayoutError, ReidIndexError, OSError):
        return "object"
    if layout.about.startswith("vehicle"):
        return "vehicle"
    return {"vehicle": "vehicle", "wildlife": "animal", "any": "object"}.get(layout.kind, "person")


def export_coco(chosen: Chosen, tell: Progress, measure: Measure | None = None) -> Export:
    """The document, written line by line: info, licenses, categories, images, annotations.

    Args:
        chosen: The samples.
        tell: Told about images whose headers are read.
        measure: Width and height of an image file; None: by Pillow.

    Raises:
        SettingsError: No sample is an image that can be read.
    """
    files = _files(chosen)
    sizes = _sizes(chosen, files, tell, measure or partial(header_size, chosen))
    readable = np.array([sizes.get(path) is not None for path in files["path"]], bool)
    shown = np.flatnonzero(readable)
    no_image = len(chosen) - len(np.unique(files["sample"]))
    firsts = files["first"] & ~readable
    left_out = {_NO_IMAGE: no_image, _UNREADABLE: int(np.count_nonzero(firsts))}
    if not len(shown):
        raise SettingsError(
            f"--to coco: none of the {len(chosen):,} samples is an image that can be read in {chosen.root}"
        )
    notes = []
    if partners := int(np.count_nonzero(~files["first"] & readable)):
        notes.append(
            f"images that are partners of aligned sets: {partners:,}; their annotations have the `sample` of the first"
        )
    return Export(
        {"": _document(chosen, files, shown, sizes)},
        len(chosen) - sum(left_out.values()),
        {reason: number for reason, number in left_out.items() if number},
        tuple(notes),
    )


def header_size(chosen: Chosen, path: str) -> Size | None:
    """Width and height from an image's header; None: it cannot be read."""
    from PIL import Image

    try:
        file = real_file(chosen.root, path, links_outside=chosen.index.metadata.links_outside)
        with opened(file) as stream, Image.open(stream) as image:
            return image.size
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None


def _files(chosen: Chosen) -> dict[str, Any]:
    """Every image file of every sample: position of the sample, path, modality, whether it is the sample's first."""
    owners, modality, path = chosen.partners()
    own = chosen.column("path")
    apart = pc.not_equal(path, own.take(pa.array(owners))).to_numpy(zero_copy_only=False)
    sample = np.r_[np.arange(len(chosen)), owners[apart]]
    paths = pa.concat_arrays([own, path.filter(pa.array(apart))])
    words = pa.concat_arrays([chosen.first_modality, modality.filter(pa.array(apart))])
    images = is_image(pc.ascii_lower(paths)) & ~chosen.is_text[sample]
    order = np.argsort(sample, kind="stable")
    order = order[images[order]]
    at = pa.array(order)
    return {
        "sample": sample[order],
        "path": paths.take(at).to_pylist(),
        "modality": words.take(at).to_pylist(),
        "first": order < len(chosen),
    }


def _sizes(chosen: Chosen, files: dict[str, Any], tell: Progress, measure: Measure) -> dict[str, Size | None]:
    """Of each image: from the index where it was probed, else from the header."""
    sizes: dict[str, Size | None] = {}
    if chosen.index.has("width") and chosen.index.has("height"):
        told = zip(*(chosen.column(name).to_pylist() for name in ("path", "width", "height")), strict=True)
        sizes = {path: (width, height) if width and height else None for path, width, height in told}
    unknown = [path for path in dict.fromkeys(files["path"]) if path not in sizes]
    with ThreadPoolExecutor(_THREADS) as threads:  # a header is a matter of waiting for the disk
        for start in range(0, len(unknown), _BATCH):
            batch = unknown[start : start + _BATCH]
            sizes.update(zip(batch, threads.map(measure, batch), strict=True))
            tell("reading image headers", start + len(batch))
    return sizes


def _document(chosen: Chosen, files: dict[str, Any], shown: Any, sizes: dict[str, Size | None]) -> Iterator[bytes]:
    metadata = chosen.index.metadata
    info = {"description": f"{metadata.layout}, {MARK}", "version": metadata.digest, "contributor": metadata.tool}
    yield b'{\n"info": ' + json.dumps(info).encode() + b',\n"licenses": [],\n"categories": '
    name = category(metadata)
    yield json.dumps([{"id": 1, "name": name, "supercategory": name}]).encode() + b',\n"images": [\n'
    splits = chosen.column("split").to_pylist()
    numbers: dict[str, int] = {}
    images = []
    for at in shown.tolist():
        path = files["path"][at]
        if path not in numbers:
            numbers[path] = len(numbers) + 1
            width, height = sizes[path] or (0, 0)
            split = splits[files["sample"][at]]
            images.append({"id": numbers[path], "file_name": path, "width": width, "height": height, "split": split})
    yield from _lines(images)
    yield b'\n],\n"annotations": [\n'
    yield from _lines(_annotations(chosen, files, shown, sizes, numbers))
    yield b"\n]\n}\n"


def _annotations(
    chosen: Chosen, files: dict[str, Any], shown: Any, sizes: dict[str, Size | None], numbers: dict[str, int]
) -> list[dict[str, Any]]:
    told = {name: chosen.column(name).to_pylist() for name in ("identity", "role", "camera", "split", "captions")}
    pid, camid = chosen.numbers("pid").tolist(), chosen.numbers("camid").tolist()
    boxes = chosen.column("box").to_pylist() if chosen.index.has("box") else None
    rows = chosen.rows.tolist()
    annotations = []
    for number, at in enumerate(shown.tolist(), 1):
        path, sample = files["path"][at], files["sample"][at]
        width, height = sizes[path] or (0, 0)
        own = boxes[sample] if boxes is not None and files["first"][at] else None
        box = own or [0, 0, width, height]
        annotation = {
            "id": number, "image_id": numbers[path], "category_id": 1, "bbox": box, "area": box[2] * box[3], "iscrowd": 0,
            "attributes": {
                "identity": told["identity"][sample], "pid": pid[sample], "camera": told["camera"][sample],
                "camid": camid[sample], "modality": files["modality"][at], "split": told["split"][sample],
                "role": told["role"][sample], "sample": rows[sample],
            },
        }  # fmt: skip
        if told["captions"][sample]:
            annotation["captions"] = told["captions"][sample]
        annotations.append(annotation)
    return annotations


def _lines(records: list[dict[str, Any]]) -> Iterator[bytes]:
    for start in range(0, len(records), _BATCH):
        text = ",\n".join(json.dumps(one, ensure_ascii=False) for one in records[start : start + _BATCH])
        yield (",\n" if start else "").encode() + text.encode()
