"""An image file -> an RGB picture, by one of several libraries."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import numpy as np
from PIL import Image

from indexer.errors import SettingsError, did_you_mean

Decode = Callable[[Path], Any]
"""What it raises is told with the path; FileNotFoundError means that there is no such file."""


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
    with Image.open(file) as opened:
        return _as_rgb(opened)


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
    io = import_module("torchvision.io")
    if not file.exists():
        raise FileNotFoundError(file)
    return io.decode_image(io.read_file(os.fspath(file)), mode=io.ImageReadMode.RGB)


def _simplejpeg(file: Path) -> Any:
    simplejpeg = import_module("simplejpeg")
    content = file.read_bytes()
    if not simplejpeg.is_jpeg(content):
        return np.asarray(_pillow(file))
    return simplejpeg.decode_jpeg(content, colorspace="RGB")


_DECODERS: Final[dict[str, Decode]] = {"pillow": _pillow, "torchvision": _torchvision, "simplejpeg": _simplejpeg}
