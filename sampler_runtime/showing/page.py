"""A sheet and its pictures -> HTML that holds all of it: nothing is loaded from anywhere, everything from the index is escaped."""

from __future__ import annotations

import base64
import io
from html import escape
from typing import Final

from PIL import Image

from sampler_runtime.picture_sources import Source
from sampler_runtime.showing.palette import as_hex, colour_of
from sampler_runtime.showing.pictures import Pictures, Unseen
from sampler_runtime.showing.sheet import Cell, Panel, Sheet, SheetRow, without_words

GENERATOR: Final = "reidindex show"
_QUALITY: Final = 88
_STYLE: Final = """
.reidindex-sheet{font:13px/1.35 system-ui,sans-serif;color:inherit;overflow-x:auto}
.reidindex-sheet h1{font-size:17px;margin:0 0 2px}
.reidindex-sheet p{margin:0;opacity:.75}
.reidindex-sheet table{border-collapse:collapse;margin-top:8px}
.reidindex-sheet th,.reidindex-sheet td{border:0;padding:6px 8px 6px 0;vertical-align:top;text-align:left;background:none}
.reidindex-sheet tr.first{border-top:1px solid rgba(128,128,128,.4)}
.reidindex-sheet tr{background:none!important}
.reidindex-sheet th{font-weight:400}
.reidindex-sheet th div{width:max-content;min-width:5em;max-width:11em;overflow-wrap:anywhere}
.reidindex-sheet .cell{width:min-content}
.reidindex-sheet th b{font-size:15px;display:block}
.reidindex-sheet .panels{display:flex;gap:0}
.reidindex-sheet figure{margin:0;border:3px solid;min-width:112px;flex:none;box-sizing:border-box}
.reidindex-sheet figcaption{color:#fff;padding:0 3px 2px;display:flex;justify-content:space-between;gap:8px;margin:0;white-space:nowrap}
.reidindex-sheet img{display:block;margin:0 auto;max-width:none;background:#fff}
.reidindex-sheet blockquote{margin:0;padding:4px;width:14em;font-size:12px;overflow-wrap:anywhere;border:0;color:inherit}
.reidindex-sheet figure.none{border:1px dashed rgba(128,128,128,.8)}
.reidindex-sheet figure.none figcaption{color:inherit}
.reidindex-sheet .why{padding:8px;background:rgba(128,128,128,.16)}
.reidindex-sheet .why,.reidindex-sheet .lacks,.reidindex-sheet .again{color:#b3261e}
.reidindex-sheet small{display:block;font-size:12px;width:0;min-width:100%;overflow-wrap:anywhere}
.reidindex-sheet .told{display:-webkit-box;-webkit-box-orient:vertical;-webkit-line-clamp:4;overflow:hidden}
.reidindex-sheet .file{opacity:.75;white-space:nowrap;overflow:hidden;text-overflow:ellipsis}
.reidindex-sheet td.tail div{width:10em}
@media (prefers-color-scheme:dark){.reidindex-sheet .why,.reidindex-sheet .lacks,.reidindex-sheet .again{color:#ff9a8f}
.reidindex-sheet figure{outline:1px solid rgba(255,255,255,.3)}}
@media print{.reidindex-sheet tr{break-inside:avoid}.reidindex-sheet figcaption,.reidindex-sheet figure{print-color-adjust:exact}}
"""
_PAGE_STYLE: Final = """
:root{color-scheme:light dark}
body{margin:16px;background:#fff;color:#181818}
@media (prefers-color-scheme:dark){body{background:#15171a;color:#e6e6e6}}
@media print{body{background:#fff;color:#181818}}
"""


def page(sheet: Sheet, pictures: Pictures) -> str:
    """The sheet as a whole document."""
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="generator" content="{GENERATOR}">\n<title>{_words(sheet.title)}</title>\n'
        f"<style>{_PAGE_STYLE}</style></head>\n<body>\n{fragment(sheet, pictures)}</body></html>\n"
    )


