"""A Croissant description (JSON-LD) of an index: the Parquet file, its columns, where the dataset comes from."""

from __future__ import annotations

import hashlib
import json
import os
import re
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from indexer.errors import LayoutError, ReidIndexError
from indexer.export.chosen import Chosen, Export
from indexer.layouts import load_layout
from indexer.schema import BY_NAME, COLUMNS, Column

CONFORMS_TO: Final = "http://mlcommons.org/croissant/1.0"
_PUBLISHER: Final = "reidindex"
"""Who wrote the description; who made the dataset is for `citeAs` to say."""
_FILE: Final = "index"
_RECORDS: Final = "samples"
_CHUNK: Final = 1 << 22
_SOURCE: Final = re.compile(r"(?P<url>https?://\S+)(?: \((?P<cite>.*)\))?", re.DOTALL)
_LEFT_OUT: Final = ("path_end", "aligned")
"""`path_end` is the file's own matter; `aligned` is a list of structures, which no reader of Croissant takes from Parquet."""

_CONTEXT: Final[dict[str, Any]] = {
    "@language": "en", "@vocab": "https://schema.org/", "citeAs": "cr:citeAs", "column": "cr:column",
    "conformsTo": "dct:conformsTo", "cr": "http://mlcommons.org/croissant/", "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"}, "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/", "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"}, "extract": "cr:extract", "field": "cr:field",
    "fileProperty": "cr:fileProperty", "fileObject": "cr:fileObject", "fileSet": "cr:fileSet", "format": "cr:format",
    "includes": "cr:includes", "isLiveDataset": "cr:isLiveDataset", "jsonPath": "cr:jsonPath", "key": "cr:key",
    "md5": "cr:md5", "parentField": "cr:parentField", "path": "cr:path", "recordSet": "cr:recordSet",
    "references": "cr:references", "regex": "cr:regex", "repeated": "cr:repeated", "replace": "cr:replace",
    "samplingRate": "cr:samplingRate", "sc": "https://schema.org/", "separator": "cr:separator", "source": "cr:source",
    "subField": "cr:subField", "transform": "cr:transform",
}  # fmt: skip
"""The standard one of Croissant 1.0: readers warn of any other."""


def is_ours(file: Path) -> bool:
    """Whether a file is a description that we wrote."""
    try:
        document = json.loads(file.read_bytes())
        return bool(document["conformsTo"] == CONFORMS_TO and document["sdPublisher"]["name"] == _PUBLISHER)
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return False


def export_croissant(chosen: Chosen, folder: Path) -> Export:
    """The description, for a file that will lie in `folder`. It is of the whole index."""
    index, metadata = chosen.index, chosen.index.metadata
    document: dict[str, Any] = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": CONFORMS_TO,
        "name": re.sub(r"[^\w.-]+", "-", metadata.layout),
        **_about(metadata.layout),
        "sdPublisher": {"@type": "Organization", "name": _PUBLISHER},
        "distribution": [
            {
                "@type": "cr:FileObject",
                "@id": _FILE,
                "name": _FILE,
                "description": f"index of {metadata.samples:,} samples and {metadata.identities:,} identities, content digest {metadata.digest}",
                "contentUrl": _relative(index.path, folder),
                "contentSize": f"{index.path.stat().st_size} B",
                "encodingFormat": "application/x-parquet",
                "sha256": _sha256(index.path),
            }
        ],
        "recordSet": [
            {
                "@type": "cr:RecordSet",
                "@id": _RECORDS,
                "name": _RECORDS,
                "description": "a record is a sample: an image, or an aligned set of images",
                "field": [
                    _field(c) for c in COLUMNS if c.name not in _LEFT_OUT and (not c.optional or index.has(c.name))
                ],
            }
        ],
    }
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    note = "add what no layout knows before you publish it: `license`, `creator`, `datePublished`, `version`"
    return Export({"": [text.encode()]}, metadata.samples, {}, (note,))


def _about(name: str) -> dict[str, Any]:
    """What the layout knows of the dataset."""
    try:
        layout = load_layout(name)
    except (LayoutError, ReidIndexError, OSError):
        return {"description": f"a re-identification dataset, indexed by the layout or manifest {name}"}
    told = {"alternateName": layout.title, "description": f"{layout.title}: {layout.about}"}
    if found := _SOURCE.match(layout.source):
        told["url"] = found["url"]
        if found["cite"]:
            told["citeAs"] = found["cite"]
    return told


def _field(column: Column) -> dict[str, Any]:
    return {
        "@type": "cr:Field",
        "@id": f"{_RECORDS}/{column.name}",
        "name": column.name,
        "description": BY_NAME[column.name].meaning,
        "dataType": "sc:Integer" if _holds_integers(column.type) else "sc:Text",
        **({"repeated": True} if pa.types.is_list(column.type) else {}),
        "source": {"fileObject": {"@id": _FILE}, "extract": {"column": column.name}},
    }


def _holds_integers(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind.value_type if pa.types.is_list(kind) else kind))


def _relative(file: Path, folder: Path) -> str:
    try:
        return Path(os.path.relpath(file.resolve(), folder.resolve())).as_posix()
    except ValueError:  # Windows: another drive has no relative path
        return file.resolve().as_posix()


def _sha256(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as opened:
        while chunk := opened.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
