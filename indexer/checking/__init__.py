"""An index and its tree -> what is wrong with them: nothing is changed.

`whole` looks at the index file, `tree` compares it with the files that are there, `pictures` opens samples, `copies` compares their
contents; `check` composes them, `findings` says what each can find and what helps against it.
"""

from indexer.checking.check import CheckReport, check_index

__all__ = ["CheckReport", "check_index"]
