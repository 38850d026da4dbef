"""An index view -> a ready Dataset: the image of a row, with what the index knows about it."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any, NamedTuple

import numpy as np
from PIL import Image
from torch.utils.data import Dataset

from indexer.errors import ReidIndexError, SettingsError
from indexer.vocabulary import TEXT
from sampler_runtime.composition import parse_composition
from sampler_runtime.joint import JointIndex
from sampler_runtime.mapped import MappedIndex
from sampler_runtime.view import IndexView

Transform = Callable[[Image.Image], Any]


def _leads_out(path: str, *, windows: bool = os.name == "nt") -> bool:
    """Whether a path of an index is not below its root: the index may come from anywhere.

    >>> [_leads_out(p, windows=False) for p in ("a/b.jpg", "/a", "a/../../b", "a\\\\b:c.jpg")]
    [False, True, True, False]
    >>> [_leads_out(p, windows=True) for p in ("a/b.jpg", "C:b.jpg", "..\\\\b.jpg")]
    [False, True, True]
    """
    pure = PureWindowsPath(path) if windows else PurePosixPath(path)
    return bool(pure.anchor) or ".." in pure.parts


def _as_rgb(image: Image.Image) -> Image.Image:
    """Three channels of 8 bits. 16-bit infrared images are scaled: Pillow's own conversion would make them white."""
    if image.mode.startswith("I"):
        values = np.asarray(image)
        if values.min(initial=0) < 0 or values.max(initial=0) > 0xFFFF:
            raise ValueError("32-bit values cannot be shown in 8; read such images with a Dataset of your own")
        image = Image.fromarray((values >> 8).astype(np.uint8))
    elif image.mode == "F":
        raise ValueError("floating-point values cannot be shown in 8 bits; read such images with a Dataset of your own")
    return image.convert("RGB")


class SampleError(ReidIndexError, OSError):
    """The image of a row is missing or cannot be decoded."""


class Sample(NamedTuple):
    """What `IndexDataset` returns: unpack it, or use the names. A DataLoader collates it field by field."""

    image: Any
    """The transformed image; for an aligned set a dict, modality → transformed image."""
    pid: int
    """Number of the identity; -1 for a distractor, junk or hidden one."""
    camid: int
    """Number of the camera; -1 where the dataset tells none."""
    modality: str
    """Readable, e.g. `rgb`, `rgb+text`."""
    path: str
    """Relative to the dataset's root."""


class Instance(NamedTuple):
    """What `IndexDataset` returns of a composed instance. A DataLoader collates it field by field."""

    images: dict[str, Any]
    """Modality → transformed image; a blank one of the same shape where there is none."""
    caption: str
    """The first sentence that describes it; empty where there is none."""
    mask: tuple[bool, ...]
    """Which modalities of `compose` there are."""
    pid: int
    """Number of the identity."""
    rows: tuple[int, ...]
    """The row of each modality; -1: none."""


def _blank(example: Any) -> Any:
    """What stands for an image that there is none of."""
    if isinstance(example, Image.Image):
        return Image.new(example.mode, example.size)
    return example * 0 if example is not None else None


