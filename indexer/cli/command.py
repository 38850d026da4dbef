"""A command of `reidindex`: what all of them can be told, beside their own options."""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable
from typing import Annotated, Any, get_type_hints

import typer

from indexer.cli import console

_SHARED = {
    "quiet": Annotated[bool, typer.Option("-q", "--quiet", help="No progress, no remarks: errors only on stderr.")],
    "verbose": Annotated[
        bool, typer.Option("-v", "--verbose", help="Name everything that is otherwise only counted.")
    ],
    "debug": Annotated[bool, typer.Option("--debug", help="Show the whole traceback of an error.")],
}  # fmt: skip


def command(function: Callable[..., None]) -> Callable[..., None]:
    """A command that also takes `--quiet`, `--verbose` and `--debug`, before or after its own options."""

    @functools.wraps(function)
    def told(*args: Any, quiet: bool, verbose: bool, debug: bool, **kwargs: Any) -> None:
        console.be("quiet" if quiet else "verbose" if verbose else "usual")
        if debug:
            os.environ["REIDINDEX_DEBUG"] = "1"
        function(*args, **kwargs)

    hints = get_type_hints(function, include_extras=True)
    own = [p.replace(annotation=hints[name]) for name, p in inspect.signature(function).parameters.items()]
    shared = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=False, annotation=kind)
        for name, kind in _SHARED.items()
    ]
    told.__signature__ = inspect.Signature([*own, *shared])  # type: ignore[attr-defined]
    told.__annotations__ = {**hints, **_SHARED}
    return told
