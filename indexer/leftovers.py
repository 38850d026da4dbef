"""What a writer that is killed leaves beside its file, by name: so that the next one knows it and clears it away."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from pathlib import Path

from indexer.schema import OUR_HIDDEN


def lock_of(out: Path) -> Path:
    """The file that is locked while `out` is written."""
    return out.with_name(f"{OUR_HIDDEN}{out.name}.lock")


def new_temporary(out: Path) -> Path:
    """A name for what is to take the place of `out`; no process id: in containers that is the same again and again."""
    return out.with_name(f"{OUR_HIDDEN}{out.name}.{secrets.token_hex(4)}.tmp")


def remove_temporaries(out: Path) -> None:
    """Remove what nobody can be at work on: by whoever alone may write `out`."""
    ours = re.compile(re.escape(f"{OUR_HIDDEN}{out.name}.") + r"[0-9a-f]{8}\.tmp")
    with contextlib.suppress(OSError), os.scandir(out.parent) as entries:
        for entry in entries:
            if ours.fullmatch(entry.name):
                with contextlib.suppress(OSError):
                    Path(entry.path).unlink()
