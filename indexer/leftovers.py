"""What a writer that is killed leaves beside its file, by name: so that the next one knows it and clears it away."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
from pathlib import Path
from typing import Final

from indexer.schema import OUR_HIDDEN

_LONGEST: Final = 200  # bytes; most systems take 255


def lock_of(out: Path) -> Path:
    """The file that is locked while `out` is written."""
    return out.with_name(f"{OUR_HIDDEN}{_stem(out)}.lock")


def new_temporary(out: Path) -> Path:
    """A name for what is to take the place of `out`; no process id: in containers that is the same again and again."""
    return out.with_name(f"{OUR_HIDDEN}{_stem(out)}.{secrets.token_hex(4)}.tmp")


def _stem(out: Path) -> str:
    """Its name; a digest of one that is as long as names can be, so that no more can be added to it."""
    name = out.name
    return name if len(os.fsencode(name)) <= _LONGEST else hashlib.sha256(os.fsencode(name)).hexdigest()[:32]


def remove_temporaries(out: Path) -> None:
    """Remove what nobody can be at work on: by whoever alone may write `out`."""
    ours = re.compile(re.escape(f"{OUR_HIDDEN}{_stem(out)}.") + r"[0-9a-f]{8}\.tmp")
    with contextlib.suppress(OSError), os.scandir(out.parent) as entries:
        for entry in entries:
            if ours.fullmatch(entry.name):
                with contextlib.suppress(OSError):
                    Path(entry.path).unlink()
