"""File systems made for a test, where root may make such."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(place: Path, options: str) -> Iterator[Path]:
    """A tmpfs with these options; the test is skipped where none can be mounted."""
    if sys.platform != "linux" or os.geteuid():
        pytest.skip("only root of a Linux machine can mount a small disk")
    place.mkdir()
    if (said := _mount("-t", "tmpfs", "-o", options, "tmpfs", place)) is not None:
        pytest.skip(f"nothing can be mounted here: {said}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


def remount(place: Path, options: str) -> None:
    """The same disk with other options."""
    assert _mount("-o", f"remount,{options}", place) is None


def _mount(*words: object) -> str | None:
    done = subprocess.run(["mount", *map(str, words)], capture_output=True, text=True)
    return done.stderr.strip() if done.returncode else None


@contextmanager
def immutable(file: Path) -> Iterator[None]:
    """A file or folder that not even root can change; the test is skipped where a file system knows no such thing."""
    if sys.platform != "linux" or os.geteuid():
        pytest.skip("only root of a Linux machine can make a file immutable")
    done = subprocess.run(["chattr", "+i", file], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"nothing can be made immutable here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["chattr", "-i", file], check=True)
