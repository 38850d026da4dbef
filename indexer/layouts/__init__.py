"""Dataset layouts: one TOML file a dataset, and the small engine that applies them to a listing.

`definition` says what a layout file may contain; `rules` and `annotations` apply one; `detection` finds which one
fits; `manifest` reads a user's own table instead.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from pathlib import Path

from indexer.errors import LayoutError, LayoutFileError, did_you_mean
from indexer.layouts.definition import Layout, parse_layout

__all__ = ["Layout", "known_layouts", "load_layout"]


@cache
def known_layouts() -> dict[str, Layout]:
    """Every layout that comes with reidindex, by name."""
    folder = resources.files("indexer.layouts") / "datasets"
    files = sorted((f for f in folder.iterdir() if f.name.endswith(".toml")), key=lambda f: f.name)
    names = [f.name.removesuffix(".toml") for f in files]
    return {
        name: parse_layout(f.read_text(encoding="utf-8"), name=name, where=f.name)
        for name, f in zip(names, files, strict=True)
    }


def load_layout(name: str) -> Layout:
    """A layout by its name, or from a user's `.toml` file.

    Raises:
        LayoutError: There is no such layout.
        LayoutFileError: The file is wrong.
    """
    if not name.endswith(".toml"):
        layouts = known_layouts()
        if name not in layouts:
            raise LayoutError(f"unknown layout {name!r}; {did_you_mean(name, list(layouts))}; or give a .toml or manifest file")
        return layouts[name]
    path = Path(name)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise LayoutFileError(f"{name}: this layout file cannot be read ({error.strerror})") from None
    except UnicodeDecodeError as error:
        raise LayoutFileError(f"{name}: a layout file is UTF-8 text, byte {error.start} is not") from None
    return parse_layout(text, name=path.stem, where=name)
