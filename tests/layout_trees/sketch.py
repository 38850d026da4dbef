"""Trees of the datasets with sketches drawn by hand: PKU-Sketch, Market-Sketch-1K."""

from __future__ import annotations

from random import Random  # noqa: TID251

from tests.layout_trees import Maker, tree

_PEOPLE = tuple(str(n) for n in range(1, 54))
_ARTISTS = {
    "a_46": _PEOPLE[:11],
    "b_20": _PEOPLE[11:16],
    "c_79": _PEOPLE[16:36],
    "d_33": _PEOPLE[36:44],
    "e_22": _PEOPLE[44:],
}


def _pku_sketch(make: Maker, lists: dict[str, str]) -> None:
    """`lists`: identity → "train" or "test" where the first list of a copy has it."""
    draws = {f"trial{trial}/": set(Random(trial).sample(_PEOPLE, 50)) for trial in range(10)}
    draws[""] = draws["trial0/"]
    for person in _PEOPLE:
        halves = {protocol: "test" if person in test else "train" for protocol, test in draws.items()}
        if person in lists:
            halves["list1/"] = lists[person]
        photo, sketch = (
            " ".join(protocol + (test if half == "test" else "train") for protocol, half in halves.items())
            for test in ("gallery", "query")
        )
        for camera, frame in (("04", 20601), ("06", 8896)):
            make.sample(f"photo/{person}_{camera}_{frame}.jpg", person, camera=camera, frame=frame, splits=photo)
        artist = next(name[0] for name, people in _ARTISTS.items() if person in people)
        make.sample(f"sketch/{person}.jpg", person, modality="sketch", source=artist, splits=sketch)
    for name, people in _ARTISTS.items():
        make.file(f"styleAnnotation/{name}.txt", "\n".join(people) + "\n")
    make.file("ReadMe.txt", "PKUSketchRE-ID Dataset Description")


@tree("pku-sketch")
def pku_sketch(make: Maker) -> None:
    _pku_sketch(make, {})


@tree("pku-sketch:lists")
def pku_sketch_lists(make: Maker) -> None:
    """A copy with lists of a draw, captions added later and sketches made of the photos."""
    training, testing = _PEOPLE[:40], _PEOPLE[40:]
    _pku_sketch(make, {**dict.fromkeys(training, "train"), **dict.fromkeys(testing, "test")})
    for half, people in (("train", training), ("test", testing)):
        photos = [f"photo/{p}_{c} {p} {c[:2]} 0" for p in people for c in ("04_20601.jpg", "06_8896.jpg")]
        make.file(f"idx/{half}_visible_1.txt", "\n".join(photos) + "\n")
        make.file(f"idx/{half}_sketch_1.txt", "\n".join(f"sketch/{p}.jpg {p} 0 1" for p in people) + "\n")
    make.file("TriReID.txt", "1/1_04_20601.jpg@A man in a black coat.\n")
    make.file("photo_sketch/1_04_20601.jpg")


@tree("mask1k")
def mask1k(make: Maker) -> None:
    for half, photo_split, sketch_split, people in (
        ("train", "train", "train", ("0002", "0007", "0010")),
        ("query", "gallery", "query", ("0003", "0004", "0005")),
    ):
        for person in people:
            for camera in (1, 6):
                name = f"{person}_c{camera}s1_{451 + camera:06d}_03.jpg"
                make.sample(f"photo/{half}/{name}", person, camera=str(camera), frame=451 + camera, splits=photo_split)
            for artist in "ABCDEF":
                if artist == "F" and person in ("0010", "0005"):
                    continue
                name = person if artist < "D" else f"{person}_{artist}"
                make.sample(
                    f"sketch/{artist}/{half}/{name}.jpg",
                    person,
                    source=artist,
                    modality="sketch",
                    splits=sketch_split,
                )
    make.sample("photo/train/-1_c3s2_000100_00.jpg", "-1", camera="3", role="junk", splits="train")
    make.sample("photo/query/0000_c3s2_000100_00.jpg", "0000", camera="3", role="distractor", splits="gallery")
    make.file("feature/train_rgb_img.npy", "numbers")
    make.file("market_attribute.mat", "MATLAB 5.0 MAT-file")
    make.file("README.md", "Market-Sketch-1K")
