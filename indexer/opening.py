"""One file -> what a look into it tells: the picture's size and mode, and the digest of its content.

Imports little, because every process of a probe imports it anew.
"""

from __future__ import annotations

import hashlib
import io
import warnings
from collections.abc import Sequence
from typing import IO, Final, NamedTuple

from indexer.sample_file import opened, real_file

HASH_BYTES: Final = 16


class Looked(NamedTuple):
    """What was found in a file; None where it was not asked for or could not be told."""

    width: int | None = None
    """Pixels, as the file has them: without regard to a rotation that its EXIF data ask for."""
    height: int | None = None
    mode: str | None = None
    content_hash: bytes | None = None
    fault: str | None = None
    """Why it could not be told."""


def content_hash(content: bytes) -> bytes:
    """The first 16 bytes of the SHA-256.

    >>> content_hash(b"").hex()
    'e3b0c44298fc1c149afbf4c8996fb924'
    """
    return hashlib.sha256(content).digest()[:HASH_BYTES]


def look_into(
    root: str, paths: Sequence[str], pictures: Sequence[bool], *, hashes: bool, links_outside: bool = False
) -> list[Looked]:
    """Open some files.

    Args:
        root: The folder that the paths are relative to.
        paths: Of the files.
        pictures: Which of them are pictures whose headers are to be read.
        hashes: Whether all of them are to be read in full.
        links_outside: Whether links may lead out of the folder.
    """
    return [
        _look(root, path, header=header, hashes=hashes, links_outside=links_outside)
        for path, header in zip(paths, pictures, strict=True)
    ]


def _look(root: str, path: str, *, header: bool, hashes: bool, links_outside: bool) -> Looked:
    if not (header or hashes):
        return Looked()
    try:
        file = real_file(root, path, links_outside=links_outside)
        if not hashes:
            with opened(file) as stream:
                return Looked(*_header(stream))
        with opened(file) as stream:
            content = stream.read()
    except OSError as error:
        return Looked(fault=error.strerror or str(error))
    except _Unreadable as error:
        return Looked(fault=str(error))
    digest = content_hash(content)
    if not header:
        return Looked(content_hash=digest)
    try:
        return Looked(*_header(io.BytesIO(content)), digest)
    except _Unreadable as error:
        return Looked(content_hash=digest, fault=str(error))


class _Unreadable(Exception):
    """A file that is no picture."""


def _header(file: IO[bytes]) -> tuple[int, int, str]:
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a large picture is large, nothing is decoded
            with Image.open(file) as image:
                return image.width, image.height, image.mode
    except OSError as error:
        if error.errno is not None:
            raise
        raise _Unreadable("not an image that can be read") from None
    except Exception as error:  # decoders of foreign files fail in every way
        raise _Unreadable(f"not an image that can be read ({type(error).__name__})") from None
