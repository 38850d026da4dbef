"""The README in Chinese says what the English one says: the same commands, figures, names and links, part by part."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
ENGLISH, CHINESE = PROJECT / "README.md", PROJECT / "docs" / "README.zh-CN.md"


def parts(file):
    """The texts between headings, from the title on."""
    return re.split(r"^#{1,2} .*$", file.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]


def code(text):
    """Fenced and indented code, without remarks."""
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    lines += [line for line in text.splitlines() if line.startswith("    ")]
    return [re.sub(r"\s*#.*", "", line).strip() for line in lines if line.strip()]


def prose(text):
    return re.sub(r"^```\w*\n.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)


def names(text):
    return Counter(" ".join(name.split()) for name in re.findall(r"`([^`]+)`", prose(text)))


def figures(text):
    """Numbers, but not those that are words in one language: three, one."""
    return Counter(re.findall(r"\d[\d,.]*\d|\d", re.sub(r"`[^`]+`", "", prose(text))))


def links(text):
    """Where links lead, seen from the project's folder."""
    found = []
    for target in re.findall(r"\]\(([^)]+)\)", text):
        local = "://" not in target and not target.startswith("#")
        found.append(target.removeprefix("../") if local and target.startswith("../") else target)
    return Counter(target.removeprefix("docs/") if "://" not in target else target for target in found)


PARTS = list(zip(parts(ENGLISH), parts(CHINESE), strict=False)) if CHINESE.exists() else []


def test_both_have_the_same_parts():
    assert len(parts(ENGLISH)) == len(parts(CHINESE)) > 5


@pytest.mark.parametrize("number", range(len(PARTS)))
@pytest.mark.parametrize("what", [code, names, figures, links], ids=lambda f: f.__name__)
def test_a_part_says_the_same(number, what):
    english, chinese = PARTS[number]

    told = what(chinese)
    if isinstance(told, Counter):  # the link between the two is each one's own
        for own in ("README.md", "README.zh-CN.md"):
            told.pop(own, None)
    expected = what(english)
    if isinstance(expected, Counter):
        for own in ("README.md", "README.zh-CN.md"):
            expected.pop(own, None)
    assert told == expected


def test_it_is_chinese():
    text = CHINESE.read_text(encoding="utf-8")

    assert len(re.findall(r"[\u4e00-\u9fff]", text)) > 1_500
