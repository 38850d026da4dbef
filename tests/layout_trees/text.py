"""Trees of the datasets with captions: CUHK-PEDES, ICFG-PEDES, RSTPReid, their three with sketches, IIITD-20K."""

from __future__ import annotations

import json

from tests.layout_trees import Maker, tree

_CUHK_PEDES = [
    # path below imgs/, identity, split, captions
    ("CUHK01/0363004.png", 1, "train", 2),
    ("CUHK01/0363003.png", 1, "train", 2),
    ("cam_a/000_45.bmp", 2, "train", 2),
    ("cam_b/000_45.bmp", 2, "train", 4),
    ("CUHK03/1_003_1_01.png", 3, "train", 2),
    ("train_query/p11600_s14885.jpg", 3, "train", 1),
    ("Market/0001_c1s1_001051_00.jpg", 11004, "val", 2),
    ("Market/0001_c2s1_000301_00.jpg", 11004, "val", 2),
    ("CUHK01/0451001.png", 12004, "test", 2),
    ("test_query/p4012_s1.jpg", 12004, "test", 2),
    ("Market/1501_c6s4_001902_01.jpg", 12005, "test", 2),
    ("CUHK01/0451002.png", 12005, "test", 2),
]


def _captions(name: str, number: int) -> tuple[str, ...]:
    return tuple(f"A pedestrian of {name} wears a red coat, ‘{i}’." for i in range(number))


def _tri(make: Maker, path: str, sketch: str, identity: str, split: str, captions: tuple[str, ...], **facts) -> None:
    """A picture with its sketch: gallery and query of the test."""
    who = facts.pop("who", None)
    frame = facts.pop("frame", None)
    splits = {"test": ("gallery", "query")}.get(split, (split, split))
    make.sample(path, identity, modality="rgb+text", captions=captions, splits=splits[0], who=who, frame=frame, **facts)
    make.sample(sketch, identity, modality="sketch", splits=splits[1], who=who, frame=frame, source=facts.get("source"))


def _cuhk_list(make: Maker, name: str = "reid_raw.json") -> None:
    entries = [
        {
            "split": split,
            "captions": list(_captions(path, number)),
            "file_path": path,
            "processed_tokens": [["a", "pedestrian"]] * number,
            "id": identity,
        }
        for path, identity, split, number in _CUHK_PEDES
    ]
    make.file(name, json.dumps(entries, ensure_ascii=False))


@tree("cuhk-pedes")
def cuhk_pedes(make: Maker) -> None:
    for path, identity, split, number in _CUHK_PEDES:
        make.sample(
            f"imgs/{path}",
            str(identity),
            source=path.partition("/")[0],
            modality="rgb+text",
            captions=_captions(path, number),
            splits={"test": "query gallery"}.get(split, split),
        )
    # in no list: nobody knows who that is
    make.sample("imgs/CUHK03/2_001_2_08.png", None, source="CUHK03")
    _cuhk_list(make)
    make.file("caption_all.json", "[]")
    make.file("readme.txt", "CUHK-PEDES")


@tree("cuhk-pedes:captions")
def cuhk_pedes_captions(make: Maker) -> None:
    """The list as it comes without splits."""
    entries = []
    for path, identity, _, number in _CUHK_PEDES:
        captions = _captions(path, number)
        make.sample(
            f"imgs/{path}", str(identity), source=path.partition("/")[0], modality="rgb+text", captions=captions
        )
        entries.append({"id": identity, "file_path": path, "captions": list(captions)})
    make.file("caption_all.json", json.dumps(entries, ensure_ascii=False))


@tree("tri-cuhk-pedes")
def tri_cuhk_pedes(make: Maker) -> None:
    for path, identity, split, number in _CUHK_PEDES:
        sketch = path.replace(".bmp", ".jpg")
        _tri(
            make,
            f"imgs/{path}",
            f"imgs-sketch2/{sketch}",
            str(identity),
            split,
            _captions(path, number),
            source=path.partition("/")[0],
        )
    _cuhk_list(make)
    make.file("nlp_aug.json", "[]")


_ICFG_PEDES = [
    # path below imgs/, identity, split; numbers begin anew in the test
    ("train/0000/0000_000_01_0303morning_0008_0.jpg", 0, "train", "01"),
    ("train/0000/0000_001_02_0303morning_0008_1.jpg", 0, "train", "02"),
    ("train/0001/0001_000_05_0303noon_0150_0.jpg", 1, "train", "05"),
    ("train/0001/0001_003_06_0303noon_0150_0.jpg", 1, "train", "06"),
    ("test/0000/0000_000_11_0302afternoon_0992_1.jpg", 2, "train", "11"),
    ("test/0000/0000_004_12_0302afternoon_0992_1.jpg", 2, "train", "12"),
    ("test/0627/0627_010_05_0303afternoon_1591_1_ex.jpg", 0, "test", "05"),
    ("test/0627/0627_011_07_0303afternoon_1591_1.jpg", 0, "test", "07"),
    ("test/0628/0628_000_07_0303afternoon_0001_0.jpg", 1, "test", "07"),
    ("test/0628/0628_001_07_0303afternoon_0002_0.jpg", 1, "test", "07"),
    ("train/0999/0999_001_15_0113morning_0099_2.jpg", 3, "test", "15"),
    ("train/0999/0999_002_14_0113morning_0099_2.jpg", 3, "test", "14"),
]


