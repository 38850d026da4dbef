"""Trees of the visible-infrared datasets: LLCM, RegDB, SYSU-MM01."""

from __future__ import annotations

from io import BytesIO
from random import Random  # noqa: TID251

import numpy as np
from scipy.io import savemat

from tests.layout_trees import Maker, tree


def _one_each(galleries: dict[tuple[str, str], list[str]], protocol: str) -> dict[str, str]:
    """Path → the galleries it is drawn for: of each person and camera one picture, as the evaluation code chooses."""
    found: dict[str, str] = {}
    for trial in range(10):
        lot = Random(trial)
        for group in sorted(galleries):
            path = lot.choice(sorted(galleries[group]))
            found[path] = found.get(path, "") + f" {protocol}{trial}/gallery"
    return found


def _every(protocol: str) -> str:
    return " " + " ".join(f"{protocol}{trial}/query" for trial in range(10))


@tree("llcm")
def llcm(make: Maker) -> None:
    lists: dict[str, list[str]] = {"vis": [], "nir": []}
    for label, person in enumerate(("0001", "0351")):
        for modality, name in (("vis", "rgb"), ("nir", "nir")):
            for camera, frame in ((1, 7000), (3, 31995), (6, 4830)):
                path = f"{modality}/{person}/{person}_c0{camera}_s185535_f{frame}_{modality}.jpg"
                lists[modality].append(f"{path} {label}")
                make.sample(path, person, camera=str(camera), modality=name, frame=frame, splits="train")
    # on disk, in no list
    make.sample("vis/0002/0002_c02_s190101_f15_vis.jpg", "0002", camera="2", frame=15)
    found: dict[str, dict[tuple[str, str], list[str]]] = {"vis": {}, "nir": {}}
    for person in ("0012", "0015", "0101"):
        for modality, cameras in (("vis", "345"), ("nir", "45")):
            for camera in cameras:
                found[modality][person, camera] = [
                    f"test_{modality}/cam{camera}/{person}/{person}_c0{camera}_s181218_f{frame}_{modality}.jpg"
                    for frame in (15, 105, 1505)
                ]
    for modality, name, plain, asks, drawn in (
        ("vis", "rgb", "gallery", _every("reverse"), _one_each(found["vis"], "trial")),
        ("nir", "nir", "query", _every("trial"), _one_each(found["nir"], "reverse")),
    ):
        for (person, camera), paths in found[modality].items():
            for path in paths:
                splits = plain + asks + drawn.get(path, "")
                make.sample(path, person, camera=camera, modality=name, splits=splits)
    for modality, lines in lists.items():
        make.file(f"idx/train_{modality}.txt", "\n".join(lines) + "\n")
    make.file("idx/train_id.txt", "1,351\n")
    make.file("idx/test_id.txt", "12,15,101\n")
    make.file("README.md", "LLCM")


@tree("regdb")
def regdb(make: Maker) -> None:
    """Two trials of ten: whoever trains in one tests in the other."""
    people = {"1": ("female", "front"), "2": ("male", "back"), "285": ("male", "back"), "412": ("female", "front")}
    files: dict[str, dict[str, list[str]]] = {}
    for person, (gender, side) in people.items():
        for folder, letter in (("Visible", "v"), ("Thermal", "t")):
            files.setdefault(person, {})[folder] = [
                f"{folder}/{person}/{gender}_{side}_{letter}_{frame:05d}_{person}.bmp" for frame in (55, 5528)
            ]
    training = {trial: ("1", "285") if trial % 2 else ("2", "412") for trial in range(1, 11)}
    for trial, trains in training.items():
        for half in ("train", "test"):
            chosen = [p for p in people if (p in trains) == (half == "train")]
            for folder, word in (("Visible", "visible"), ("Thermal", "thermal")):
                lines = [f"{path} {label}" for label, p in enumerate(chosen) for path in files[p][folder]]
                make.file(f"idx/{half}_{word}_{trial}.txt", "\n".join(lines) + "\n")
    for person, (_, side) in people.items():
        for folder, side_of_test in (("Visible", "query"), ("Thermal", "gallery")):
            parts = {t: "train" if person in training[t] else side_of_test for t in training}
            splits = [f"trial{t}/{part}" for t, part in parts.items()] + [parts[1]]
            for path in files[person][folder]:
                make.sample(
                    path,
                    person,
                    camera=folder,
                    modality="rgb" if folder == "Visible" else "tir",
                    splits=" ".join(splits),
                    view=side,
                    frame=int(path.split("_")[3]),
                )


@tree("sysu-mm01")
def sysu(make: Maker) -> None:
    people = _sysu(make)
    for part, chosen in people.items():
        make.file(f"exp/{part}_id.txt", ",".join(map(str, chosen)) + "\n")
        make.file(f"exp/{part}_id.mat", "MATLAB 5.0 MAT-file")
    make.file("exp/available_id.txt", "1,6,10,30,334,533\n")
    make.file("exp/rand_perm_cam.mat", "MATLAB 5.0 MAT-file")
    make.file("README.txt", "SYSU-MM01")


@tree("sysu-mm01:matrices")
def sysu_matrices(make: Maker) -> None:
    """The lists as matrices of one row, without the texts."""
    for part, chosen in _sysu(make).items():
        file = BytesIO()
        savemat(file, {"id": np.array([chosen], np.uint16)})
        make.file(f"exp/{part}_id.mat", file.getvalue())


def _sysu(make: Maker) -> dict[str, list[int]]:
    """The pictures; part → its people."""
    parts = {"train": ("0001", "0030"), "val": ("0334",), "test": ("0006", "0010", "0533"), "": ("0498",)}
    galleries = {
        (person, camera): [f"cam{camera}/{person}/{frame:04d}.jpg" for frame in (1, 2, 3)]
        for person in parts["test"]
        for camera in "1245"
        if (person, camera) != ("0533", "2")  # not everybody stands in every camera
    }
    indoor = {group: paths for group, paths in galleries.items() if group[1] in "12"}
    drawn = [_one_each(galleries, "all"), _one_each(indoor, "indoor")]
    for part, people in parts.items():
        for person in people:
            for camera in "123456":
                if (person, camera) == ("0533", "2"):
                    continue
                infrared = camera in "36"
                for frame in (1, 2, 3):
                    path = f"cam{camera}/{person}/{frame:04d}.jpg"
                    splits = part
                    if part == "test" and infrared:
                        splits = "query" + _every("all") + _every("indoor")
                    elif part == "test":
                        splits = "gallery" + "".join(trials.get(path, "") for trials in drawn)
                    modality = "ir" if infrared else "rgb"
                    make.sample(path, person, camera=camera, modality=modality, frame=frame, splits=splits)
    return {part: [int(p) for p in people] for part, people in parts.items() if part}
