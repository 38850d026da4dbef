"""`[[rule]]` and `[[aside]]`: how files are named, those that are samples and those that are not."""

from __future__ import annotations

from pydantic import model_validator

from indexer.errors import did_you_mean
from indexer.layouts.language.parts import (
    AGAIN,
    FIELDS,
    Model,
    PatternField,
    Source,
    Value,
    Words,
    check_slots,
    check_values,
    slots,
)
from indexer.vocabulary import standard_modality


class Rule(Model):
    """One way in which files of samples are named."""

    match: PatternField
    unless: PatternField | None = None
    """Paths that `match` takes but that are no samples."""
    aligned: Words = ()
    """Groups that together name an aligned set: files that agree in them are one sample."""
    composite: Words = ()
    """Modalities that one picture shows side by side, left to right, equally wide."""
    identity: Value | None = None
    scope: Value | None = None
    camera: Value | None = None
    modality: Value | None = None
    split: Value | None = None
    view: Value | None = None
    tracklet: Value | None = None
    frame: Value | None = None
    clothes: Value | None = None
    source: Value | None = None
    role: Value | None = None

    @model_validator(mode="after")
    def _groups_exist(self) -> Rule:
        known = set(self.match.groups)
        needed = {*self.aligned, *(s.group for s in self.sources().values())}
        needed |= {name for template in self.templates().values() for name in slots(template)}
        needed |= {g.removesuffix(AGAIN) for g in known if g.endswith(AGAIN)}
        for field, source in self.sources().items():
            check_values(field, source.values)
        for field, constant in self.constants().items():
            check_slots(field, constant, known)
        for group in sorted(needed - known):
            raise ValueError(f"the pattern has no group {group!r}; {did_you_mean(group, sorted(known) or ['(none)'])}")
        return self

    @model_validator(mode="after")
    def _composite_is_one_of_modalities(self) -> Rule:
        if self.composite:
            if len(set(self.composite)) < max(2, len(self.composite)):
                raise ValueError("composite: expected the modalities side by side, two or more different ones")
            if self.aligned or "modality" in {**self.sources(), **self.constants(), **self.templates()}:
                raise ValueError("composite tells the modalities of a picture: no `modality`, no `aligned` beside it")
            for word in self.composite:
                if standard_modality(word) != word:
                    raise ValueError(f"composite: {word!r} is not a standard name of a modality")
        return self

    def sources(self) -> dict[str, Source]:
        """Field → where its value comes from, for the fields that are neither constants nor templates."""
        explicit = {f: getattr(self, f) for f in FIELDS}
        return {
            f: s if isinstance(s, Source) else Source.model_validate({"from": f})
            for f, s in explicit.items()
            if isinstance(s, Source) or (s is None and f in self.match.groups)
        }

    def templates(self) -> dict[str, str]:
        """Field → a text with groups to be filled in."""
        return {f: value for f in FIELDS if isinstance(value := getattr(self, f), str) and slots(value)}

    def constants(self) -> dict[str, str]:
        """Field → its value, where that is the same for every file the rule takes."""
        return {f: value for f in FIELDS if isinstance(value := getattr(self, f), str) and not slots(value)}

    def tells(self, field: str) -> bool:
        """Whether it says anything of a field."""
        return field in {**self.sources(), **self.templates(), **self.constants()}


class Aside(Model):
    """Files that are known and are no samples."""

    match: PatternField
    why: str