def _icfg_list(make: Maker, name: str) -> None:
    entries = [
        {
            "split": split,
            "captions": list(_captions(path, 1)),
            "file_path": path,
            "processed_tokens": [[]],
            "id": identity,
        }
        for path, identity, split, _ in _ICFG_PEDES
    ]
    make.file(name, json.dumps(entries))


@tree("icfg-pedes")
def icfg_pedes(make: Maker) -> None:
    for path, identity, split, camera in _ICFG_PEDES:
        make.sample(
            f"imgs/{path}",
            str(identity),
            camera=camera,
            who=f"{split} {identity}",
            frame=int(path.split("_")[4]),
            modality="rgb+text",
            captions=_captions(path, 1),
            splits={"test": "query gallery"}.get(split, split),
        )
    _icfg_list(make, "ICFG-PEDES.json")
    make.file("README.md", "ICFG-PEDES")


@tree("icfg-pedes:plain-names")
def icfg_pedes_plain_names(make: Maker) -> None:
    """Pictures whose names tell nothing, and the list under its other name."""
    entries = []
    for number in range(12):
        split = "train" if number < 8 else "test"
        path = f"{split}/{number // 2:04d}/{number}.jpg"
        make.sample(
            f"imgs/{path}",
            str(number // 2),
            modality="rgb+text",
            captions=_captions(path, 1),
            splits={"test": "query gallery"}.get(split, split),
        )
        entries.append({"split": split, "captions": list(_captions(path, 1)), "file_path": path, "id": number // 2})
    make.file("ICFG_PEDES.json", json.dumps(entries))


@tree("tri-icfg-pedes")
def tri_icfg_pedes(make: Maker) -> None:
    for path, identity, split, camera in _ICFG_PEDES:
        make.sample(
            f"imgs/{path}",
            str(identity),
            camera=camera,
            who=f"{split} {identity}",
            modality="rgb+text",
            captions=_captions(path, 1),
            splits={"test": "gallery"}.get(split, split),
        )
        make.sample(
            f"imgs-sketch/{path}",
            str(identity),
            who=f"{split} {identity}",
            modality="sketch",
            splits={"test": "query"}.get(split, split),
        )
    # a picture of another name, and one in no list
    make.sample("imgs/train/1000/plain.jpg", None)
    _icfg_list(make, "ICFG-PEDES.json")


_RSTPREID = [
    (f"{person:04d}_c{camera}_{4 + 9 * camera:04d}.jpg", person, split)
    for person, split in ((0, "train"), (1, "train"), (3701, "val"), (3901, "test"), (4100, "test"))
    for camera in (1, 5, 14)
]


def _rstp_list(make: Maker) -> None:
    entries = [
        {"id": person, "img_path": path, "captions": list(_captions(path, 2)), "split": split}
        for path, person, split in _RSTPREID
    ]
    make.file("data_captions.json", json.dumps(entries))


@tree("rstpreid")
def rstpreid(make: Maker) -> None:
    for path, person, split in _RSTPREID:
        make.sample(
            f"imgs/{path}",
            f"{person:04d}",
            camera=path.split("_")[1][1:],
            frame=int(path.split("_")[2][:4]),
            modality="rgb+text",
            captions=_captions(path, 2),
            splits={"test": "query gallery"}.get(split, split),
        )
    _rstp_list(make)
    make.file("README.md", "RSTPReid")


@tree("tri-rstpreid")
def tri_rstpreid(make: Maker) -> None:
    for path, person, split in _RSTPREID:
        camera, frame = path.split("_")[1][1:], int(path.split("_")[2][:4])
        _tri(
            make,
            f"imgs/{path}",
            f"imgs-sketch/{path}",
            f"{person:04d}",
            split,
            _captions(path, 2),
            camera=camera,
            frame=frame,
        )
    _rstp_list(make)


@tree("iiitd-20k")
def iiitd_20k(make: Maker) -> None:
    """The list is whole, as the order of its entries is the split; but for some, the pictures are missing."""
    make.problem("listed-missing")
    there = {0, 1, 2, 14999, 15000, 15001, 17499, 17500, 17501, 19998, 19999, 12000}
    entries = {}
    for number in range(20000):
        name = str(1000 + number)
        captions = (f"Person {number} in a green kurta.", f"Somebody, {number}, with a bag.")
        entries[str(number)] = {
            "Image ID": name,
            "Image URL": "https://example.org/a.jpg",
            "Description 1": captions[0],
            "Description 2": captions[1],
        }
        if number in there:
            splits = "train" if number < 15000 else "val" if number < 17500 else "query gallery"
            ending = "jpeg" if number % 2 else "jpg"
            make.sample(
                f"IIITD-20K/{name}.{ending}", str(number), modality="rgb+text", captions=captions, splits=splits
            )
    make.file("Filtered.json", json.dumps(entries))
    make.file("IIITD-20K-ICFG-FORMAT.json", "[]")
