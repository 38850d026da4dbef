"""Killed at any moment, a command leaves the old file or the whole new one, and the next run clears away the rest.

SIGKILL cannot be caught, so this is what a crash, the kernel's lack of memory and `kill -9` do. That the same holds for a power cut
follows from the order of the calls: first the bytes, then the name.
"""

from __future__ import annotations

import os
import re
import signal
import time
from pathlib import Path
from typing import Final

import numpy as np
import pytest

from tests.effort import IN_A_SOAK, IN_THE_GATE, gate_only, some, times
from tests.reliability.traced import Call, needs_strace, under_strace
from tests.reliability.warm import Warm
from tests.reliability.writings import BUILDS, OTHERS, Writing

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="killing a process at a given call needs Linux")

_ALWAYS: Final = re.compile(r"(rename|unlink|link|fsync|fdatasync|ftruncate|utimensat|flock|write|pwrite64|writev)")
_NAMES: Final = re.compile(r"(rename|unlink|fsync|fdatasync|link)")


def _matters(call: Call, writing: Writing) -> bool:
    """Whether to be killed there may make a difference: what is only read does not."""
    if call.name in ("openat", "close"):
        return ".reidindex-" in call.line or f'"{writing.folder}"' in call.line
    return _ALWAYS.match(call.name) is not None


def _points(writing: Writing, calls: list[Call]) -> list[tuple[Call, bytes | None]]:
    """Where to be killed, and what the file must hold then."""
    points, content = [], writing.old
    for call in calls:
        if _matters(call, writing):
            points.append((call, content))  # killed on the way into it
        if call.name.startswith("rename") and call.line.count(f'{writing.out}"'):
            content = writing.new
    assert content == writing.new, "the command must rename something to its file"
    return points


def _killed_at(warm: Warm, writing: Writing, call: Call, content: bytes | None) -> None:
    writing.put_back()
    inject = f"{call.name}:signal=KILL:when={call.number}"
    code, _ = under_strace(warm, *writing.words, told=writing.told, inject=inject)
    at = f"killed at {call.name} {call.number}: {call.line}"
    assert code == -signal.SIGKILL, at
    assert writing.content() == content, at
    assert warm.run(*writing.words, told=writing.told) == 0, at + writing.told.read_text()
    assert writing.content() == writing.new, at
    assert writing.left() == [], at


def _tried(points: list[tuple[Call, bytes | None]], names_only: bool) -> list[tuple[Call, bytes | None]]:
    """Every point in a soak; in the gate all that change something, of some commands only names; few elsewhere."""
    if IN_A_SOAK:
        return points
    kinds = _NAMES if names_only or not IN_THE_GATE else _ALWAYS
    ones = [(call, content) for call, content in points if kinds.match(call.name)]
    return ones if IN_THE_GATE else ones[:: max(len(ones) - 1, 1)]


@needs_strace
@pytest.mark.timeout(900)
@pytest.mark.parametrize("what", BUILDS if IN_THE_GATE else ["update"])
def test_a_build_that_is_killed_at_any_call_leaves_the_old_index_or_the_new(
    warm: Warm, tmp_path: Path, what: str
) -> None:
    writing = BUILDS[what](warm, tmp_path)
    writing.put_back()
    code, calls = under_strace(warm, *writing.words, told=writing.told)
    assert code == 0
    assert writing.content() == writing.new
    for call, content in _tried(_points(writing, calls), names_only=what == "hashed rebuild"):
        _killed_at(warm, writing, call, content)


@gate_only
@needs_strace
@pytest.mark.timeout(900)
@pytest.mark.parametrize("what", OTHERS)
def test_whatever_else_is_killed_leaves_the_old_file_or_the_new(warm: Warm, tmp_path: Path, what: str) -> None:
    writing = OTHERS[what](warm, tmp_path)
    writing.put_back()
    _, calls = under_strace(warm, *writing.words, told=writing.told)
    for call, content in _tried(_points(writing, calls), names_only=True):
        _killed_at(warm, writing, call, content)


@needs_strace
@pytest.mark.parametrize("what", [*BUILDS, *OTHERS] if IN_THE_GATE else ["rebuild"])
def test_bytes_reach_the_disk_before_their_name_and_the_name_before_the_end(
    warm: Warm, tmp_path: Path, what: str
) -> None:
    writing = {**BUILDS, **OTHERS}[what](warm, tmp_path)
    writing.put_back()
    code, calls = under_strace(warm, *writing.words, told=writing.told)
    assert code == 0
    temporary = rf"{re.escape(str(writing.folder))}/\.reidindex-{re.escape(writing.out.name)}\.[0-9a-f]{{8}}\.tmp"
    steps = {
        "w": rf"p?writev?(?:64)?\(\d+<{temporary}>, ",
        "u": rf'utimensat\(.*"{temporary}"',
        "s": rf"fsync\(\d+<{temporary}>\)",
        "r": rf'rename\w*\(.*"{temporary}".*"{re.escape(str(writing.out))}"',
        "d": rf"fsync\(\d+<{re.escape(str(writing.folder))}>\)",
        "l": rf"flock\(\d+<{re.escape(str(writing.folder))}/\.reidindex-.*>, LOCK_EX",
        "x": rf'unlink\w*\(.*"{re.escape(str(writing.folder))}/\.reidindex-.*\.lock"',
    }
    lines = [f"{call.name}({call.line}" for call in calls]
    seen = "".join(next((k for k, v in steps.items() if re.match(v, line)), "") for line in lines)
    assert re.fullmatch(r"lw+u?srdx", seen), (seen, lines)


def _length(warm: Warm, writing: Writing) -> float:
    """How long the command takes, in seconds."""
    writing.put_back()
    begun = time.monotonic()
    assert warm.run(*writing.words, told=writing.told) == 0
    return time.monotonic() - begun


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("number", some([signal.SIGKILL, signal.SIGTERM, signal.SIGINT]), ids=lambda s: s.name)
@pytest.mark.parametrize("what", BUILDS if IN_THE_GATE else ["rebuild"])
def test_a_build_that_is_ended_at_some_moment_leaves_the_old_index_or_the_new(
    warm: Warm, tmp_path: Path, what: str, number: signal.Signals
) -> None:
    """Whatever it is doing: a third of the moments in what it does before it writes, and after."""
    writing = BUILDS[what](warm, tmp_path)
    length, generator = _length(warm, writing), np.random.default_rng(int(number))
    most = times(1, 50 if number is signal.SIGKILL else 10, 400 if number is signal.SIGKILL else 100)
    ended = 0
    for moment in generator.uniform(0, 1.1 * length, most):
        writing.put_back()
        pid = warm.start(*writing.words, told=writing.told)
        time.sleep(moment)
        os.killpg(pid, number)
        code = warm.wait(pid)
        ended += code != 0
        assert writing.content() in (writing.old, writing.new), moment
        if number is not signal.SIGKILL:
            assert not [name for name in writing.left() if name.endswith(".tmp")], (moment, code)
        assert warm.run(*writing.words, told=writing.told) == 0, writing.told.read_text()
        assert writing.content() == writing.new, moment
        assert writing.left() == [], moment
    assert ended or most < 50, "nothing was ended: the moments are wrong"
