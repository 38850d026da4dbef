"""An image file -> an RGB picture, by one of several libraries. It is opened where it really lies, or not at all."""

from __future__ import annotations

import io
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
from PIL import Image, UnidentifiedImageError

from indexer.errors import SettingsError, did_you_mean
from indexer.sample_file import opened, real_file
from sampler_runtime.picture_sources import Source

Decode = Callable[[Path], Any]
"""What it raises is told with the path; FileNotFoundError means that there is no such file."""


def picture_of(source: Source, decode: Decode) -> Any:
    """What a source's file shows, whole: the one place where a sample's picture is opened.

    A decoder of the user's own is given the path that the index tells: its name and its neighbours may matter there. Ours are given
    what links lead to, and follow none.

    Raises:
        LeadsOutError: The file does not lie in the dataset's folder.
        FileNotFoundError: There is none.
        Exception: Anything that a decoder raises of a broken file.
    """
    file = real_file(source.root, source.path, links_outside=source.links_outside)
    return decode(Path(file) if decode in _DECODERS.values() else source.file)


def decoder_of(name: str | Decode) -> Decode:
    """The function that reads an image file.

    Args:
        name: `pillow`: a Pillow image, 16-bit infrared scaled. `torchvision`: a uint8 tensor, shape `(3, height, width)`.
            `simplejpeg`: a uint8 array, shape `(height, width, 3)`; files other than JPEG are read by Pillow. Or a function
            of your own, which must be picklable where workers are spawned.

    Raises:
        SettingsError: There is no such decoder, or its package is not installed.
    """
    if callable(name):
        return name
    if name not in _DECODERS:
        raise SettingsError(
            f"decoder: expected a function or a name, found {name!r}; {did_you_mean(name, list(_DECODERS))}"
        )
    if name != "pillow":
        try:
            import_module(name)
        except (
            ImportError,
            RuntimeError,
            OSError,
        ) as error:  # a torchvision of another torch build raises RuntimeError
            raise SettingsError(
                f"decoder={name!r}: the package cannot be imported ({error}); install {name} (for this torch), or use decoder='pillow'"
            ) from None
    return _DECODERS[name]


def _pillow(file: Path) -> Image.Image:
    with opened(file) as stream:
        return _picture(stream)


def _picture(stream: IO[bytes]) -> Image.Image:
    try:
        with Image.open(stream) as image:
            return _as_rgb(image)
    except UnidentifiedImageError:  # whose own words name the stream
        raise UnidentifiedImageError("no picture of a kind that Pillow knows") from None


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


def _torchvision(file: Path) -> Any:
    torch, pictures = import_module("torch"), import_module("torchvision.io")
    with opened(file) as stream:
        content = torch.frombuffer(bytearray(stream.read()), dtype=torch.uint8)
    return pictures.decode_image(content, mode=pictures.ImageReadMode.RGB)


def _simplejpeg(file: Path) -> Any:
    simplejpeg = import_module("simplejpeg")
    with opened(file) as stream:
        content = stream.read()
    if not simplejpeg.is_jpeg(content):
        return np.asarray(_picture(io.BytesIO(content)))
    return simplejpeg.decode_jpeg(content, colorspace="RGB")


_DECODERS: Final[dict[str, Decode]] = {"pillow": _pillow, "torchvision": _torchvision, "simplejpeg": _simplejpeg}
