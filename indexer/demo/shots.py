"""From a person to the pictures there are of them: which camera, view and pose, and the file's name.

Its own file because the names follow the grammar of the real data set, where camera, time and view can be read from
them; whoever changes how a picture looks need not know it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from indexer.demo.choices import Choices
from indexer.demo.population import Person
from indexer.demo.skeleton import Pose

FOLDERS = {"vis": "vis", "nir": "nir", "sketch": "sk", "colorpencil": "cp"}
"""Folder of each modality, by the word its file names end with."""

_SYSU_CAMERAS = {"vis": (1, 2, 4, 5), "nir": (3, 6)}
_LLCM_CAMERAS = tuple(range(1, 10))
_VIEWS = {"front": 0.45, "side": 0.35, "back": 0.2}


@dataclass(frozen=True)
class Shot:
    """One picture of a person. ``camera`` is 0 for drawings; ``path`` is relative to the data set, with slashes."""

    path: str
    modality: str
    source: str
    camera: int
    pose: Pose


def shots(person: Person, source: str) -> Iterator[Shot]:
    """Yield the shots of a person, by modality.

    Args:
        person: who is pictured.
        source: ``llcm`` or ``sysu``, the data set the person's photos claim to be from.
    """
    for modality, count in (("vis", person.counts.vis), ("nir", person.counts.nir)):
        yield from _photos(person, source, modality, count)
    for modality, count in (("sketch", person.counts.sketch), ("colorpencil", person.counts.colorpencil)):
        yield from _drawings(person, source, modality, count)


def _photos(person: Person, source: str, modality: str, count: int) -> Iterator[Shot]:
    chance = Choices(person.seed, person.number, source, modality)
    cameras = chance.shuffled(_LLCM_CAMERAS if source == "llcm" else _SYSU_CAMERAS[modality])
    # The first pictures show different sides, as a person walks past several cameras.
    views = chance.shuffled(("front", "side", "back"))
    clock, frame = chance.whole(8 * 3600, 20 * 3600), chance.whole(100, 40_000)
    found = []
    for index in range(count):
        camera = cameras[index % len(cameras)]
        view = views[index] if index < len(views) else chance.weighted(_VIEWS)
        clock, frame = clock + chance.whole(4, 300), frame + chance.whole(20, 900)
        if source == "llcm":
            place = f"c{camera:02d}_s{clock // 3600:02d}{clock // 60 % 60:02d}{clock % 60:02d}_f{frame}"
        else:
            place = f"cam{camera}_{index * 3 + chance.whole(1, 3):04d}"
        stride = chance.between(0.5, 1.0) * chance.pick((-1, 1)) if chance.chance(0.75) else chance.between(-0.15, 0.15)
        pose = Pose(view, chance.chance(0.5) and view == "side", stride, chance.between(-1, 1))
        found.append(Shot(_path(person, source, place, modality), modality, source, camera, pose))
    yield from sorted(found, key=lambda shot: shot.path)


def _drawings(person: Person, source: str, modality: str, count: int) -> Iterator[Shot]:
    chance = Choices(person.seed, person.number, source, modality)
    found = []
    for index in range(count):
        view = ("front", "back", "side")[index % 3]
        stride = chance.between(0.35, 0.9) if view == "side" else chance.between(-0.4, 0.4)
        pose = Pose(view, view == "side" and chance.chance(0.3), stride, chance.between(-0.8, 0.8))
        place = f"{view}_{index + 1}"
        found.append(Shot(_path(person, source, place, modality), modality, source, 0, pose))
    yield from sorted(found, key=lambda shot: shot.path)


def _path(person: Person, source: str, place: str, modality: str) -> str:
    name = f"{person.folder:04d}_{source}_{person.source_id:04d}_{place}_{modality}.jpg"
    return f"{FOLDERS[modality]}/{person.folder:04d}/{name}"
