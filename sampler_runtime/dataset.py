"""An index view -> a ready Dataset: the image of a row, with what the index knows about it."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import torch
from PIL import Image
from torch.utils.data import Dataset

from indexer.errors import LeadsOutError, ReidIndexError, SettingsError
from indexer.vocabulary import TEXT
from sampler_runtime.composition import parse_composition
from sampler_runtime.decoding import Decode, decoder_of, picture_of
from sampler_runtime.joint import JointIndex
from sampler_runtime.mapped import MappedIndex
from sampler_runtime.picture_sources import Source, sources_of
from sampler_runtime.view import IndexView

Transform = Callable[[Any], Any]
OnError = Literal["raise", "skip-to-same-identity"]

_log = logging.getLogger("reidindex")


class SampleError(ReidIndexError, OSError):
    """The image of a row is missing or cannot be decoded."""


class Sample(NamedTuple):
    """What `IndexDataset` returns: unpack it, or use the names. A DataLoader collates it field by field."""

    image: Any
    """The transformed image; for an aligned set or a composite picture a dict, modality → transformed image; None for a
    sample that is a sentence only."""
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

    images: Any
    """Modality → transformed image; a blank one of the same shape where there is none. Or what `joint_transform` made of it."""
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
    """The samples of an index view.

    Args:
        index: A view; row r of it is item r.
        transform: From an image (RGB; a Pillow image, where `decoder` says nothing else) to what training wants; None leaves
            the image.
        relabel: Return pids as class labels 0 … classes - 1 of this view. The default protocol's training pids are
            that already; those of other protocols (`trial3/train`) are not.
        compose: As of the sampler, for composed instances: item `(row, row, -1)` is then an `Instance`.
        joint_transform: The dict of images of an aligned set or an instance is transformed as a whole, after `transform`: for crops
            that all modalities share.
        decoder: `pillow`, `torchvision`, `simplejpeg` or a function of a path, see `decoding.decoder_of`.
        on_error: What becomes of an image that is missing or broken. `raise`: a `SampleError`. `skip-to-same-identity`: another
            sample of the identity takes its place, of the same modalities where there is one, not yet in the batch where
            there is one; so batches stay P×K. Logged once a row and worker, counted in `replaced`.

    Corner cases:
        - An aligned set is a dict of images, each transformed by itself; so is a picture that shows modalities side by side.
        - A sample that is a box in a picture is cut out of it.
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
        joint_transform: Callable[[dict[str, Any]], Any] | None = None,
        decoder: str | Decode = "pillow",
        on_error: OnError = "raise",
    ) -> None:
        """See the class."""
        if not isinstance(index, (MappedIndex, JointIndex)):
            raise SettingsError(f"IndexDataset(index): expected an index from open_index, found {type(index).__name__}")
        if sys.getfilesystemencoding() != "utf-8":
            raise SettingsError(
                f"IndexDataset: this Python names files in {sys.getfilesystemencoding()}, expected UTF-8; set PYTHONUTF8=1, or a locale of UTF-8"
            )
        self.index, self.transform, self.relabel = index, transform, relabel
        self.compose = parse_composition(compose, index.modalities) if compose else ()
        self.joint_transform, self._decode = joint_transform, decoder_of(decoder)
        if on_error not in get_args(OnError):
            raise SettingsError(f"on_error: expected 'raise' or 'skip-to-same-identity', found {on_error!r}")
        self.on_error = on_error
        self._replaced = torch.zeros(1, dtype=torch.int64)
        self._replaced.share_memory_()  # type: ignore[no-untyped-call]  # workers count here
        self._told: set[int] = set()

    @property
    def num_classes(self) -> int:
        """Distinct identities of the view."""
        return len(self.index.pids)

    @property
    def replaced(self) -> int:
        """Samples that others took the place of, over all workers of this dataset."""
        return int(self._replaced.item())

    def __len__(self) -> int:
        """Number of samples."""
        return len(self.index)

    def __getitems__(self, rows: Sequence[Any]) -> list[Sample | Instance]:
        """The samples of a batch: what a DataLoader asks for. As one by one, but who takes a place knows the others."""
        taken = set(np.concatenate([np.ravel(item) for item in rows]).tolist()) if len(rows) else set()
        return [self._item(row, taken) for row in rows]

    def __getitem__(self, row: int | tuple[int, ...]) -> Sample | Instance:
        """The sample at a row or, of the tuple of rows that a sampler with `compose` yields, the composed instance.

        Raises:
            IndexError: The row is out of range.
            SampleError: The image is missing or cannot be decoded; the message names path and row.
            SettingsError: A tuple, without `compose`.
        """
        return self._item(row, set())

    def _item(self, row: Any, taken: set[int]) -> Sample | Instance:
        if np.ndim(row):
            return self._instance(tuple(map(int, row)), taken)
        row, images = self._read(self._checked(row), taken)
        names = self.index.modalities_of(row)
        image: Any = self._jointly(images) if len(images) > 1 else next(iter(images.values()), None)
        return Sample(image, self._pid(row), self.index.value("camid", row), "+".join(names), self.index.path_of(row))

    def _instance(self, rows: tuple[int, ...], taken: set[int]) -> Instance:
        if len(rows) != len(self.compose):
            if not self.compose:
                raise SettingsError(
                    f"IndexDataset[{rows!r:.60}]: expected a row; of composed instances give the dataset the sampler's modalities, "
                    "IndexDataset(…, compose=sampler.compose); a batch sampler goes into DataLoader(batch_sampler=…), not sampler="
                )
            expected = f"{len(self.compose)} rows ({', '.join(self.compose)})"
            raise SettingsError(f"IndexDataset[{rows!r:.60}]: expected {expected}, one for each modality of compose")
        there = {name: self._checked(row) for name, row in zip(self.compose, rows, strict=True) if row >= 0}
        if not there:
            raise SettingsError(f"IndexDataset[{rows}]: an instance of no rows")
        read = {row: self._read(row, taken) for row in dict.fromkeys(there.values())}
        rows = tuple(read[there[name]][0] if name in there else -1 for name in self.compose)
        images = {name: read[row][1].get(name) for name, row in there.items() if name != TEXT}
        told = self._captions(rows[self.compose.index(TEXT)]) if TEXT in there else []
        example = next((image for image in images.values() if image is not None), None)
        shown = {name: images.get(name, _blank(example)) for name in self.compose if name != TEXT}
        first = next(iter(there.values()))
        mask = tuple(row >= 0 for row in rows)
        return Instance(self._jointly(shown), told[0] if told else "", mask, self._pid(first), rows)

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

    def _jointly(self, images: dict[str, Any]) -> Any:
        return images if self.joint_transform is None else self.joint_transform(images)

    def _read(self, row: int, taken: set[int]) -> tuple[int, dict[str, Any]]:
        """The images of a row, or of the one that takes its place; and which row it is."""
        try:
            return row, self._images(row)
        except SampleError as error:
            if self.on_error == "raise":
                raise
            first = error
        for other in self._others(row, taken):
            try:
                images = self._images(other)
            except SampleError:
                continue
            taken.add(other)
            self._replaced += 1
            if row not in self._told:
                self._told.add(row)
                _log.warning("%s; row %d of the same identity takes its place", first, other)
            return other, images
        raise SampleError(f"{first}; no other sample of the identity can be read instead") from first

    def _others(self, row: int, taken: set[int]) -> Iterator[int]:
        """Rows that can take the place of one: of the same identity and modalities, those not in the batch first."""
        pid, kind = self.index.value("pid", row), self.index.value("modalities", row)
        if pid < 0:
            return iter(())
        start, found = 0, []
        for pids, kinds in self.index.column_blocks("pid", "modalities"):
            own = np.flatnonzero(pids == pid)
            found += [(start + at, int(kinds[at])) for at in own.tolist()]
            start += len(pids)
        order = sorted(
            (other for other in found if other[0] != row),
            key=lambda other: (other[1] != kind, other[0] in taken, (other[0] - row) % len(self)),
        )
        # A row of other modalities would break an instance or a contract: better no batch than a wrong one.
        return iter([other for other, other_kind in order if other_kind & kind == kind])

    def _images(self, row: int) -> dict[str, Any]:
        """Modality → image, of a row."""
        part, own = self.index.locate(row)
        images: dict[str, Any] = {}
        opened: dict[str, Any] = {}  # a picture that shows several modalities side by side is one file
        for modality, source in sources_of(part, own).items():
            if source.path not in opened:
                opened[source.path] = self._image(part, source, own)
            images[modality] = self._transformed(_cut(opened[source.path], source, own))
        return images

    def _transformed(self, image: Any) -> Any:
        return self.transform(image) if self.transform is not None else image

    def _image(self, part: MappedIndex, source: Source, row: int) -> Any:
        """What a row's file shows."""
        try:
            return picture_of(source, self._decode)
        except LeadsOutError as error:
            raise SampleError(f"row {row} of {part.path.name}: {error}") from None
        except FileNotFoundError:
            raise SampleError(
                f"{source.file}: row {row} of {part.path.name} has no file; was the dataset moved or changed? "
                f"`reidindex build {part.root}` looks again; where it lies elsewhere: open_index({part.path.name!r}, root=…)"
            ) from None
        except Exception as error:  # a broken file makes decoders raise nearly anything; say which file it was
            raise SampleError(f"{source.file}: row {row}, this image cannot be decoded ({error})") from error


def _cut(image: Any, source: Source, row: int) -> Any:
    """What is cut out of a row's picture."""
    try:
        return source.cut(image)
    except ValueError as error:
        raise SampleError(f"{source.file}: row {row}, {error}") from None
