"""The command line under strace: which system calls it makes, and what it does when one of them fails or is its last."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest

from tests.reliability.warm import Warm

CALLS: Final = (
    "openat,close,write,pwrite64,writev,ftruncate,fsync,fdatasync,utimensat,flock,"
    "?rename,renameat,renameat2,?unlink,unlinkat,?link,linkat,?mkdir,mkdirat"
)
"""Those that change files or decide about it; `?`: not every kind of processor has it."""
_LINE: Final = re.compile(r"(\d+) +(\w+)\((.*)")


@cache
def _why_not() -> str:
    if shutil.which("strace") is None:
        return "strace is not installed"
    if subprocess.run(["strace", "-qq", "-o", os.devnull, "true"], capture_output=True).returncode:
        return "strace may not be used here"
    scope = Path("/proc/sys/kernel/yama/ptrace_scope")
    if os.geteuid() and scope.exists() and scope.read_text().strip() != "0":
        return "only root may trace a running process here (kernel.yama.ptrace_scope)"
    return ""


needs_strace = pytest.mark.skipif(bool(_why_not()), reason=_why_not() or "strace is there")


@dataclass(frozen=True)
class Call:
    """One system call of a command's main thread."""

    name: str
    number: int
    """Which one of its name, from 1."""
    line: str
    """Its arguments, with the file behind each handle."""


def under_strace(warm: Warm, *words: object, told: Path, inject: str = "", **options: Any) -> tuple[int, list[Call]]:
    """Run a command to its end; its exit code and the calls it has made.

    Args:
        warm: What runs it.
        words: The command line behind `reidindex`.
        told: The file that takes what it prints.
        inject: What befalls which call, as strace takes it: `fsync:error=EIO:when=1`.
        options: Of `Warm.start`.
    """
    pid = warm.start(*words, told=told, held=True, **options)
    log = told.with_name(f"{told.name}.strace")
    options_of_strace = ["-f", "-y", "-p", str(pid), "-o", str(log), "-e", f"trace={CALLS}"]
    if inject:
        options_of_strace += ["-e", f"inject={inject}"]
    with subprocess.Popen(["strace", *options_of_strace], stderr=subprocess.PIPE, text=True) as tracer:
        assert tracer.stderr is not None
        said = tracer.stderr.readline()
        os.kill(pid, signal.SIGCONT)
        code = warm.wait(pid)
        assert "attached" in said, said + tracer.stderr.read()
    return code, calls_of(log.read_text(errors="replace"), pid)


def calls_of(log: str, pid: int) -> list[Call]:
    """The calls of the main thread, in their order."""
    counts: dict[str, int] = {}
    found = []
    for line in log.splitlines():
        match = _LINE.match(line)
        if match is not None and int(match[1]) == pid:
            name = match[2]
            counts[name] = counts.get(name, 0) + 1
            found.append(Call(name, counts[name], match[3]))
    return found
