"""A function in a forked child: what it answers, what it raises, or which signal ends it. For what may end a process."""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
import warnings
from collections.abc import Callable

import pytest

from tests.effort import IN_A_SOAK

MOST_SECONDS = 600 if IN_A_SOAK else 60
needs_fork = pytest.mark.skipif(
    not hasattr(os, "fork") or sys.platform == "darwin", reason="its processes are forked, which is safe on Linux"
)


def forked(act: Callable[[], object]) -> str:
    """The answer as text; `IndexMissingError: …` for an error; `SIGBUS` for a signal."""
    told, tell = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 minds that Arrow has threads; they are idle
        pid = os.fork()
    if not pid:
        os.close(told)
        try:
            faulthandler.disable()
            signal.signal(
                signal.SIGALRM, signal.SIG_DFL
            )  # pytest-timeout has a handler, which a thread that waits never runs
            signal.alarm(MOST_SECONDS)  # what waits for a lock that nobody lets go of ends as SIGALRM
            answer = str(act())
        except BaseException as error:
            answer = f"{type(error).__name__}: {error}"
        with os.fdopen(tell, "wb") as pipe:
            pipe.write(answer.encode())
        os._exit(0)
    os.close(tell)
    with os.fdopen(told, "rb") as pipe:
        answer = pipe.read().decode()
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return answer if code >= 0 else signal.Signals(-code).name
