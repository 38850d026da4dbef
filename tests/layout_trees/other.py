"""Trees of ORBench in both packings, Market-1501, and folders of no dataset in particular."""

from __future__ import annotations

import json

from tests.layout_trees import Maker, tree

_VIEWS = ("front", "back", "side")


def _photo(folder: str, person: str, modality: str, number: int) -> tuple[str, str, str]:
    """Name, camera and source of a photo: people up to 0509 come from LLCM, the others from SYSU-MM01."""
    if int(person) < 510:
        return (
            f"{folder}/{person}/{person}_llcm_0012_c0{number + 3}_s184251_f{5 * number}_{modality}.jpg",
            f"0{number + 3}",
            "llcm",
        )
    camera = (1 if modality == "vis" else 3) + number
    return f"{folder}/{person}/{person}_sysu_0470_cam{camera}_{number + 1:04d}_{modality}.jpg", str(camera), "sysu"


def _drawing(folder: str, person: str, number: int) -> str:
    word = {"sk": "sketch", "cp": "colorpencil"}[folder.rpartition("/")[2]]
    source, theirs = ("llcm", "0012") if int(person) < 510 else ("sysu", "0470")
    return f"{folder}/{person}/{person}_{source}_{theirs}_{_VIEWS[number]}_{number}_{word}.jpg"


@tree("orbench")
def orbench(make: Maker) -> None:
    """The numbers of the JSON files are not the folders'."""
    training, test = [], {"RGB_GALLERY": [], "NIR": [], "SK": [], "CP": [], "TEXT": [], "TEXT+NIR": []}
    for label, person in enumerate(("0001", "0941", "0999"), 1):
        for number in range(2):
            path, camera, source = _photo("vis", person, "vis", number)
            caption = f"A young man, {path}."
            training.append({"id": 561 + label, "file_path": path, "caption": caption, "split": "train"})
            make.sample(
                path, person, camera=camera, source=source, modality="rgb+text", captions=(caption,), splits="train"
            )
            path, camera, source = _photo("nir", person, "nir", number)
            make.sample(path, person, camera=camera, source=source, modality="nir", splits="train")
            for folder, modality in (("sk", "sketch"), ("cp", "cpencil")):
                path = _drawing(folder, person, number)
                make.sample(path, person, source=source, modality=modality, splits="train", view=_VIEWS[number])
    for label, person in enumerate(("0605", "0706"), 845):
        for number in range(2):
            path, camera, source = _photo("vis", person, "vis", number)
            test["RGB_GALLERY"].append([label, path])
            make.sample(path, person, camera=camera, source=source, splits="gallery")
            path, camera, source = _photo("nir", person, "nir", number)
            test["NIR"].append([label, path])
            make.sample(path, person, camera=camera, source=source, modality="nir", splits="query")
            for folder, modality in (("sk", "sketch"), ("cp", "cpencil")):
                path = _drawing(folder, person, number)
                test[folder.upper()].append([label, path])
                make.sample(path, person, source=source, modality=modality, splits="query", view=_VIEWS[number])
    make.file("train_annos.json", json.dumps(training))
    make.file("test_gallery_and_queries.json", json.dumps(test))


@tree("orbench:older")
def orbench_older(make: Maker) -> None:
    """All captions in one file, which tells the split; no lists of the test."""
    captions = []
    for label, (person, split) in enumerate((("0001", "train"), ("0941", "train"), ("0605", "test"), ("0706", "test"))):
        for number in range(2):
            path, camera, source = _photo("vis", person, "vis", number)
            caption = f"A young man, {path}."
            captions.append({"id": 1 + label, "file_path": path, "caption": caption, "split": split})
            make.sample(
                path, person, camera=camera, source=source, modality="rgb+text", captions=(caption,), splits=split
            )
            path, camera, source = _photo("nir", person, "nir", number)
            make.sample(path, person, camera=camera, source=source, modality="nir", splits=split)
            for folder, modality in (("sk", "sketch"), ("cp", "cpencil")):
                path = _drawing(folder, person, number)
                make.sample(path, person, source=source, modality=modality, splits=split, view=_VIEWS[number])
    make.file("text_annos.json", json.dumps(captions))
    make.problem("annotation-missing")


