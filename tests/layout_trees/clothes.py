"""Trees of persons who change clothes."""

from __future__ import annotations

from itertools import product

from tests.layout_trees import Maker, tree


@tree("prcc")
def prcc(make: Maker) -> None:
    change, same = "clothes-change", "same-clothes"
    clothes = {"A": 1, "B": 1, "C": 2}
    for kind, part, pid, camera in product(("rgb", "sketch"), ("train", "val"), ("001", "002", "151"), "ABC"):
        make.sample(
            f"{kind}/{part}/{pid}/{camera}_cropped_{kind}{7 if part == 'val' else 1:03}.jpg",
            identity=pid, camera=camera, modality=kind, clothes=clothes[camera],
            splits=f"{change}/{part} {same}/{part} {part}",
        )  # fmt: skip
    splits = {"A": f"{change}/gallery {same}/gallery gallery", "B": f"{same}/query", "C": f"{change}/query query"}
    for kind, camera, pid, n in product(("rgb", "sketch"), "ABC", ("003", "004", "222"), (1, 2)):
        make.sample(
            f"{kind}/test/{camera}/{pid}/cropped_{kind}{n:03}.jpg",
            identity=pid, camera=camera, modality=kind, clothes=clothes[camera], splits=splits[camera],
        )  # fmt: skip
    make.draws("single")


@tree("ltcc")
def ltcc(make: Maker) -> None:
    for folder, split, people in (
        ("train", "train", ("094", "095", "140")),
        ("query", "query", ("000", "013", "151")),
        ("test", "gallery", ("000", "013", "151")),
    ):
        for pid, clothes, camera in product(people, (1, 14), (2, 12)):
            frame = 6327 + len(folder)
            make.sample(
                f"{folder}/{pid}_{clothes}_c{camera}_{frame:06}.png",
                identity=pid, camera=str(camera), clothes=clothes, frame=frame, splits=split,
            )  # fmt: skip
    make.file("info/cloth-change_id_train.txt", "94\n")
    make.file("info/cloth-unchange_id_test.txt", "0\n")
    make.file("README.txt")


@tree("vc-clothes")
def vc_clothes(make: Maker) -> None:
    same, change = "same-clothes", "clothes-change"
    for split, first in (("train", 1), ("query", 300), ("gallery", 300)):
        for person, camera, clothes in product(range(3), (1, 2, 3, 4), (1, 3)):
            splits = [split]
            splits += [f"{same}/{split}"] if split == "train" or camera in (2, 3) else []
            splits += [f"{change}/{split}"] if split == "train" or camera in (3, 4) else []
            pid = f"{first + person:04}"
            make.sample(
                f"{split}/{pid}-{camera:02}-{clothes:02}-{len(split):02}.jpg",
                identity=pid, camera=f"{camera:02}", clothes=clothes, splits=" ".join(splits),
            )  # fmt: skip


@tree("last")
def last(make: Maker) -> None:
    def name(pid: str, n: int, clothes: str, gap: str = "_") -> str:
        return f"{pid}{gap}{n:03}_00012_{345 + n:04}_01_{clothes}.jpg"

    for pid, n in product(("000001", "000002", "005000"), (1, 2)):
        make.sample(
            f"train/{pid}/{name(pid, n, f'{n:03}')}",
            identity=pid, who=f"train/{pid}", clothes=n, frame=345 + n, splits="train",
        )  # fmt: skip
    for part, query, gallery in (("val", "val/query", "val/gallery"), ("test", "query", "gallery")):
        for pid in ("000001", "000101", "005806"):
            make.sample(f"{part}/query/{name(pid, 3, '000')}", identity=pid, who=f"{part}/{pid}", splits=query)
            make.sample(
                f"{part}/gallery/{pid}/{name(pid, 4, '000', '__')}", identity=pid, who=f"{part}/{pid}", splits=gallery
            )
        make.sample(f"{part}/gallery/000000/{name('000000', 5, '000')}", "000000", role="distractor", splits=gallery)


@tree("deepchange")
def deepchange(make: Maker) -> None:
    parts = {
        "train-set": ("train", 700), "val-set-query": ("val/query", 800), "val-set-gallery": ("val/gallery", 800),
        "test-set-query": ("query", 900), "test-set-gallery": ("gallery", 900),
    }  # fmt: skip
    for part, (split, first) in parts.items():
        lines = []
        for person, camera, n in product(range(3), (2, 13), (1, 2)):
            pid, day = f"{first + person:04}", 20200813 + camera
            name = f"P{pid}_C{camera:02}_{day}_{154757 + len(part)}_{n:06}_bbox.jpg"
            if (person, n) == (2, 2):  # what follows the clothes is told nowhere
                name = f"P{pid}_C{camera:02}_{day}_{camera}x.png"
            make.sample(
                f"{part}/{name}",
                identity=pid, camera=f"{camera:02}", clothes=0 if camera == 2 else 1,
                frame=None if name.endswith("png") else n, splits=split,
                tracklet=f"{pid} {camera} {len(split) % 2}",
            )  # fmt: skip
            lines.append(f"{name},{len(split) % 2}\n")
        if part == "test-set-gallery":
            lines.append("P0999_C02_20200815_000000_000001_bbox.jpg,3\n")  # not there
        make.file(f"{part}-bbox.txt", "".join(lines))
    make.file("DeepChangeAccessAgreement.pdf")
    make.problem("listed-missing")


@tree("ccvid")
def ccvid(make: Maker) -> None:
    words = ["u0_l0_s0_c0_a0", "u0_l0_s0_c0_a1", "u1_l0_s0_c0_a0", "u10_l0_s0_c0_a0"]  # in natural order
    lists = {
        "train": [("session1/041_01", 0), ("session1/041_02", 1), ("session2/042_07", 2), ("session3/043_01", 0)],
        "query": [("session1/001_01", 0), ("session1/002_01", 0), ("session3/198_01", 1)],
        "gallery": [("session1/001_10", 3), ("session2/002_08", 2), ("session3/198_10", 0)],
    }
    for split, tracklets in lists.items():
        lines = []
        for folder, clothes in tracklets:
            session, (pid, number) = folder.split("/")[0], folder.split("/")[1].split("_")
            for n in (1, 2):
                make.sample(
                    f"{folder}/{n:05}.jpg",
                    identity=pid, camera=f"{session}/{number}" if session == "session3" else number,
                    tracklet=folder, clothes=clothes, frame=n, splits=split,
                )  # fmt: skip
            lines.append(f"{folder}\t{pid}\t{words[clothes]}\n")
        make.file(f"{split}.txt", "".join(lines))
    make.file("readme.txt")
