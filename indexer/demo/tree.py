"""From people to a data set on disk: image files, the train annotations and the test gallery and queries.

Its own file because the layout is a contract with readers of the real data set, whatever the pictures show.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from indexer.demo.captions import caption
from indexer.demo.population import Person, population
from indexer.demo.rendering import Studio
from indexer.demo.shots import FOLDERS, Shot, shots

TRAIN_FILE = "train_annos.json"
TEST_FILE = "test_gallery_and_queries.json"
COMBINATIONS = ("TEXT+NIR", "TEXT+CP", "TEXT+SK", "NIR+CP+SK", "TEXT+NIR+CP+SK")
"""The queries of several items at once; the items are in the order of the key's parts."""

_KEYS = {"NIR": "nir", "CP": "colorpencil", "SK": "sketch"}
_QUALITY = 90

Taken = list[tuple[Person, list[Shot]]]


@dataclass(frozen=True)
class DemoSummary:
    """What was written.

    Attributes:
        root: the data set's folder.
        identities: how many people there are.
        train_identities: how many of them are for training.
        test_identities: how many are for testing.
        images: how many pictures there are of each modality (vis, nir, sketch, colorpencil).
        captions: how many sentences describe them.
        pairable: how many people have a photo in visible light and any other picture.
        without_nir: how many have pictures, more than one, but none in near infrared.
        without_rgb: how many have no photo in visible light.
        single_image: how many have one picture only.
    """

    root: Path
    identities: int
    train_identities: int
    test_identities: int
    images: dict[str, int]
    captions: int
    pairable: int
    without_nir: int
    without_rgb: int
    single_image: int

    @property
    def files(self) -> int:
        """How many files were written."""
        return sum(self.images.values()) + len((TRAIN_FILE, TEST_FILE))


def write_demo(
    root: Path, *, identities: int = 48, seed: int = 0, on_progress: Callable[[int, int], None] | None = None
) -> DemoSummary:
    """Draw a small data set and write it as the final release of ORBench is laid out.

    The same seed and number of identities give the same bytes, as long as Pillow's JPEG encoder is the same.

    Args:
        root: the folder to fill; it may be missing or empty.
        identities: how many people there are.
        seed: the seed all choices follow from.
        on_progress: called with the number of pictures done and the number of all pictures.

    Returns:
        What was written.

    Raises:
        ValueError: if there are too few or too many identities.
        FileExistsError: if the folder is not empty, or something else has its name.
    """
    people = population(identities, seed)
    _require_empty(root)
    # The first five of eight people come from LLCM and the others from SYSU, as in the real folders' order.
    taken = [(who, list(shots(who, "llcm" if who.number <= identities * 5 // 8 else "sysu"))) for who in people]
    _write_pictures(root, taken, seed, on_progress)
    train, test = ([item for item in taken if item[0].train is part] for part in (True, False))
    annotations = _train_annotations(train)
    queries = _test_queries(test, first=len(train) + 1)
    _write_json(root / TRAIN_FILE, annotations)
    _write_json(root / TEST_FILE, queries)
    return _summary(root, taken, sum("caption" in entry for entry in annotations) + len(queries["TEXT"]))


def _require_empty(root: Path) -> None:
    if root.exists() and not root.is_dir():
        raise FileExistsError(f"demo folder {root}: expected a missing or empty folder, found a file; name another one")
    if root.exists() and (found := sorted(path.name for path in root.iterdir())):
        raise FileExistsError(
            f"demo folder {root}: expected a missing or empty folder, found {len(found)} entries in it "
            f"(first: {found[0]}); name another folder or empty this one"
        )


def _write_pictures(root: Path, taken: Taken, seed: int, on_progress: Callable[[int, int], None] | None) -> None:
    studio = Studio(seed)
    total, done = sum(len(pictures) for _, pictures in taken), 0
    for folder in FOLDERS.values():
        (root / folder).mkdir(parents=True, exist_ok=True)
    for who, pictures in taken:
        for shot in pictures:
            path = root / shot.path
            path.parent.mkdir(exist_ok=True)
            with path.open("xb") as file:
                studio.picture(who, shot).save(file, "JPEG", quality=_QUALITY)
        done += len(pictures)
        if on_progress is not None:
            on_progress(done, total)


def _train_annotations(train: Taken) -> list[dict[str, int | str]]:
    entries: list[dict[str, int | str]] = []
    for identity, (who, pictures) in enumerate(train, start=1):
        photos = [shot for shot in pictures if shot.modality == "vis"]
        entries += [{"id": identity, "file_path": shot.path, "caption": caption(who, shot)} for shot in photos]
        if not photos:
            # Without this entry nothing would tell that the folder belongs to the train part.
            entries.append({"id": identity, "file_path": pictures[0].path})
    return entries


def _test_queries(test: Taken, first: int) -> dict[str, list[list[int | str]]]:
    queries: dict[str, list[list[int | str]]] = {key: [] for key in ("RGB_GALLERY", "TEXT", *_KEYS, *COMBINATIONS)}
    for identity, (who, pictures) in enumerate(test, start=first):
        photos = [shot for shot in pictures if shot.modality == "vis"]
        items = {key: [shot.path for shot in pictures if shot.modality == _KEYS[key]] for key in _KEYS}
        items["TEXT"] = [caption(who, shot) for shot in photos]
        queries["RGB_GALLERY"] += [[identity, shot.path] for shot in photos]
        for key in ("TEXT", *_KEYS):
            queries[key] += [[identity, item] for item in items[key]]
        for key in COMBINATIONS:
            # As many queries as the rarest part has items, so that no item is used twice.
            parts = [items[part] for part in key.split("+")]
            queries[key] += [[identity, *together] for together in zip(*parts, strict=False)]
    return queries


def _write_json(path: Path, content: object) -> None:
    with path.open("x", encoding="utf-8", newline="\n") as file:
        json.dump(content, file, indent=1, ensure_ascii=False)
        file.write("\n")


def _summary(root: Path, taken: Taken, captions: int) -> DemoSummary:
    counts = [who.counts for who, _ in taken]
    train = sum(who.train for who, _ in taken)
    others = [each.nir + each.sketch + each.colorpencil for each in counts]
    return DemoSummary(
        root=root,
        identities=len(taken),
        train_identities=train,
        test_identities=len(taken) - train,
        images={word: sum(shot.modality == word for _, pictures in taken for shot in pictures) for word in FOLDERS},
        captions=captions,
        pairable=sum(each.vis > 0 and other > 0 for each, other in zip(counts, others, strict=True)),
        without_nir=sum(each.nir == 0 and each.vis + other > 1 for each, other in zip(counts, others, strict=True)),
        without_rgb=sum(each.vis == 0 for each in counts),
        single_image=sum(each.vis + other == 1 for each, other in zip(counts, others, strict=True)),
    )
