"""A process that has imported everything already and forks the command line: what is tried a thousand times must start quickly.

A forked child is the command line as a user runs it, but for its start: it has a real `fsync`, its own signals and
its own end. Only where processes fork.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import pkgutil
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

MOST_SECONDS: Final = 60.0
_NOT_WANTED: Final = ("indexer.__main__", "indexer.cli.bench")


class Warm:
    """Runs the command line in children of a warm process."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        self._ask({})

    def start(
        self,
        *words: object,
        told: Path,
        held: bool = False,
        limits: Mapping[str, int] | None = None,
        stdout: Path | None = None,
        cwd: Path | None = None,
    ) -> int:
        """Start a command; its process id. It leads a group of processes of its own.

        Args:
            words: The command line behind `reidindex`.
            told: The file that takes what it prints.
            held: Whether it stops before it begins, until SIGCONT.
            limits: Resource limits, by the names of the module `resource`.
            stdout: The file that takes what it prints to stdout, in place of `told`.
            cwd: Where it runs.
        """
        job = {
            "words": list(map(str, words)), "told": str(told), "held": held, "limits": dict(limits or {}),
            "stdout": str(stdout) if stdout is not None else None, "cwd": str(cwd or told.parent),
        }  # fmt: skip
        return int(self._ask(job))

    def wait(self, pid: int) -> int:
        """The exit code of a command that was started; the negative number of the signal that ended it."""
        code = self._ask({"wait": pid})
        assert code is not None, f"process {pid} did not end in {MOST_SECONDS:.0f} s"
        return int(code)

    def run(self, *words: object, told: Path, **options: Any) -> int:
        """Run a command to its end; its exit code."""
        return self.wait(self.start(*words, told=told, **options))

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._process.wait(MOST_SECONDS)

    def _ask(self, job: dict[str, Any]) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(job).encode() + b"\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


def _import_everything() -> None:
    import indexer
    from indexer.layouts import known_layouts

    for module in pkgutil.walk_packages(indexer.__path__, "indexer."):
        if module.name not in _NOT_WANTED:
            importlib.import_module(module.name)
    for name in ("filelock", "rich.console", "rich.progress", "rich.table", "concurrent.futures.thread"):
        importlib.import_module(name)
    known_layouts()
    gc.freeze()


def _be_the_command(job: dict[str, Any]) -> None:
    """In the child: leave by the end of the interpreter, as the command does."""
    from indexer.cli import main

    os.setpgid(0, 0)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # what runs under `nohup` ignores it
    told = os.open(job["told"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    out = os.open(job["stdout"], os.O_WRONLY) if job["stdout"] else told
    for number, handle in enumerate((os.open(os.devnull, os.O_RDONLY), out, told)):
        os.dup2(handle, number)
    os.closerange(3, 100)
    os.chdir(job["cwd"])
    for name, most in job["limits"].items():
        resource.setrlimit(getattr(resource, name), (most, most))
    sys.argv = ["reidindex", *job["words"]]
    if job["held"]:
        os.kill(os.getpid(), signal.SIGSTOP)
    main()


def _ended(pid: int) -> int | None:
    last = time.monotonic() + MOST_SECONDS
    while time.monotonic() < last:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.001)
    os.killpg(pid, signal.SIGKILL)
    return None


def _serve() -> None:
    _import_everything()
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    for line in requests:
        job, answer = json.loads(line), None
        if "wait" in job:
            answer = _ended(job["wait"])
        elif job:
            answer = os.fork()
            if not answer:
                _be_the_command(job)
                return
            os.setpgid(answer, answer)  # here too: nobody may be ended with it who happens to be in our group
            if job["held"]:
                os.waitpid(answer, os.WUNTRACED)
        answers.write(json.dumps(answer).encode() + b"\n")
        answers.flush()


if __name__ == "__main__":
    _serve()
