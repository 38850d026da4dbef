"""A sheet with its pictures, read: to look at in a notebook, or to save. A file is replaced in one step, and only one of ours."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from PIL import Image, PngImagePlugin

from indexer.errors import ReidIndexError, SettingsError
from sampler_runtime.cached_property import cached_property
from sampler_runtime.settings import whole_number
from sampler_runtime.showing.arrangement import MOST_PIXELS, MOST_UNEVEN
from sampler_runtime.showing.drawing import draw_sheet
from sampler_runtime.showing.page import GENERATOR, fragment, page
from sampler_runtime.showing.pictures import Pictures, Unseen, read_pictures
from sampler_runtime.showing.sheet import Panel, Sheet

MAX_SIZE: Final = 160
LARGEST: Final = 2048
SUFFIXES: Final = (".png", ".jpg", ".jpeg", ".html", ".htm")
_BEGINNING: Final = 4096
_MARKS: Final = (
    (b"\x89PNG\r\n", b"Software\0" + GENERATOR.encode()),
    (b"\xff\xd8", b"\xff\xfe\0" + bytes([2 + len(GENERATOR)]) + GENERATOR.encode()),
    (b"<!DOCTYPE html>", f'<meta name="generator" content="{GENERATOR}">'.encode()),
)
"""How the files begin that we write, and what in them tells that it was us: Software, comment, generator."""


class ContactSheet:
    """Samples on one sheet; a notebook shows it by itself.

    Args:
        sheet: What is on it.
        max_size: The longer side of a picture, in pixels.
        on_progress: Is told how many files have been read.

    Raises:
        SettingsError: `max_size` is no number from 16 to 2048; or the sheet would be too large for programs to open.
    """

    def __init__(
        self, sheet: Sheet, max_size: int = MAX_SIZE, *, on_progress: Callable[[int], None] = lambda count: None
    ) -> None:
        """See the class."""
        self.sheet, self.max_size = sheet, whole_number(max_size, "max_size", 16, LARGEST + 1)
        panels = sum(1 for _ in sheet.every_panel())
        least = panels * self.max_size**2 // MOST_UNEVEN
        if least > MOST_PIXELS:  # before anything is read
            raise SettingsError(
                f"the sheet would have {panels:,} pictures, at {self.max_size} pixels each {least:,} at "
                f"least, more than programs can show ({MOST_PIXELS:,} in all); make the pictures smaller, or show fewer"
            )
        self.pictures: Pictures = read_pictures(
            sheet.sources(), (self.max_size, self.max_size), on_progress=on_progress
        )

    @cached_property
    def image(self) -> Image.Image:
        """The sheet as an RGB picture of Pillow.

        Raises:
            SettingsError: It would be too large for programs to open.
        """
        return draw_sheet(self.sheet, self.pictures, self.max_size)

    @property
    def unseen(self) -> dict[str, list[str]]:
        """Why there is no picture, `file missing` or `not readable` → what is to be said of each, path first."""
        found: dict[str, list[str]] = {}
        for source, picture in self.pictures.items():
            if isinstance(picture, Unseen):
                found.setdefault(picture.words, []).append(f"{source.path}: {picture.reason}")
        return found

    def seen(self, panel: Panel) -> str:
        """What a panel shows: `picture`, `sentence`, `none`, `missing` or `unreadable`."""
        if panel.source is None:
            return "none" if panel.sentence is None else "sentence"
        found = self.pictures[panel.source]
        return "picture" if isinstance(found, Image.Image) else "missing" if "missing" in found.words else "unreadable"

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write it to a file, PNG, JPEG or HTML by the end of its name; a file that is there is replaced.

        Raises:
            SettingsError: The name ends in something else.
            ReidIndexError: It cannot be written there.
        """
        file = Path(path)
        check_suffix(file)
        beside = file.with_name(f".{file.name}.{os.getpid()}.tmp")
        try:
            if file.suffix.lower() in (".html", ".htm"):
                beside.write_text(page(self.sheet, self.pictures), encoding="utf-8", errors="replace")
            elif file.suffix.lower() == ".png":
                self.image.save(beside, "PNG", pnginfo=_software())
            else:
                self.image.save(beside, "JPEG", quality=90, comment=GENERATOR.encode())
            beside.replace(file)
        except OSError as error:
            raise ReidIndexError(
                f"{file}: the sheet cannot be written there ({error.strerror or error}); name another file"
            ) from None
        finally:
            beside.unlink(missing_ok=True)

    def _repr_html_(self) -> str:
        return fragment(self.sheet, self.pictures)

    def __repr__(self) -> str:
        cells = sum(len(row.cells) for row in self.sheet.rows)
        return f"<contact sheet: {self.sheet.title}, {len(self.sheet.rows)} rows, {cells} cells>"


def check_suffix(file: Path) -> None:
    """That a sheet can be written to a file of this name.

    Raises:
        SettingsError: It does not end in one of `SUFFIXES`.
    """
    if file.suffix.lower() not in SUFFIXES:
        raise SettingsError(f"{file}: a sheet is written as {', '.join(SUFFIXES)}; found {file.suffix or 'no ending'}")


def is_sheet(file: Path) -> bool:
    """Whether a file is a sheet that we wrote, or empty."""
    with file.open("rb") as handle:
        start = handle.read(_BEGINNING)
    return not start or any(start.startswith(kind) and mark in start for kind, mark in _MARKS)


def _software() -> Any:
    info = PngImagePlugin.PngInfo()
    info.add_text("Software", GENERATOR)
    return info
