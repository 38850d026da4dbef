"""Rows of an index -> small pictures for a report: boxes and parts cut out as training does, faults told where they are."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from PIL import Image

    from indexer.inspection.choice import Chosen
    from indexer.report import Cell, Pictures
    from sampler_runtime.mapped import MappedIndex
    from sampler_runtime.picture_sources import Source

_SIZE: Final = (88, 144)
"""Pixels at most: two pictures of a person beside each other fit a telephone."""
_QUALITY: Final = 72
_MOST_BYTES: Final = 480_000
"""Of all pictures, as JPEG; on the page they take a third more."""


def take_pictures(view: MappedIndex, chosen: list[Chosen], on_progress: Callable[[int], None]) -> Pictures:
    """The pictures of some identities.

    Args:
        view: The whole index.
        chosen: Identities, and a row of each of their modalities.
        on_progress: Is told how many identities have been looked at.
    """
    import numpy as np

    from indexer.report import PictureRow, Pictures

    if not chosen:
        return Pictures(absent="No sample here has an identity.")
    if not view.root.is_dir():
        return Pictures(
            absent="The dataset is not where the index looks for it: no picture could be read. "
            "Everything else on this page comes from the index alone."
        )
    rows: list[PictureRow] = []
    spent = 0
    # all at once: a column of a large index takes a second to decode
    labels = view.labels("identity", np.array([next(iter(one.rows.values())) for one in chosen], np.int64))
    for number, (one, label) in enumerate(zip(chosen, labels, strict=True)):
        cells = {modality: _cell(view, row, modality) for modality, row in one.rows.items()}
        spent += sum(len(cell.image or b"") for cell in cells.values())
        if spent > _MOST_BYTES:
            break
        rows.append(PictureRow(str(label), "+".join(one.rows), cells))
        on_progress(number + 1)
    told = None
    if len(rows) < len(chosen):
        told = f"{len(rows)} of {len(chosen)} identities are shown: more pictures than that would make the page large."
    cells_told = [cell for row in rows for cell in row.cells.values() if cell.caption is None]
    if cells_told and all(cell.problem for cell in cells_told):
        told = "None of these files could be read: are the pictures there, and whole?"
    return Pictures(tuple(rows), told)


def _cell(view: MappedIndex, row: int, modality: str) -> Cell:
    """One identity in one modality."""
    from indexer.report import Cell
    from indexer.vocabulary import TEXT
    from sampler_runtime.picture_sources import sources_of

    if modality == TEXT:
        told = view.captions_of(row)
        return Cell(caption=told[0]) if told else Cell(problem="no sentence told")
    source = sources_of(view, row).get(modality)
    if source is None:
        return Cell(problem="no file told")
    image, problem = _opened(source)
    if image is None:
        return Cell(path=source.path, problem=problem)
    try:
        encoded, size = _small(source.cut(image))
    except ValueError:
        return Cell(path=source.path, problem="its box lies outside of the picture")
    return Cell(encoded, size, path=source.path)


def _opened(source: Source) -> tuple[Image.Image | None, str | None]:
    """A picture, or why there is none."""
    from PIL import Image

    from indexer.errors import LeadsOutError
    from sampler_runtime.decoding import decoder_of, picture_of

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            return picture_of(source, decoder_of("pillow")), None
    except LeadsOutError:
        return None, "leads out of the dataset: not read without --links-outside"
    except (FileNotFoundError, NotADirectoryError):
        return None, "file missing"
    except Exception:  # a broken file makes decoders raise nearly anything
        return None, "cannot be read"


def _small(image: Image.Image) -> tuple[bytes, tuple[int, int]]:
    """A JPEG file of at most `_SIZE`, and its size."""
    from PIL import Image

    image = image.convert("RGB")
    image.thumbnail(_SIZE, Image.Resampling.LANCZOS)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=_QUALITY, optimize=True)
    return file.getvalue(), image.size