def fragment(sheet: Sheet, pictures: Pictures) -> str:
    """The sheet as a part of a document, with its style: what a notebook shows."""
    lines = "".join(f"<p>{_words(line)}</p>\n" for line in sheet.lines)
    seen = {source: _data_uri(found) for source, found in pictures.items() if isinstance(found, Image.Image)}
    uris = {source: uri for source, uri in seen.items() if uri}
    rows = "".join(_row(row, sheet.columns, pictures, uris) for row in sheet.rows)
    return (
        f'<style>{_STYLE}</style>\n<div class="reidindex-sheet" role="region" tabindex="0" aria-label="{_words(sheet.title)}">\n<h1>{_words(sheet.title)}</h1>\n{lines}'
        f"<table>\n{rows}</table>\n</div>\n"
    )


def _row(row: SheetRow, columns: int, pictures: Pictures, uris: dict[Source, str]) -> str:
    head = "".join(
        f"<b>{_words(line)}</b>" if not n else f"<span>{_words(line)}</span><br>" for n, line in enumerate(row.head)
    )
    cells = "".join(f"<td>{_cell(cell, pictures, uris)}</td>\n" for cell in row.cells)
    room = "<td></td>" * (columns - len(row.cells)) if row.remarks else ""
    remarks = "".join(f"<div{' class=lacks' if r.lacks else ''}>{_words(r.words)}</div>" for r in row.remarks)
    tail = f'{room}<td class="tail">{remarks}</td>' if row.remarks else ""
    return f'<tr{"" if row.continues else " class=first"}><th scope="row"><div>{head}</div></th>\n{cells}{tail}</tr>\n'


def _cell(cell: Cell, pictures: Pictures, uris: dict[Source, str]) -> str:
    panels = "".join(_panel(panel, cell, pictures, uris) for panel in cell.panels)
    words = "".join(
        f'<small class="told" title="{_words(caption)}">{_words(caption)}</small>' for caption in cell.captions
    )
    if cell.note:
        words += f"<small{' class=again' if cell.repeats else ''}>{_words(cell.note)}</small>"
    if cell.name:
        paths = "\n".join(sample.path for sample in cell.samples)
        words += f'<small class="file" title="{_words(paths)}">{_words(cell.name)}</small>'
    return f'<div class="cell"><div class="panels">{panels}</div>{words}</div>'


def _panel(panel: Panel, cell: Cell, pictures: Pictures, uris: dict[Source, str]) -> str:
    colour = as_hex(colour_of(panel.modality))
    camera = f"<span>cam {_words(panel.camera)}</span>" if panel.camera is not None else ""
    label = f"<span>{_words(panel.modality)}</span>{camera}"
    found = pictures.get(panel.source) if panel.source is not None else None
    if panel.source is None and panel.sentence is None:
        return (
            f'<figure class="none"><figcaption>{label}</figcaption>'
            f'<div class="why">{_words(without_words(panel.modality))}</div></figure>'
        )
    if panel.source is not None and isinstance(found, Image.Image):
        told = [panel.modality, f"camera {panel.camera}" if panel.camera is not None else "", cell.name]
        alt = _words(", ".join(filter(None, told)))
        inside = f'<img src="{uris[panel.source]}" alt="{alt}" width="{found.width}" height="{found.height}">'
    elif isinstance(found, Unseen):
        inside = f'<div class="why" title="{_words(found.reason)}">{_words(found.words)}</div>'
    else:
        inside = f"<blockquote>{_words(panel.sentence or '(no words)')}</blockquote>"
    return (
        f'<figure style="border-color:{colour}"><figcaption style="background:{colour}">{label}</figcaption>'
        f"{inside}</figure>"
    )


def _data_uri(image: Image.Image) -> str:
    held = io.BytesIO()
    image.save(held, "JPEG", quality=_QUALITY)
    return "data:image/jpeg;base64," + base64.b64encode(held.getvalue()).decode()


def _words(text: str) -> str:
    """Escaped, and without what a document cannot hold: control characters, and bytes that are no text.

    >>> _words('<b>"7"'), _words("a" + chr(27) + chr(0xD800))
    ('&lt;b&gt;&quot;7&quot;', 'a??')
    """
    return escape("".join(c if c in "\n\t" or (c >= " " and not "\ud800" <= c <= "\udfff") else "?" for c in text))
