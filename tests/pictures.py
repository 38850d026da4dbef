"""Pictures for trees whose files are empty: each folder's in a colour of its own."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

COLOUR_OF_FOLDER = {
    "vis": (200, 60, 60), "nir": (120, 120, 120), "sk": (240, 240, 240), "cp": (90, 160, 90), "RGB": (200, 60, 60),
    "NI": (120, 120, 120), "TI": (60, 60, 60),
}  # fmt: skip


def with_pictures(root: Path, size: tuple[int, int] = (24, 48)) -> Path:
    """A tree in which every file that is called a picture is one."""
    for file in root.rglob("*.jpg"):
        colour = next((COLOUR_OF_FOLDER[part] for part in file.parts if part in COLOUR_OF_FOLDER), (10, 90, 200))
        Image.new("RGB", size, colour).save(file)
    return root
