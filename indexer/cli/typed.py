"""Words of the command line -> text. Whatever the locale, they are UTF-8; what is not would break where it is used."""

from __future__ import annotations

import os


def as_text(word: str, option: str) -> str:
    """What was typed, its characters whole.

    Args:
        word: As Python hands it over: bytes that the locale does not know are halves of characters.
        option: For the message.

    Raises:
        SettingsError: It is not UTF-8.
    """
    from indexer.errors import SettingsError
    from indexer.scan.listing import printable

    try:
        word.encode()
    except UnicodeEncodeError:
        try:
            return os.fsencode(word).decode()
        except UnicodeError:
            raise SettingsError(f"{option}: expected UTF-8, found {printable(word)[:200]}") from None
    return word


def from_stdin(option: str) -> str:
    """All of stdin.

    Raises:
        SettingsError: It is not UTF-8.
    """
    import sys

    from indexer.errors import SettingsError

    try:
        return sys.stdin.buffer.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SettingsError(f"{option}: expected UTF-8 on stdin, found byte {error.start} to be none") from None
