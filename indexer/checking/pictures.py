"""Samples' files -> those that are no pictures, or broken ones.

A header tells little: of a JPEG that was cut off in the middle it is whole, and Pillow's `verify` passes it. Only decoding finds
what training would trip over.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

from indexer.sample_file import opened, real_file

Look = Literal["none", "header", "decode"]
_A_TASK = 64


def unreadable(
    root: Path,
    paths: Sequence[str],
    look: Look,
    *,
    links_outside: bool = False,
    jobs: int = 1,
    on_progress: Callable[[int], None] = lambda n: None,
) -> list[tuple[str, str]]:
    """Open pictures.

    Args:
        root: The folder that paths are relative to.
        paths: Of the files.
        look: How closely.
        links_outside: Whether links may lead out of the folder.
        jobs: Threads: decoding leaves Python's lock.
        on_progress: Told how many have been looked at.

    Returns:
        Path and reason of those that cannot be read.
    """
    if look == "none":
        return []

    def fault(path: str) -> str | None:
        return _fault(root, path, links_outside=links_outside, decode=look == "decode")

    found, done = [], 0
    with ThreadPoolExecutor(jobs) as threads:
        for start in range(0, len(paths), _A_TASK * jobs):
            some = paths[start : start + _A_TASK * jobs]
            told = list(threads.map(fault, some))
            found += [(path, why) for path, why in zip(some, told, strict=True) if why is not None]
            done += len(some)
            on_progress(done)
    return found


def _fault(root: Path, path: str, *, links_outside: bool, decode: bool) -> str | None:
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            file = real_file(root, path, links_outside=links_outside)
            with opened(file) as stream, Image.open(stream) as image:
                if decode:
                    image.load()
    except Exception as error:  # decoders of foreign files fail in every way
        strerror = error.strerror if isinstance(error, OSError) else None
        told = str(error).replace(str(root / path), "it").strip()
        return strerror or told or type(error).__name__
    return None
