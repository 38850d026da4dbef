"""Many files -> what a look into each tells, by several processes: an interrupted one leaves nothing running and says nothing."""

from __future__ import annotations

import signal
import threading
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import active_children, get_context, parent_process
from pathlib import Path
from typing import Final

from indexer.errors import TreeError
from indexer.opening import Looked, look_into

FILES_A_TASK: Final = 500


def looked(
    root: Path, paths: Sequence[str], pictures: Sequence[bool], *, hashes: bool, links_outside: bool, jobs: int
) -> Generator[list[Looked], None, None]:
    """Open files, some at a time. To be closed by whoever is interrupted: that ends the processes at once.

    Args:
        root: The folder that the paths are relative to.
        paths: Of the files.
        pictures: Which of them are pictures whose headers are to be read.
        hashes: Whether all of them are to be read in full.
        links_outside: Whether links may lead out of the folder.
        jobs: Processes; few files are opened in this one.

    Raises:
        TreeError: A process cannot be started, or was killed.
    """
    starts = range(0, len(paths), FILES_A_TASK)
    tasks = [(paths[a : a + FILES_A_TASK], pictures[a : a + FILES_A_TASK]) for a in starts]
    if jobs == 1 or len(tasks) < 2 * jobs:  # a process takes as long to start as some thousand files to read
        for some, headers in tasks:
            yield look_into(str(root), some, headers, hashes=hashes, links_outside=links_outside)
        return
    earlier = set(active_children())
    try:
        # spawn: a forked copy of a process with threads may hang
        with ProcessPoolExecutor(jobs, get_context("spawn"), initializer=_end_with_the_parent) as processes:
            try:
                with _interrupts_wait():
                    waiting = [
                        processes.submit(
                            look_into, str(root), some, headers, hashes=hashes, links_outside=links_outside
                        )
                        for some, headers in tasks
                    ]
                for task in waiting:
                    yield task.result()
            except BaseException:  # an interrupt too: what was asked for is wanted no more
                processes.shutdown(wait=False, cancel_futures=True)
                for process in set(active_children()) - earlier:
                    process.terminate()
                raise
    except BrokenProcessPool:
        raise TreeError(
            f"{root}: a process that read samples was killed, perhaps for want of memory; try again with --jobs 1"
        ) from None
    except OSError as error:
        raise TreeError(
            f"{root}: {jobs} processes to read samples could not be started ({error.strerror or error}); "
            "try again with --jobs 1"
        ) from None


@contextmanager
def _interrupts_wait() -> Iterator[None]:
    """Processes that are started here never see Ctrl-C: the terminal sends it to all, and this one answers for them.

    They inherit what this thread blocks. Another thread may take the signal all the same: none must break off a start.
    """
    if not hasattr(signal, "pthread_sigmask") or threading.current_thread() is not threading.main_thread():
        yield
        return
    waiting: list[int] = []
    handler = signal.signal(signal.SIGINT, lambda number, frame: waiting.append(number))
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        signal.signal(signal.SIGINT, handler if handler is not None else signal.SIG_DFL)
        for number in waiting:
            signal.raise_signal(signal.Signals(number))


def _end_with_the_parent() -> None:
    """What was killed cannot end its processes: each looks after that itself."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_wait_for_the_parents_end, daemon=True).start()


def _wait_for_the_parents_end() -> None:
    parent = parent_process()
    assert parent is not None
    parent.join()
    signal.raise_signal(signal.SIGTERM)
