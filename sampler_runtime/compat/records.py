"""A dataset that lists its samples -> what is told of each: identity and modalities. No sample is opened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import PurePath
from typing import Any

from indexer.errors import SettingsError
from indexer.vocabulary import MODALITY_ALIASES, standard_modality
from sampler_runtime.compat.labels import LabelIndex, label_index

LISTS = ("data_list", "samples", "img_items", "records", "meta", "metadata", "annotations")
"""Attributes under which datasets keep what is told of each sample."""
_IDENTITY = ("pid", "person_id", "identity", "label", "target")
_MODALITY = ("modality", "modalities", "modal")
_BY_MODALITY = ("images", "paths")
_PATH = ("path", "img_path", "image_path", "file", "filename")


def listed(dataset: Any, positions: Sequence[int] | None) -> LabelIndex:
    """The samples of a dataset, or those at some positions of it, as an index in this order.

    Args:
        dataset: With one of `LISTS`, of dicts or of tuples such as `(path, pid, modality)`; or such a list.
        positions: Of the samples wanted; None: all.

    Raises:
        SettingsError: There is no such list, or a sample tells no identity or no modality.
    """
    records: Sequence[Any] | None = dataset if isinstance(dataset, (list, tuple)) else None
    for name in LISTS:
        found = getattr(dataset, name, None)
        if records is None and isinstance(found, Sequence) and not isinstance(found, str):
            records = found
    if records is None:
        raise SettingsError(
            f"CachedModalAwarePKSampler(dataset): {type(dataset).__name__} lists no samples; expected an index, an IndexDataset, "
            f"a Subset of one, or a dataset with one of {', '.join(LISTS)}"
        )
    people, kinds = [], []
    for at in range(len(records)) if positions is None else positions:
        try:
            record = records[at]
        except IndexError:
            raise SettingsError(f"dataset.indices: sample {at} of a list of {len(records):,}") from None
        who, kind = _fields(record)
        if who is None or not kind:
            lacks = "identity" if who is None else "modality"
            raise SettingsError(
                f"CachedModalAwarePKSampler(dataset): sample {at} tells no {lacks}: {record!r:.100}; expected a dict with "
                f"{' or '.join(_IDENTITY[:2])} and modality, or a tuple (path, pid, modality)"
            )
        people.append(who)
        kinds.append(kind)
    return label_index(people, modalities=kinds, setting="dataset, identity")


def _fields(record: Any) -> tuple[Any, tuple[str, ...]]:
    """Identity and modalities of a sample; None and none where it does not tell."""
    if hasattr(record, "_asdict"):
        record = record._asdict()
    if isinstance(record, Mapping):
        who, kind = _first(record, _IDENTITY), _kinds(_first(record, _MODALITY))
        if kind:
            return who, kind
        images = _first(record, _BY_MODALITY)
        kind = tuple(name for name, there in images.items() if there) if isinstance(images, Mapping) else ()
        return who, kind or _told_by_folder(_first(record, _PATH))
    if isinstance(record, Sequence) and not isinstance(record, str) and len(record) >= 2:
        named = next((f for f in record[2:] if isinstance(f, str) and _is_modality(f)), None)
        return record[1], _kinds(named) or _told_by_folder(record[0])
    return None, ()


def _first(record: Mapping[str, Any], names: Sequence[str]) -> Any:
    """What stands under the first of the names that there is."""
    for name in names:
        told = record.get(name)
        if told is not None:
            return told
    return None


def _kinds(told: Any) -> tuple[str, ...]:
    if isinstance(told, str):
        return (told,) if told else ()
    return tuple(map(str, told)) if isinstance(told, (list, tuple, set, frozenset)) else ()


def _told_by_folder(path: Any) -> tuple[str, ...]:
    """The modality that a folder of a path is named after, nearest to the file first."""
    folders = PurePath(path).parts[:-1] if isinstance(path, (str, PurePath)) else ()
    return next(((folder,) for folder in reversed(folders) if _is_modality(folder)), ())


@lru_cache(maxsize=4096)
def _is_modality(word: str) -> bool:
    return all(standard_modality(part) in MODALITY_ALIASES for part in word.split("+"))