class IndexDataset(Dataset[Any]):
    """The samples of an index view, images read by Pillow.

    Args:
        index: A view; row r of it is item r.
        transform: From a Pillow image (RGB) to what training wants; None leaves the image.
        relabel: Return pids as class labels 0 … classes - 1 of this view. The default protocol's training pids are
            that already; those of other protocols (`trial3/train`) are not.
        compose: As of the sampler, for composed instances: item `(row, row, -1)` is then an `Instance`.

    Corner cases:
        - An aligned set is a dict of images, each transformed by itself.
        - Pickles as a path, a digest and how the view was made (a subset: its rows); workers map the index anew.
        - Captions and aligned sets are not mapped: a worker that needs them decodes their column once.
    """

    def __init__(
        self,
        index: IndexView,
        transform: Transform | None = None,
        *,
        relabel: bool = False,
        compose: Sequence[str] = (),
    ) -> None:
        """See the class."""
        if not isinstance(index, (MappedIndex, JointIndex)):
            raise SettingsError(f"IndexDataset(index): expected an index from open_index, found {type(index).__name__}")
        self.index, self.transform, self.relabel = index, transform, relabel
        self.compose = parse_composition(compose, index.modalities) if compose else ()

    @property
    def num_classes(self) -> int:
        """Distinct identities of the view."""
        return len(self.index.pids)

    def __len__(self) -> int:
        """Number of samples."""
        return len(self.index)

    def __getitem__(self, row: int | tuple[int, ...]) -> Sample | Instance:
        """The sample at a row or, of the tuple of rows that a sampler with `compose` yields, the composed instance.

        Raises:
            IndexError: The row is out of range.
            SampleError: The image is missing or cannot be decoded; the message names path and row.
            SettingsError: A tuple, without `compose`.
        """
        if isinstance(row, tuple):
            return self._instance(row)
        row = self._checked(row)
        names = self.index.modalities_of(row)
        images = self._images(row)
        image: Any = images if len(images) > 1 else next(iter(images.values()))
        return Sample(image, self._pid(row), self.index.value("camid", row), "+".join(names), self.index.path_of(row))

    def _instance(self, rows: tuple[int, ...]) -> Instance:
        if len(rows) != len(self.compose):
            expected = f"{len(self.compose)} rows ({', '.join(self.compose)})" if self.compose else "a row"
            raise SettingsError(
                f"IndexDataset[{rows}]: expected {expected}; give the dataset the sampler's: IndexDataset(…, compose=sampler.compose)"
            )
        there = {name: self._checked(row) for name, row in zip(self.compose, rows, strict=True) if row >= 0}
        if not there:
            raise SettingsError(f"IndexDataset[{rows}]: an instance of no rows")
        read = {row: self._images(row) for row in dict.fromkeys(there.values())}
        images = {name: read[row].get(name) for name, row in there.items() if name != TEXT}
        told = [sentence for row in [there[TEXT]] for sentence in self._captions(row)] if TEXT in there else []
        example = next((image for image in images.values() if image is not None), None)
        shown = {name: images.get(name, _blank(example)) for name in self.compose if name != TEXT}
        first = next(iter(there.values()))
        mask = tuple(row >= 0 for row in rows)
        return Instance(shown, told[0] if told else "", mask, self._pid(first), rows)

    def _checked(self, row: int) -> int:
        if not -len(self) <= row < len(self):
            raise IndexError(f"row {row}: this view has {len(self):,} samples")
        return row % len(self)

    def _pid(self, row: int) -> int:
        pid = self.index.value("pid", row)
        return int(np.searchsorted(self.index.pids, pid)) if self.relabel and pid >= 0 else pid

    def _captions(self, row: int) -> list[str]:
        part, own = self.index.locate(row)
        return part.captions_of(own)

    def _images(self, row: int) -> dict[str, Any]:
        """Modality → image, of a row."""
        part, own = self.index.locate(row)
        names, partners = part.modalities_of(own), part.aligned_of(own)
        anchor = next((name for name in names if name not in (*partners, TEXT)), TEXT)
        files = {anchor: part.path_of(own), **partners}
        return {name: self._image(part, path, own) for name, path in files.items()}

    def _image(self, part: MappedIndex, path: str, row: int) -> Any:
        if _leads_out(path):
            raise SampleError(
                f"{path!r}: row {row}, this path leads out of the dataset; the index is not to be trusted"
            )
        file = part.root / path
        try:
            with Image.open(file) as opened:
                image = _as_rgb(opened)
        except FileNotFoundError:
            raise SampleError(
                f"{file}: row {row} of {part.path.name} has no file; was the dataset moved or changed? "
                f"`reidindex build {part.root}` looks again"
            ) from None
        except Exception as error:  # a broken file makes Pillow raise nearly anything; say which file it was
            raise SampleError(f"{file}: row {row}, this image cannot be decoded ({error})") from error
        return self.transform(image) if self.transform is not None else image