@tree("orbench-prcv2025")
def orbench_prcv2025(make: Maker) -> None:
    captions = []
    for person in ("0001", "0941", "0999"):
        for number in range(2):
            path, camera, source = _photo("train/vis", person, "vis", number)
            captions.append({"id": 7, "file_path": path.removeprefix("train/"), "caption": f"A woman, {path}."})
            make.sample(
                path,
                person,
                camera=camera,
                source=source,
                modality="rgb+text",
                captions=(captions[-1]["caption"],),
                splits="train",
            )
            path, camera, source = _photo("train/nir", person, "nir", number)
            make.sample(path, person, camera=camera, source=source, modality="nir", splits="train")
            for folder, modality in (("sk", "sketch"), ("cp", "cpencil")):
                path = _drawing(f"train/{folder}", person, number)
                make.sample(path, person, source=source, modality=modality, splits="train", view=_VIEWS[number])
    for part in ("val", "test"):
        for folder, modality in (("gallery", "rgb"), ("nir", "nir"), ("sk", "sketch"), ("cp", "cpencil")):
            for number in (1, 10):
                make.sample(f"{part}/{folder}/{number}.jpg", None, modality=modality, frame=number, splits=part)
    make.file("train/text_annos.json", json.dumps(captions))
    make.file("train/merge_text_annos.json", "[]")
    queries = [{"query_idx": 1, "query_type": "twomodal_SK_NIR", "content": ["sk/1.jpg", "nir/10.jpg"]}]
    for part in ("val", "test"):
        make.file(f"{part}/{part}_queries.json", json.dumps(queries))
        make.file(f"{part}/{part}_queries.csv", "query_idx,query_type\n1,twomodal_SK_NIR\n")


@tree("market1501")
def market1501(make: Maker) -> None:
    for folder, split, people in (
        ("bounding_box_train", "train", ("0002", "0007", "1500")),
        ("query", "query", ("0001", "0003")),
        ("bounding_box_test", "gallery", ("0001", "0003", "0000", "-1")),
    ):
        for person in people:
            for camera in (1, 6):
                ending = ".jpg.jpg" if (folder, person, camera) == ("query", "0003", 6) else ".jpg"
                make.sample(
                    f"{folder}/{person}_c{camera}s1_{1051 + camera:06d}_0{camera}{ending}",
                    person,
                    camera=str(camera),
                    frame=1051 + camera,
                    role={"0000": "distractor", "-1": "junk"}.get(person),
                    splits=split,
                )
    make.file("gt_bbox/0002_c1s1_000451_00.jpg")
    make.file("gt_query/0001_c1s1_001052_01_good.mat", "MATLAB 5.0 MAT-file")
    make.file("readme.txt", "Market-1501")
    make.file("query/Thumbs.db", "left behind")


@tree("market1501:500k")
def market1501_500k(make: Maker) -> None:
    """With the further distractors."""
    market1501(make)
    for number in range(8):
        for label, role in (("0000", "distractor"), ("-1", "junk")):
            make.sample(
                f"images/{label}_c{1 + number % 6}s2_{100 + number:06d}_00.jpg", label, camera=str(1 + number % 6),
                role=role, splits="distractors",
            )  # fmt: skip


@tree("folders")
def folders(make: Maker) -> None:
    for person in ("anna", "bo", "cleo", "dora", "emil", "finn", "gabi", "hugo"):
        for number in range(2):
            make.sample(f"{person}/day/{number}.jpg", person)


@tree("folders:parts")
def folders_parts(make: Maker) -> None:
    """Folders of splits and modalities before and below those of the identities."""
    for number, person in enumerate(("anna", "bo", "cleo", "dora", "emil", "finn", "gabi", "hugo", "ida", "jens")):
        if number < 6:
            make.sample(f"train/RGB/{person}/1.jpg", person, splits="train")
            make.sample(f"train/infrared/{person}/1.png", person, modality="ir", splits="train")
        elif number < 8:
            make.sample(f"sketch/{person}/1.png", person, modality="sketch")
            make.sample(f"{person}/thermal/1.png", person, modality="tir")
        else:
            make.sample(f"RGB/probe/{person}/1.jpg", person, splits="query")
            make.sample(f"gallery/{person}/a/1.jpg", person, splits="gallery")
