"""A part of a picture, whatever library read it: a box, or one of several modalities side by side."""

from __future__ import annotations

from typing import Any

from PIL import Image

from indexer.errors import SettingsError

Box = tuple[int, int, int, int]
"""x, y, width, height in pixels."""


def cropped(image: Any, box: Box) -> Any:
    """The part of an image within a box, as far as it lies in the picture.

    Args:
        image: A Pillow image, a tensor `(channels, height, width)` or an array `(height, width, channels)`.
        box: x, y, width, height.

    Raises:
        SettingsError: The image is something else: a decoder of one's own should return one of the three.
        ValueError: The box lies outside of the picture.
    """
    width, height = _size(image)
    left, top = max(0, box[0]), max(0, box[1])
    right, bottom = min(width, box[0] + box[2]), min(height, box[1] + box[3])
    if left >= right or top >= bottom:
        raise ValueError(f"the box {box} lies outside of the picture of {width} × {height}")
    if isinstance(image, Image.Image):
        return image.crop((left, top, right, bottom))
    return image[..., top:bottom, left:right] if _is_tensor(image) else image[top:bottom, left:right]


def side_by_side(image: Any, parts: int) -> list[Any]:
    """The parts of an image that shows several things side by side, from the left, equally wide."""
    width, height = _size(image)
    each = width // parts
    return [cropped(image, (i * each, 0, each, height)) for i in range(parts)]


def _size(image: Any) -> tuple[int, int]:
    if isinstance(image, Image.Image):
        return image.size
    shape: tuple[int, ...] = tuple(getattr(image, "shape", ()))
    if len(shape) != 3:
        raise SettingsError(
            f"decoder: returned {type(image).__name__}; to cut a sample out of it, expected a Pillow image, a tensor "
            "(channels, height, width) or an array (height, width, channels)"
        )
    return (int(shape[2]), int(shape[1])) if _is_tensor(image) else (int(shape[1]), int(shape[0]))


def _is_tensor(image: Any) -> bool:
    return hasattr(image, "requires_grad")
