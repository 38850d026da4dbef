"""Sources -> small pictures, or the words for why there is none. Every file is opened once, whatever is cut out of it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from PIL import Image

from indexer.errors import LeadsOutError
from sampler_runtime.decoding import decoder_of, picture_of
from sampler_runtime.picture_sources import Source

MISSING: Final = "file missing"
UNREADABLE: Final = "not readable"
_THREADS: Final = 4


@dataclass(frozen=True, slots=True)
class Unseen:
    """Why there is no picture."""

    words: str
    """`file missing` or `not readable`."""
    reason: str


Pictures = dict[Source, Image.Image | Unseen]


def read_pictures(
    sources: Sequence[Source], largest: tuple[int, int], *, on_progress: Callable[[int], None] = lambda count: None
) -> Pictures:
    """The pictures of some sources, RGB, none larger than `largest`.

    Args:
        sources: Without repeats.
        largest: Width and height in pixels; larger pictures are made smaller, with their proportions.
        on_progress: Is told how many files have been read.

    A file that is missing, broken, beyond Pillow's limit for decompression bombs, or out of the dataset's folder gives
    an `Unseen`; nothing is raised.
    """
    by_file: dict[tuple[Path, str], list[Source]] = {}
    for source in sources:
        by_file.setdefault((source.root, source.path), []).append(source)
    found: Pictures = {}
    with warnings.catch_warnings(), ThreadPoolExecutor(_THREADS) as pool:
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            for number, pictures in enumerate(pool.map(lambda ones: _read(ones, largest), by_file.values()), 1):
                found.update(pictures)
                on_progress(number)
        except BaseException:  # who interrupts does not wait for the rest
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return found


def _read(sources: Sequence[Source], largest: tuple[int, int]) -> Pictures:
    """Of sources of one file."""
    try:
        image = picture_of(sources[0], decoder_of("pillow"))
    except LeadsOutError:
        return dict.fromkeys(sources, Unseen(UNREADABLE, "leads out of the dataset: not read without --links-outside"))
    except FileNotFoundError:
        return dict.fromkeys(sources, Unseen(MISSING, "there is no such file"))
    except Exception as error:  # a broken file makes decoders raise nearly anything
        told = error.strerror if isinstance(error, OSError) and error.strerror else str(error) or repr(error)
        return dict.fromkeys(sources, Unseen(UNREADABLE, told.splitlines()[0]))
    return {source: _part(image, source, largest) for source in sources}


def _part(image: Any, source: Source, largest: tuple[int, int]) -> Image.Image | Unseen:
    try:
        small: Image.Image = source.cut(image).copy()
    except ValueError as error:
        return Unseen(UNREADABLE, str(error))
    small.thumbnail(largest)
    return small
