"""Names of files and folders that are never samples: what systems and tools leave behind, and what we write ourselves."""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

from indexer.schema import OUR_HIDDEN

_DROPPING: Final = re.compile(
    r"thumbs\.db|desktop\.ini|metadata\.parquet|__macosx|@eadir|.*-checkpoint\.\w+|\..*", re.IGNORECASE | re.DOTALL
)
"""Names that systems and tools leave behind, files and folders alike; hidden names are among them, and what tells Hugging Face's
imagefolder about a tree."""

_OURS: Final = ("reidindex.", "reidindex-", OUR_HIDDEN)
"""The index, reports, sheets of batches: what we write, by default under such names, is nothing to tell about."""

SUSPECT: Final = frozenset("._@tTdDrRmM")
"""First letters of such names, and of ours: the others need no closer look. It runs for every file of a dataset."""


def is_dropping(name: str, counted: Counter[str]) -> bool:
    """Whether a name is one of these.

    Args:
        name: Of a file or folder.
        counted: What others have left behind is counted here; ours is nothing to tell about.
    """
    if name.startswith(_OURS):
        return True
    if not _DROPPING.fullmatch(name):
        return False
    counted[name if name[0] != "." or name == ".DS_Store" else ".*"] += 1
    return True
