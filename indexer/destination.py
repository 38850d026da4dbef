"""Where a build may write: nothing of anybody's is lost."""

from __future__ import annotations

from pathlib import Path

from indexer.errors import IndexFileError
from indexer.index_file import is_index
from indexer.scan.listing import printable
from indexer.schema import INDEX_NAME


def output_file(root: Path, out: Path | None) -> Path:
    """The file to write: in a folder that is there; a link to an index leads to the index.

    Args:
        root: The dataset folder.
        out: What the user named: a file, or a folder that is there; None for the dataset folder.

    Raises:
        IndexFileError: Nothing can be written there.
    """
    out = out if out is not None else root / INDEX_NAME
    try:
        str(out).encode()
        if out.is_dir():
            out = out / INDEX_NAME
        if out.is_symlink():
            out = out.resolve()
        if out.parent != root and not out.parent.is_dir():
            raise IndexFileError(f"{out}: the folder {out.parent} for the index does not exist; make it first")
        out.exists()
    except (OSError, RuntimeError) as error:  # RuntimeError: before Python 3.13, a link that leads to itself
        if isinstance(error, IndexFileError):
            raise
        why = getattr(error, "strerror", None) or error
        raise IndexFileError(
            f"{str(out)[:200]}: the index cannot be written there ({why}); name another with -o"
        ) from None
    except UnicodeEncodeError:
        raise IndexFileError(f"{printable(str(out))}: the name is not valid UTF-8; name another with -o") from None
    return out


def refuse_foreign(out: Path, *, force: bool) -> None:
    """Only an index is ever replaced, or what has its name and is damaged; a file of somebody's may have any name.

    Raises:
        IndexFileError: Something else lies there. `force` replaces files, and nothing but files.
    """
    try:
        if not out.exists():
            return
        if not out.is_file():
            raise IndexFileError(f"{out}: something that is no file lies there; name another place with -o")
        ours = force or is_index(out)
    except OSError as error:
        if isinstance(error, IndexFileError):
            raise
        raise IndexFileError(f"{out}: cannot be looked at ({error.strerror}); name another file with -o") from None
    if not ours:
        raise IndexFileError(f"{out}: exists and is not an index; name another file with -o, or --force to replace it")
