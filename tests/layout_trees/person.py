"""Trees of persons in plain pictures: the large benchmarks, the occluded ones, the small sets, made ones, whole frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO
from itertools import product
from typing import Any

import numpy as np

from tests.layout_trees import Maker, tree


def mat(**variables: Any) -> bytes:
    """A MATLAB file of version 5."""
    from scipy.io import savemat

    buffer = BytesIO()
    savemat(buffer, variables)
    return buffer.getvalue()


def cells(values: Sequence[Any]) -> np.ndarray[Any, Any]:
    """A cell array of one column, as lists of names are."""
    found = np.empty((len(values), 1), object)
    found[:, 0] = list(values)
    return found


def structs(rows: Sequence[Mapping[str, Any]]) -> np.ndarray[Any, Any]:
    """A structure array of one row."""
    found = np.empty((1, len(rows)), [(name, object) for name in rows[0]])
    for i, row in enumerate(rows):
        for name, value in row.items():
            found[0, i][name] = value
    return found


@tree("dukemtmc-reid")
def dukemtmc(make: Maker) -> None:
    make.alike("occluded-duke")
    for pid, camera, n in product(("0001", "0005", "0007"), (2, 5), (0, 1)):
        make.sample(
            f"bounding_box_train/{pid}_c{camera}_f{46182 + n:07}.jpg",
            identity=pid, camera=str(camera), frame=46182 + n, splits="train",
        )  # fmt: skip
    for pid in ("0002", "0021", "0043"):
        make.sample(f"query/{pid}_c1_f0044158.jpg", identity=pid, camera="1", splits="query")
        make.sample(f"bounding_box_test/{pid}_c8_f0050000.jpg", identity=pid, camera="8", splits="gallery")
    make.sample("bounding_box_test/7139_c3_f0100000.jpg", identity="7139", camera="3", splits="gallery")  # never asked
    make.file("README.md")
    make.file("CITATION_DukeMTMC.txt")
    make.file("LICENSE_DukeMTMC.txt", "licence")


@tree("occluded-duke")
def occluded_duke(make: Maker) -> None:
    lists: dict[str, list[str]] = {"train": [], "query": [], "gallery": []}
    folders = {"train": "bounding_box_train", "query": "query", "gallery": "bounding_box_test"}
    people = {"train": ("0001", "0005", "0009"), "query": ("0003", "0008"), "gallery": ("0003", "0008", "0012")}
    for split, folder in folders.items():
        for pid, camera in product(people[split], (2, 6)):
            name = f"{pid}_c{camera}_f0046182.jpg"
            make.sample(f"{folder}/{name}", identity=pid, camera=str(camera), splits=split)
            lists[split].append(name)
    for split, names in lists.items():
        make.file(f"{split}.list", "\n".join(names) + "\n")


@tree("p-dukemtmc-reid")
def p_dukemtmc(make: Maker) -> None:
    kinds = {"occluded": "query", "whole": "gallery"}
    for kind, pid in product(kinds, ("0005", "0007", "0011")):
        make.sample(
            f"train/{kind}_body_images/{pid}/{pid}_c2_f0046985.jpg", identity=pid, camera="2", view=kind, splits="train"
        )
        # re-numbered copies do not tell the camera
        make.sample(f"train/{kind}_body_images/{pid}/{pid}_01.png", identity=pid, view=kind, splits="train")
    for (kind, split), pid in product(kinds.items(), ("0021", "0030", "0031")):
        make.sample(
            f"test/{kind}_body_images/{pid}/{pid}_c4_f0051123.jpg", identity=pid, camera="4", view=kind, splits=split
        )
        make.sample(f"test/{kind}_body_images/{pid}/{pid}_02.jpg", identity=pid, view=kind, splits=split)


@tree("occluded-reid")
def occluded_reid(make: Maker) -> None:
    for pid, n in product(("001", "002", "200"), (1, 2)):
        make.sample(f"occluded_body_images/{pid}/{pid}_{n:02}.tif", identity=pid, view="occluded", splits="query")
        make.sample(f"whole_body_images/{pid}/{pid}_{n:02}.tif", identity=pid, view="whole", splits="gallery")


@tree("p-ethz")
def p_ethz(make: Maker) -> None:
    make.alike("occluded-reid")
    for pid, n in product(("001", "002", "085"), (1, 12)):
        make.sample(f"occluded_body_images/{pid}/{pid}_{n:03}.png", identity=pid, view="occluded", splits="query")
        make.sample(f"whole_body_images/{pid}/{pid}_{n:03}.jpg", identity=pid, view="whole", splits="gallery")


@tree("partial-reid")
def partial_reid(make: Maker) -> None:
    for pid, n in product(("001", "002", "060"), (1, 2)):
        name = f"{pid}_{n:03}.jpg"
        make.sample(f"partial_body_images/{name}", identity=pid, view="partial", splits="partial/query query")
        make.sample(f"occluded_body_images/{name}", identity=pid, view="occluded", splits="occluded/query")
        make.sample(
            f"whole_body_images/{name}",
            identity=pid, view="whole", splits="partial/gallery occluded/gallery gallery",
        )  # fmt: skip
    make.file("Probe.txt", "partial_body_images/001_001.jpg\n")
    make.file("Gallery.txt", "whole_body_images/001_001.jpg\n")


@tree("cuhk03")
def cuhk03(make: Maker) -> None:
    # person 1 of pair 1 trains, person 1 of pair 2 is somebody else and is asked for; 3_004 is in no split
    people = {(1, 1): "train", (1, 2): "train", (2, 1): "test", (2, 7): "test", (3, 4): None}
    for half in ("detected", "labeled"):
        names, kinds = [], []
        for (pair, pid), part in people.items():
            for n in (1, 2, 6, 7):
                side = 1 if n <= 5 else 2
                name = f"{pair}_{pid:03}_{side}_{n:02}.png"
                kind = {"train": "train", "test": "query" if n in (1, 6) else "gallery", None: None}[part]
                splits = f"{half}/{kind}" if kind else ""
                if kind and half == "detected":
                    splits += f" {kind}"
                make.sample(
                    f"images_{half}/{name}",
                    identity=f"{pid:03}", who=f"{pair}/{pid}", camera=f"{pair}-{side}", splits=splits,
                )  # fmt: skip
                names.append(name)
                kinds.append(kind)
        numbers = {
            f"{k}_idx": np.array([[i + 1] for i, kind in enumerate(kinds) if kind == k])
            for k in ("train", "query", "gallery")
        }
        make.file(
            f"cuhk03_new_protocol_config_{half}.mat",
            mat(filelist=cells(names), labels=np.ones((len(names), 1)), camId=np.ones((len(names), 1)), **numbers),
        )
        make.file(f"splits_new_{half}.json", "[]")
        make.file(f"splits_classic_{half}.json", "[ ]")
    make.file("cuhk03_release/cuhk-03.mat", "MATLAB 7.3")
    make.file("cuhk03_release/README.md", "readme")


def _np_half(make: Maker, folder: str, names: Mapping[str, str]) -> None:
    for pid, n in product(("0003", "0004", "0010"), (21, 3)):
        make.sample(f"{folder}bounding_box_train/{pid}_c1_{n}.png", identity=pid, camera="1", splits=names["train"])
    for pid in ("0001", "0002", "0005"):
        make.sample(f"{folder}query/{pid}_c2_7.png", identity=pid, camera="2", splits=names["query"])
        make.sample(f"{folder}bounding_box_test/{pid}_c1_2.png", identity=pid, camera="1", splits=names["gallery"])


@tree("cuhk03-np")
def cuhk03_np(make: Maker) -> None:
    for half, plain in (("detected", True), ("labeled", False)):
        names = {s: f"{half}/{s}" + (f" {s}" if plain else "") for s in ("train", "query", "gallery")}
        _np_half(make, f"{half}/", names)


@tree("cuhk03-np:one half")
def cuhk03_np_half(make: Maker) -> None:
    _np_half(make, "", {s: s for s in ("train", "query", "gallery")})


def _msmt17(make: Maker, train: str, test: str) -> None:
    lists: dict[str, list[str]] = {"train": [], "val": [], "query": [], "gallery": []}

    def add(folder: str, split: str, pid: str, n: int, slot: str, end: str = "") -> None:
        name = f"{pid}/{pid}_{n:03}_{1 + n:02}_0303{slot}_{8 + n:04}_{n}{end}.jpg"
        side = "train" if split in ("train", "val") else "test"
        make.sample(
            f"{folder}/{name}", identity=pid, who=f"{side}/{pid}", camera=f"{1 + n:02}", frame=8 + n, splits=split
        )
        lists[split].append(f"{name} {int(pid)}")

    for pid in ("0000", "0001", "0002"):  # 0000 is a person here
        add(train, "train", pid, 0, "morning", "_ex")
        add(train, "train", pid, 1, "noon")
        add(train, "val", pid, 2, "afternoon")
        add(test, "query", pid, 3, "noon")  # somebody else
        add(test, "gallery", pid, 4, "noon")
        add(test, "gallery", pid, 14, "afternoon")
    lists["gallery"].append("0002/0002_099_01_0303noon_0999_0.jpg 2")  # not there
    for split, lines in lists.items():
        make.file(f"list_{split}.txt", "\n".join(lines) + "\n")
    make.file("list_train_uda.txt", "0000/x.jpg 0\n")
    make.problem("listed-missing")


@tree("msmt17")
def msmt17(make: Maker) -> None:
    _msmt17(make, "train", "test")


@tree("msmt17:V2")
def msmt17_v2(make: Maker) -> None:
    _msmt17(make, "mask_train_v2", "mask_test_v2")


@tree("market1501-pytorch")
def market1501_pytorch(make: Maker) -> None:
    def name(pid: str, n: int, end: str = ".jpg") -> str:
        return f"{pid}_c{1 + n % 6}s1_{451 + n:06}_0{n % 9}{end}"

    for pid in ("0002", "0007", "0010"):
        make.sample(f"pytorch/val/{pid}/{name(pid, 0)}", identity=pid, camera="1", splits="val")
        for n in (1, 2):
            make.sample(f"pytorch/train/{pid}/{name(pid, n)}", identity=pid, camera=str(1 + n), splits="train")
        for n in (0, 1, 2):
            make.file(f"pytorch/train_all/{pid}/{name(pid, n)}")
            make.file(f"bounding_box_train/{name(pid, n)}")
    for pid in ("0001", "0003", "1488"):
        make.sample(f"pytorch/query/{pid}/{name(pid, 3)}", identity=pid, camera="4", splits="query")
        make.sample(f"pytorch/gallery/{pid}/{name(pid, 4, '.jpg.jpg')}", identity=pid, camera="5", splits="gallery")
        make.file(f"pytorch/multi-query/{pid}/{name(pid, 5)}")
        make.file(f"gt_bbox/{name(pid, 5)}")
        make.file(f"query/{name(pid, 3)}")
        make.file(f"bounding_box_test/{name(pid, 4, '.jpg.jpg')}")
        make.file(f"gt_query/{name(pid, 3, '_good.mat')}")
    for pid, role in (("0000", "distractor"), ("-1", "junk")):
        make.sample(f"pytorch/gallery/{pid}/{name(pid, 5)}", identity=pid, role=role, camera="6", splits="gallery")
    make.file("readme.txt")


@tree("ag-reid")
def ag_reid(make: Maker) -> None:
    there, back = "aerial-to-ground", "ground-to-aerial"
    for person, time in (("0001", "04041"), ("0002", "04041"), ("0002", "04051")):  # one number, two days: two people
        for camera, frame in product("03", (31, 61)):
            make.sample(
                f"bounding_box_train/P{person}T{time}A0C{camera}F{frame}.jpg",
                identity=f"{person}{time}0", camera=camera, frame=frame, splits=f"{there}/train {back}/train train",
            )  # fmt: skip
    for person in ("0000", "0100", "0101"):
        for folder, camera, splits in (
            ("query_all_c0", "0", f"{there}/query query"),
            ("bounding_box_test_all_c3", "3", f"{there}/gallery gallery"),
            ("query_all_c3", "3", f"{back}/query"),
            ("bounding_box_test_all_c0", "0", f"{back}/gallery"),
        ):
            frame = 91 if "query" in folder else 121
            make.sample(
                f"{folder}/P{person}T02140A1C{camera}F{frame}.jpg",
                identity=f"{person}021401", camera=camera, frame=frame, splits=splits,
            )  # fmt: skip
    make.file("qut_attribute_v4_88_attributes.mat", mat(x=np.ones(1)))


# Celeb-reID and its light form are named alike: whole trees, so that the counts tell them apart


@tree("celeb-reid")
def celeb_reid(make: Maker) -> None:
    make.alike("celeb-reid-light")
    _celeb(make, ("train", 4, 12), ("query", 3, 3), ("gallery", 3, 9))
    make.file("README.txt")


@tree("celeb-reid-light")
def celeb_reid_light(make: Maker) -> None:
    make.alike("celeb-reid")
    _celeb(make, ("train", 4, 12), ("query", 3, 3), ("gallery", 3, 9))


def _celeb(make: Maker, *parts: tuple[str, int, int]) -> None:
    for split, people, pictures in parts:
        half = "train" if split == "train" else "test"  # other people, whose numbers begin at 1 again
        for n in range(pictures):
            pid = str(1 + n % people)
            make.sample(f"{split}/{pid}_{n}_0.jpg", identity=pid, who=f"{half}/{pid}", splits=split)


@tree("cuhk-sysu-crops")
def cuhk_sysu_crops(make: Maker) -> None:
    for pid, n in product(("1", "22", "11422", "11934"), (1, 2, 3)):
        make.sample(f"cropped_images/p{pid}_s{16929 + n}_{n}.jpg", identity=pid, splits="train")


@tree("cuhk-sysu")
def cuhk_sysu(make: Maker) -> None:
    # picture → its boxes: (x, y, w, h), person
    train = {
        "s1.jpg": [((10, 20, 30, 60), "p1"), ((50, 20, 30, 60), None)],
        "s2.jpg": [((12, 22, 30, 60), "p1"), ((70, 20, 31, 61), "p2")],
        "s3.jpg": [((13, 23, 30, 60), "p2"), ((5, 5, 15, 40), "p3")],
        "s14.jpg": [((14, 24, 30, 60), "p3")],
    }
    test = {
        "s5.jpg": [((15, 25, 30, 60), "p4"), ((100, 2, 30, 60), None)],
        "s6.jpg": [((16, 26, 30, 60), "p4"), ((60, 6, 30, 60), "p5")],
        "s7.jpg": [((17, 27, 30, 60), "p5")],
        "s8.jpg": [((18, 28, 30, 60), None)],
        "s9.jpg": [((19, 29, 30, 60), "p6")],
        "s10.jpg": [((20, 30, 30, 60), "p6"), ((90, 30, 30, 60), "p4")],
    }
    queries = {"p4": "s5.jpg", "p5": "s6.jpg", "p6": "s9.jpg"}
    pictures = train | test

    def located(box: tuple[int, ...]) -> np.ndarray[Any, Any]:
        return np.array([box], np.uint16)

    images = []
    for name, boxes in pictures.items():
        listed = [*boxes, ((1, 1, 0, 0), None)] if name == "s8.jpg" else boxes  # a slip of the annotators
        told = [{"idlocate": located(box), "ishard": 0} for box, _ in listed]
        images.append({"imname": name, "nAppear": len(boxes), "box": structs(told)})
        for box, pid in boxes:
            splits = "gallery" if name in test else ("train" if pid else "")
            if queries.get(pid or "") == name:
                splits += " query"
            make.sample(f"Image/SSM/{name}", pid, splits=splits, box=box)
    people = sorted({pid for boxes in pictures.values() for _, pid in boxes if pid})
    scenes = {
        pid: [
            {"imname": name, "idlocate": located(box), "ishard": 0}
            for name, boxes in pictures.items()
            for box, who in boxes
            if who == pid
        ]
        for pid in people
    }
    told = [{"idname": pid, "nAppear": len(scenes[pid]), "scene": structs(scenes[pid])} for pid in people]
    make.file("annotation/Images.mat", mat(Img=structs(images)))
    make.file("annotation/Person.mat", mat(Person=structs(told)))
    make.file("annotation/pool.mat", mat(pool=cells(list(test))))
    at = "annotation/test/train_test"
    make.file(f"{at}/Train.mat", mat(Train=cells([structs([one]) for one in told[:3]])))
    rounds = []
    for pid, name in queries.items():
        mine = next(scene for scene in scenes[pid] if scene["imname"] == name)
        others = [scene for scene in scenes[pid] if scene["imname"] != name]
        nobody = {"imname": "s8.jpg", "idlocate": np.empty((0, 0)), "ishard": np.empty((0, 0))}
        rounds.append({"Query": structs([mine | {"idname": pid}]), "Gallery": structs([*others, nobody])})
    make.file(f"{at}/TestG50.mat", mat(TestG50=structs(rounds)))
    make.file(f"{at}/TestG100.mat", mat(TestG100=structs(rounds)))
    make.file("annotation/test/subset/Occlusion.mat", mat(Occlusion1=structs(rounds)))
    make.file("README.md", "readme")
    make.problem("value")


@tree("prw")
def prw(make: Maker) -> None:
    train = {
        "c1s1_001051": ("box_new", [(1, (10, 20, 30, 60)), (-2, (100, 20, 30, 60)), (2, (-3, 5, 20, 50))]),
        "c2s1_001151": ("anno_file", [(1, (11, 21, 30, 60)), (2, (50, 60, 20, 50))]),
        "c6s3_080000": ("anno_previous", [(3, (12, 22, 30, 60))]),
        "c3s3_080100": ("box_new", [(3, (1, 2, 30, 61))]),
    }
    test = {
        "c1s3_016471": ("box_new", [(479, (13, 23, 30, 60)), (480, (40, 23, 30, 60))]),
        "c2s3_016500": ("box_new", [(479, (14, 24, 30, 60)), (-2, (5, 5, 10, 20)), (1, (80, 24, 30, 60))]),
        "c5s3_016600": ("anno_file", [(480, (15, 25, 30, 60)), (481, (60, 25, 30, 60))]),
        "c4s3_016700": ("box_new", [(481, (16, 26, 30, 60))]),
    }
    for frames, split in ((train, "train"), (test, "gallery")):
        for frame, (variable, boxes) in frames.items():
            for pid, box in boxes:
                make.sample(
                    f"frames/{frame}.jpg", str(pid),
                    role="junk" if pid == -2 else None, camera=frame[1], frame=int(frame[5:]), splits=split, box=box,
                )  # fmt: skip
            rows = [[pid, *(corner + 0.25 for corner in box)] for pid, box in boxes]
            make.file(f"annotations/{frame}.jpg.mat", mat(**{variable: np.array(rows, float)}))
    queries = [
        (479, (12, 22, 33, 63), "c1s3_016471"),
        (480, (16, 25, 29, 59), "c5s3_016600"),
        (481, (59, 24, 32, 62), "c5s3_016600"),
    ]
    lines = []
    for pid, box, frame in queries:
        make.sample(f"frames/{frame}.jpg", str(pid), camera=frame[1], frame=int(frame[5:]), splits="query", box=box)
        make.file(f"query_box/{pid}_{frame}.jpg")
        lines.append(f"{pid} {' '.join(f'{corner - 0.25:.4f}' for corner in box)} {frame}")
    make.file("query_info.txt", "\r\n".join(lines) + "\r\n")
    make.file("frame_train.mat", mat(img_index_train=cells(list(train))))
    make.file("frame_test.mat", mat(img_index_test=cells(list(test))))
    make.file("ID_train.mat", mat(ID_train=np.array([[1, 2, 3]])))
    make.file("ID_test.mat", mat(ID_test2=np.array([[479, 480, 481]])))
    make.file("generate_query.m", "% queries")
    make.file("README.txt")


@tree("viper")
def viper(make: Maker) -> None:
    for number, (letter, angle) in product(range(320), (("a", 45), ("b", 90))):
        make.sample(f"cam_{letter}/{number:03}_{angle}.bmp", identity=f"{number:03}", camera=letter, view=str(angle))
    make.file("splits.json", "[]")
    make.draws("trial")


@tree("grid")
def grid(make: Maker) -> None:
    for number in range(1, 131):
        pid = f"{number:04}"
        make.sample(f"probe/{pid}_1_25004_107_32_106_221.jpeg", identity=pid, camera="1", frame=25004, view="probe")
        make.sample(f"gallery/{pid}_5_25100_10_32_106_221.jpeg", identity=pid, camera="5", view="gallery")
    for n in range(5):
        make.sample(
            f"gallery/0000_{3 + n}_{30000 + n}_10_32_106_221.jpeg", "0000", camera=str(3 + n), role="distractor"
        )
    make.file("features_and_partitions.mat", mat(trainIdxAll=np.ones(3)))
    make.file("images/0001_1_25004_107_32_106_221.jpeg")
    make.file("README.txt")
    make.draws("trial")


@tree("prid2011")
def prid2011(make: Maker) -> None:
    for number in range(1, 111):
        for letter in "ab":
            make.sample(f"single_shot/cam_{letter}/person_{number:04}.png", identity=f"{number:04}", camera=letter)
    make.sample("single_shot/cam_a/person_0200.png", identity="0200", camera="a")
    make.sample("single_shot/cam_b/person_0200.png", identity="0200", camera="b")
    for number, letter in product((201, 385), "ab"):  # strangers: the same number, another person
        make.sample(
            f"single_shot/cam_{letter}/person_{number:04}.png",
            identity=f"{number:04}", camera=letter, who=f"{letter}{number}",
        )  # fmt: skip
    make.sample("single_shot/cam_b/person_0749.png", identity="0749", camera="b")
    for n in range(1, 4):
        make.file(f"multi_shot/cam_a/person_0001/{n:04}.png")
    make.file("readme.txt")
    make.draws("trial")


@tree("sensereid")
def sensereid(make: Maker) -> None:
    for pid, n in product(("00001", "00002", "01717"), (0, 1)):
        make.sample(f"test_probe/{pid}_{n}.jpg", identity=pid, camera=str(n), splits="query")
        make.sample(f"test_gallery/{pid}_{n + 2}.jpg", identity=pid, camera=str(n + 2), splits="gallery")


@tree("sensereid:test_prob")
def sensereid_prob(make: Maker) -> None:
    for pid, n in product(("00001", "00002", "01717"), (0, 1)):
        make.sample(f"test_prob/{pid}_{n}.jpg", identity=pid, camera=str(n), splits="query")
        make.sample(f"test_gallery/{pid}_{n + 2}.jpg", identity=pid, camera=str(n + 2), splits="gallery")


@tree("lpw")
def lpw(make: Maker) -> None:
    for scene, view, pid, n in product((1, 2, 3), (1, 3), (1, 2, 181), (1, 10213)):
        make.sample(
            f"scen{scene}/view{view}/{pid}/{n}.jpg",
            identity=str(pid), who=f"{scene}/{pid}", camera=f"scen{scene}/view{view}",
            tracklet=f"{scene}/{view}/{pid}", frame=n, splits="test" if scene == 1 else "train",
        )  # fmt: skip


@tree("airport-alert")
def airport(make: Maker) -> None:
    lines = []
    for camera, pid, n in product(("cam1", "cam6"), (11001, 99999, 401999, 11000, 402000, 7), (1, 2)):
        make.sample(
            f"{camera}/{pid}/{n:05}.jpg",
            identity=str(pid),
            camera=camera,
            splits="train" if 11001 <= pid <= 401999 else "",
        )
        lines.append(f"{camera}\\{pid}\\{n:05}.jpg")
    make.file("filepath.txt", "\n".join(lines))
    make.file("personID.txt", "11001\n")
    make.file("camID.txt", "1\n")
    make.file("readme.txt")


@tree("3dpes")
def three_dpes(make: Maker) -> None:
    for pid, sequence, frame in product(("1", "20", "200"), ("1", "2_B"), (33, 40)):
        make.sample(
            f"RGB/{pid}_{sequence}_FRAME_{frame}_RGB.bmp",
            identity=pid, tracklet=f"{pid} {sequence}", frame=frame, splits="train",
        )  # fmt: skip
    make.file("mask/1_1_FRAME_33_MASK.bmp")


@tree("3dpes:folders")
def three_dpes_folders(make: Maker) -> None:
    for pid, sequence, frame in product(("1", "20", "200"), ("1", "2_B"), (33, 40)):
        make.sample(
            f"{pid}/{pid}_{sequence}_FRAME_{frame}_RGB.bmp",
            identity=pid, tracklet=f"{pid} {sequence}", frame=frame, splits="train",
        )  # fmt: skip


@tree("prai1581")
def prai1581(make: Maker) -> None:
    for pid, camera, n in product((3, 20, 1580), (1, 2), (7, 8)):
        make.sample(
            f"images/{pid:08}_{camera:04}_{n:08}.jpg", identity=f"{pid:08}", camera=f"{camera:04}", splits="train"
        )


@tree("prai1581:like Market-1501")
def prai1581_market(make: Maker) -> None:
    folders = {"bounding_box_train": (1, "train"), "query": (2, "query"), "bounding_box_test": (2, "gallery")}
    for (folder, (first, split)), person, n in product(folders.items(), range(3), (1, 2)):
        camera = 1 if split == "query" else 2
        pid = f"{100 * first + person:08}"
        make.sample(f"{folder}/{pid}_{camera:04}_{n:08}.jpg", identity=pid, camera=f"{camera:04}", splits=split)
    make.file("partitions.pkl", "x")
    make.file("readme.txt")


@tree("pku-reid")
def pku_reid(make: Maker) -> None:
    for pid, camera, view in product(range(1, 61), "12", "18"):
        make.sample(f"PKUv1a_128x48/{pid:04}_{camera}_{view}.png", identity=f"{pid:04}", camera=camera, view=view)
    make.file("README.md")
    make.draws("trial")


@tree("saivt-softbio")
def saivt(make: Maker) -> None:
    for pid, camera, n in product(("0001", "0002", "0152"), ("1", "8"), (12, 13)):
        make.sample(f"cropped_images/{pid}/{pid}-frame-{camera}-{n:04}.jpeg", pid, camera=camera, splits="train")
        make.file(f"Uncontrolled/Subject{pid}/Camera0{camera}/{n:04}.jpeg")
    make.file("readme.txt")
    make.file("Annotations/Subject001.xml", "<x/>")


@tree("shinpuhkan")
def shinpuhkan(make: Maker) -> None:
    for pid, camera, n in product(("001", "002", "024"), ("01", "16"), (1, 2)):
        make.sample(f"images/{pid}_{camera}_01_{n:04}.jpg", identity=pid, camera=camera, splits="train")


@tree("caviar4reid")
def caviar(make: Maker) -> None:
    for pid, n in product((1, 2, 70, 72), (1, 2, 10)):
        make.sample(f"CAVIARa/{pid:04}{n:03}.jpg", identity=f"{pid:04}", splits="train")


@tree("wildtrack-crops")
def wildtrack(make: Maker) -> None:
    for pid, camera, n in product(("0", "7", "312"), "06", (0, 5)):
        make.sample(f"crop/{pid}/{camera}_{n:08}.png", identity=pid, camera=camera, splits="train")
    make.file("crop/splits.json", "[]")


@tree("thermalworld")
def thermalworld(make: Maker) -> None:
    for pid, n in product(("1", "2", "516"), (1, 2, 3, 4)):
        make.sample(f"thermalworld_rgb/{pid}/{n:04}.jpg", identity=pid, splits="train")


@tree("randperson")
def randperson(make: Maker) -> None:
    for pid, scene, camera in product(("000000", "000001", "007999"), ("00", "10"), ("00", "01")):
        make.sample(
            f"randperson_subset/{pid}_s{scene}_c{camera}_f000264.jpg",
            identity=pid, camera=f"s{scene}c{camera}", frame=264, splits="train",
        )  # fmt: skip


@tree("randperson:camera first")
def randperson_old(make: Maker) -> None:
    for pid, scene, camera in product(("000000", "000001", "007999"), ("00", "10"), ("00", "01")):
        make.sample(
            f"{pid}_c{camera}_s{scene}_f001032.jpg",
            identity=pid, camera=f"s{scene}c{camera}", frame=1032, splits="train",
        )  # fmt: skip


@tree("randperson:whole")
def randperson_whole(make: Maker) -> None:
    for pid, scene, camera in product(("000000", "000001", "007999"), ("00", "10"), ("0", "1")):
        make.sample(
            f"images/scene{scene}/camera{camera}_1/{pid}_s{scene}_c0{camera}_f000264.jpg",
            identity=pid, camera=f"s{scene}c0{camera}", splits="train",
        )  # fmt: skip
        make.file(f"images/scene{scene}/delete_camera{camera}_1/{pid}_s{scene}_c0{camera}_f000999.jpg")
        make.file(f"images/scene{scene}/camera{camera}_1_point.txt", f"{scene} {camera}")


@tree("clonedperson")
def clonedperson(make: Maker) -> None:
    for folder, split, first in (
        ("train", "train", 700000),
        ("test/query", "query", 705227),
        ("test/gallery", "gallery", 705227),
    ):
        for person, scene in product(range(3), ("02", "12")):
            camera = "02" if split == "query" else "00"
            make.sample(
                f"{folder}/{first + person}_s{scene}_c{camera}_f023389.jpg",
                identity=str(first + person), camera=f"s{scene}c{camera}", frame=23389, splits=split,
            )  # fmt: skip


@tree("unrealperson")
def unrealperson(make: Maker) -> None:
    lines = []
    for scene, people, pid, n in product("13", "12", ("0", "333", "1799"), (9, 78)):
        path = f"unreal_v{scene}.{people}/images/{pid}_c001_{n}.jpg"
        listed = n == 9
        make.sample(
            path,
            identity=pid, who=f"{people}/{pid}", camera=f"v{scene}c001", frame=n,
            splits="train paper/train" if listed else "train",
        )  # fmt: skip
        if listed:
            lines.append(f"{path} {len(lines)} 3 \n")
    make.file("list_unreal_train.txt", "".join(lines))
    make.file("README.md")


@tree("personx:one background")
def personx_flat(make: Maker) -> None:
    folders = {"bounding_box_train": (1, "train"), "query": (500, "query"), "bounding_box_test": (500, "gallery")}
    for (folder, (first, split)), person, camera in product(folders.items(), range(3), (3, 12)):
        view = 5 + len(split)
        make.sample(
            f"PersonX/{folder}/{first + person}_c{camera}s1_{view}.jpg",
            identity=str(first + person), camera=str(camera), view=str(view), splits=split,
        )  # fmt: skip


@tree("personx")
def personx(make: Maker) -> None:
    folders = {"bounding_box_train": (1, "train"), "query": (500, "query"), "bounding_box_test": (500, "gallery")}
    for background, (folder, (first, split)), person in product((1, 6), folders.items(), range(3)):
        pid = f"{first + person:04}"
        make.sample(
            f"{background}/{folder}/{pid}_c{background}_{10 + len(split)}.jpg",
            identity=pid, camera=str(background), splits=split,
        )  # fmt: skip
