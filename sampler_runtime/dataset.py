"""An index view -> a ready Dataset: the image of a row, with what the index knows about it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any, NamedTuple

import numpy as np
from PIL import Image
from torch.utils.data import Dataset

from indexer.errors import ReidIndexError, SettingsError
from indexer.vocabulary import TEXT
from sampler_runtime.mapped import MappedIndex

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


class IndexDataset(Dataset[Sample]):
    """The samples of an index view, images read by Pillow.

    Args:
        index: A view; row r of it is item r.
        transform: From a Pillow image (RGB) to what training wants; None leaves the image.
        relabel: Return pids as class labels 0 … classes - 1 of this view. The default protocol's training pids are
            that already; those of other protocols (`trial3/train`) are not.

    Corner cases:
        - An aligned set is a dict of images, each transformed by itself.
        - Pickles as a path, a digest and how the view was made (a subset: its rows); workers map the index anew.
        - Captions and aligned sets are not mapped: a worker that needs them decodes their column once.
    """

    def __init__(self, index: MappedIndex, transform: Transform | None = None, *, relabel: bool = False) -> None:
        """See the class."""
        if not isinstance(index, MappedIndex):
            raise SettingsError(f"IndexDataset(index): expected an index from open_index, found {type(index).__name__}")
        self.index, self.transform, self.relabel = index, transform, relabel

    @property
    def num_classes(self) -> int:
        """Distinct identities of the view."""
        return len(self.index.pids)

    def __len__(self) -> int:
        """Number of samples."""
        return len(self.index)

    def __getitem__(self, row: int) -> Sample:
        """The sample at a row.

        Raises:
            IndexError: The row is out of range.
            SampleError: The image is missing or cannot be decoded; the message names path and row.
        """
        if not -len(self) <= row < len(self):
            raise IndexError(f"row {row}: this view has {len(self):,} samples")
        row %= len(self)
        path, names = self.index.path_of(row), self.index.modalities_of(row)
        pid = self.index.value("pid", row)
        if self.relabel and pid >= 0:
            pid = int(np.searchsorted(self.index.pids, pid))
        partners = self.index.aligned_of(row)
        image: Any = self._image(path, row)
        if partners:
            anchor = next(name for name in names if name not in (*partners, TEXT))
            image = {anchor: image, **{name: self._image(partner, row) for name, partner in partners.items()}}
        return Sample(image, pid, self.index.value("camid", row), "+".join(names), path)

    def _image(self, path: str, row: int) -> Any:
        if _leads_out(path):
            raise SampleError(
                f"{path!r}: row {row}, this path leads out of the dataset; the index is not to be trusted"
            )
        file = self.index.root / path
        try:
            with Image.open(file) as opened:
                image = _as_rgb(opened)
        except FileNotFoundError:
            raise SampleError(
                f"{file}: row {row} of {self.index.path.name} has no file; was the dataset moved or changed? "
                f"`reidindex build {self.index.root}` looks again"
            ) from None
        except Exception as error:  # a broken file makes Pillow raise nearly anything; say which file it was
            raise SampleError(f"{file}: row {row}, this image cannot be decoded ({error})") from error
        return self.transform(image) if self.transform is not None else image
