"""XML label files -> entries. Several datasets say `encoding="gb2312"`, which Python's parser does not take.

So the bytes are decoded here, and the parser gets text. Document types are refused: entities can expand without end.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree

from indexer.errors import AnnotationError, names_told
from indexer.layouts.language.annotation import Annotation
from indexer.layouts.sources.text import bytes_of, decoded, wanted

_DECLARATION: Final = re.compile(r"^\s*<\?xml[^>]*\?>")
_ENCODING: Final = re.compile(rb"^(?:\xef\xbb\xbf)?\s*<\?xml[^>]*?encoding\s*=\s*[\"']([\w.-]+)[\"']")
_SUPERSETS: Final = {"gb2312": "gb18030", "gbk": "gb18030", "shift_jis": "cp932", "iso-8859-1": "cp1252"}
"""What files hold that say so: writers are seldom strict about the smaller of two sets of characters."""


def from_xml(annotation: Annotation, path: Path) -> tuple[dict[str, list[Any]], list[str]]:
    """The attributes, or the texts of the children, of every element of a kind; and the kinds of which there is none.

    Raises:
        AnnotationError: It is no XML, has a document type, or an element lacks what the layout says.
    """
    content = bytes_of(path)
    said = _ENCODING.match(content)
    encoding = said[1].decode("ascii").lower() if said else annotation.encoding
    text = decoded(content, _SUPERSETS.get(encoding, encoding), path).lstrip("\ufeff")
    text = _DECLARATION.sub("", text, count=1)
    if "\0" in text:  # the parser would take it for UTF-16, and see other characters than are looked for here
        raise AnnotationError(f"{path}: not valid XML (it holds zero bytes); save it as UTF-8")
    if re.search(r"<!(?:DOCTYPE|ENTITY)", text):
        raise AnnotationError(f"{path}: has a document type; label files have none, and entities are not expanded")
    try:
        root = ElementTree.fromstring(text)
    except (ElementTree.ParseError, UnicodeError) as error:
        raise AnnotationError(f"{path}: not valid XML ({error}); was the download cut off?") from None
    names = wanted(annotation)
    columns: dict[str, list[Any]] = {name: [] for name in names}
    lacking = []
    for place in annotation.places():
        tag = next((tag for tag in place.split("|") if next(root.iter(tag), None) is not None), None)
        if tag is None:
            lacking.append(place)
            continue
        for number, element in enumerate(root.iter(tag), 1):
            for name, theirs in names.items():
                value = element.get(theirs)
                if value is None:  # not `findtext`, to which a name is a path that is searched for
                    value = next((child.text or "" for child in element if child.tag == theirs), None)
                if value is None:
                    there = names_told([*element.keys(), *(child.tag for child in element)]) or "nothing"
                    raise AnnotationError(f"{path}, {tag} {number}: no attribute {theirs!r}; found {there}")
                columns[name].append(value)
    return columns, lacking
