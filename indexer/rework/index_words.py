"""A user's words for modalities and splits -> those of an index."""

from __future__ import annotations

from collections.abc import Sequence

from indexer.errors import SettingsError, did_you_mean
from indexer.vocabulary import resolve_modality, standard_split


class IndexWords:
    """What an index calls its modalities and splits. A word that it does not know is a `SettingsError`."""

    def __init__(self, modalities: Sequence[str], splits: Sequence[str]) -> None:
        """Of an index: both in the order of its bits."""
        self.modalities, self.splits = list(modalities), list(splits)
        self.plain = [name for name in splits if "/" not in name]

    def modality(self, word: str) -> str:
        """`vis` → `rgb`."""
        try:
            return resolve_modality(word, self.modalities)
        except SettingsError:
            near = did_you_mean(word, self.modalities)
            raise SettingsError(f"this index has no modality {word!r:.60}; {near}") from None

    def split(self, word: str) -> str:
        """`validation` → `val`; those of protocols too."""
        return self._split(word, self.splits)

    def modality_text(self, text: str) -> str:
        """`text+vis` → `rgb+text`, as the column `modality` has it."""
        words = {self.modality(word) for word in text.split("+")}
        return "+".join(sorted(words, key=self.modalities.index))

    def split_text(self, text: str) -> str:
        """`gallery+query` → `query+gallery`, as the column `split` has it."""
        words = {self._split(word, self.plain) for word in text.split("+")}
        return "+".join(sorted(words, key=self.plain.index))

    def _split(self, word: str, among: Sequence[str]) -> str:
        name = standard_split(word)
        if name in among:
            return name
        if name in self.splits:
            raise SettingsError(f"{name!r} belongs to a protocol; write in_split({name!r})")
        raise SettingsError(f"this index has no split {word!r:.60}; {did_you_mean(name, among or ['(none)'])}")
