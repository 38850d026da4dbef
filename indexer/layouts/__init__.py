"""Dataset layouts: one TOML file a dataset, and the small engine that applies them to a listing.

`definition` says what a layout file may contain; `rules` and `annotations` apply one; `detection` finds which one
fits; `manifest` reads a user's own table instead.
"""

from __future__ import annotations

import os
from functools import cache
from importlib import resources
from pathlib import Path

from indexer.errors import LayoutFileError, SettingsError, did_you_mean
from indexer.layouts.definition import LARGEST_LAYOUT, Layout, parse_layout
from indexer.sample_file import opened

__all__ = ["Layout", "known_layouts", "layout_names", "layout_text", "load_layout"]


@cache
def _texts() -> dict[str, str]:
    folder = resources.files("indexer.layouts") / "datasets"
    files = sorted(
        (f for f in folder.iterdir() if f.name.endswith(".toml")), key=lambda f: f.name.removesuffix(".toml")
    )
    return {f.name.removesuffix(".toml"): f.read_text(encoding="utf-8") for f in files}


def layout_names() -> list[str]:
    """The names of the layouts that come with reidindex."""
    return list(_texts())


@cache
def _shipped(name: str) -> Layout:
    return parse_layout(_texts()[name], name=name, where=f"{name}.toml")


@cache
def known_layouts() -> dict[str, Layout]:
    """Every layout that comes with reidindex, by name."""
    return {name: _shipped(name) for name in _texts()}


def load_layout(name: str) -> Layout:
    """A layout by its name, or from a user's `.toml` file.

    Raises:
        SettingsError: There is no such layout.
        LayoutFileError: The file is wrong.
    """
    if not name.endswith(".toml"):
        layout_text(name)
        return _shipped(name)
    return parse_layout(layout_text(name), name=Path(name).stem, where=name)


def layout_text(name: str) -> str:
    """The TOML text of a layout, by its name or from a user's file.

    Raises:
        SettingsError: There is no such layout.
        LayoutFileError: The file cannot be read.
    """
    if not name.endswith(".toml"):
        if name not in _texts():
            near = did_you_mean(name, list(_texts()))
            raise SettingsError(
                f"unknown layout {name!r}; {near}; or give a file: a layout (.toml) or a manifest (.csv, .jsonl, .parquet)"
            )
        return _texts()[name]
    try:
        with opened(os.path.realpath(name)) as file:
            content = file.read(LARGEST_LAYOUT + 1)
        if len(content) > LARGEST_LAYOUT:
            raise LayoutFileError(
                f"{name}: a layout file holds at most {LARGEST_LAYOUT:,} bytes, this has more; put long tables into a list "
                "beside the dataset, and read it as an [[annotation]]"
            )
        return content.decode("utf-8-sig")
    except OSError as error:
        raise LayoutFileError(f"{name}: this layout file cannot be read ({error.strerror})") from None
    except UnicodeDecodeError as error:
        raise LayoutFileError(f"{name}: a layout file is UTF-8 text, byte {error.start} is not") from None
