"""Trees of the datasets with aligned modalities: RGBNT201, Market-MM, RGBNT100, RGBN300, MSVR310, WMVeID863."""

from __future__ import annotations

from tests.layout_trees import Maker, tree


@tree("rgbnt201")
def rgbnt201(make: Maker) -> None:
    for top, splits, people in (
        ("train_171", "train", ("000001", "000002", "000205")),
        ("test", "query gallery", ("000258", "000300")),
    ):
        for person in people:
            for number in range(4):
                name = f"{person}_cam{number % 4 + 1}_0_{number:02d}.jpg"
                make.sample(
                    f"{top}/RGB/{name}",
                    person,
                    camera=str(number % 4 + 1),
                    splits=splits,
                    aligned={"nir": f"{top}/NI/{name}", "tir": f"{top}/TI/{name}"},
                    modality="rgb+nir+tir",
                )


@tree("market1501-mm")
def market_mm(make: Maker) -> None:
    for split, people in (
        ("train", ("0002", "0007")),
        ("query", ("0001", "0003")),
        ("gallery", ("0001", "0003", "0000", "-1")),
    ):
        for person in people:
            for number in range(2):
                ending = ".jpg.jpg" if (split, person, number) == ("gallery", "0003", 1) else ".jpg"
                name = f"{person}_c{number + 1}s1_{451 + number:06d}_0{number}{ending}"
                make.sample(
                    f"{split}/RGB/{name}",
                    person,
                    camera=str(number + 1),
                    frame=451 + number,
                    splits=split,
                    role={"0000": "distractor", "-1": "junk"}.get(person),
                    aligned={"nir": f"{split}/NI/{name}", "tir": f"{split}/TI/{name}"},
                    modality="rgb+nir+tir",
                )


def _side_by_side(make: Maker, top: str, people: dict[str, tuple[str, ...]], modality: str) -> None:
    parts = {"bounding_box_train": "train", "query": "query", "bounding_box_test": "gallery"}
    for folder, split in parts.items():
        for vehicle in people["train" if split == "train" else "test"]:
            for number in range(1 if split == "query" else 3):
                path = f"{top}{folder}/{vehicle}_c000{number + 1}_{9 + number:03d}.jpg"
                make.sample(
                    path,
                    vehicle,
                    camera=str(number + 1),
                    frame=9 + number,
                    splits=split,
                    modality=modality,
                    aligned=dict.fromkeys(modality.split("+")[1:], path),
                )


@tree("rgbnt100")
def rgbnt100(make: Maker) -> None:
    people = {"train": ("0501", "0539", "0599"), "test": ("0502", "0600")}
    _side_by_side(make, "rgbir/", people, "rgb+nir+tir")


@tree("rgbnt100:bare")
def rgbnt100_bare(make: Maker) -> None:
    """Without the folder `rgbir`, and with a note."""
    people = {"train": ("0501", "0539", "0599"), "test": ("0502", "0600")}
    _side_by_side(make, "", people, "rgb+nir+tir")
    make.file("readme.txt", "RGBNT100")


@tree("rgbn300")
def rgbn300(make: Maker) -> None:
    people = {"train": ("0001", "0003", "0501"), "test": ("0002", "0300", "0600")}
    _side_by_side(make, "rgbir/", people, "rgb+nir")


@tree("msvr310")
def msvr310(make: Maker) -> None:
    for top, split, people in (
        ("bounding_box_train", "train", ("0268", "0003")),
        ("query3", "query", ("0002",)),
        ("bounding_box_test", "gallery", ("0002", "0310")),
    ):
        for vehicle in people:
            for number in range(3):
                scene, view = f"{number // 2:03d}", number * 3 % 8
                name = f"{vehicle}_s{scene}_v{view}_{number:03d}.jpg"
                folder = f"{top}/{vehicle}"
                make.sample(
                    f"{folder}/vis/{name}",
                    vehicle,
                    camera=str(view),
                    splits=split,
                    view=str(view),
                    tracklet=f"{vehicle} in {scene}",
                    aligned={"nir": f"{folder}/ni/{name}", "tir": f"{folder}/th/{name}"},
                    modality="rgb+nir+tir",
                )


@tree("wmveid863")
def wmveid863(make: Maker) -> None:
    """Seven vehicles stand in both halves, and some pictures lack their partners."""
    make.problem("incomplete-set")
    for top, split, people in (
        ("train", "train", ("0001", "0325", "0400")),
        ("query", "query", ("0010",)),
        ("test", "gallery", ("0010", "0325")),
    ):
        for vehicle in people:
            for number in range(3):
                name = f"v{number + 1}_n{number % 2}_s001_{number:03d}.jpg"
                folder = f"{top}/{vehicle}"
                orphan = (top, vehicle, number) == ("train", "0400", 2)
                others = (
                    {"nir": f"{folder}/ni/{name}"}
                    if orphan
                    else {
                        "nir": f"{folder}/ni/{name}",
                        "tir": f"{folder}/th/{name}",
                    }
                )
                make.sample(
                    f"{folder}/vis/{name}",
                    vehicle,
                    camera=str(number + 1),
                    view=str(number + 1),
                    splits=split,
                    aligned=others,
                    modality="+".join(["rgb", *others]),
                )


@tree("wmveid863:flat")
def wmveid863_flat(make: Maker) -> None:
    """The vehicle and the camera are the first fields of the name, in no folder of the vehicle's own."""
    _wmveid863(make, has_folders=False)
    make.file("readme.md", "WMVeID863")


@tree("wmveid863:the same in folders")
def wmveid863_folders(make: Maker) -> None:
    _wmveid863(make, has_folders=True)


def _wmveid863(make: Maker, *, has_folders: bool) -> None:
    for top, split, people in (
        ("train", "train", ("0001", "0400")),
        ("query", "query", ("0010",)),
        ("test", "gallery", ("0010", "0325")),
    ):
        for vehicle in people:
            for number in range(3):
                name = f"{vehicle}_{number + 1}_n0_{number:03d}.jpg"
                folder = f"{top}/{vehicle}" if has_folders else top
                make.sample(
                    f"{folder}/vis/{name}",
                    vehicle,
                    camera=str(number + 1),
                    splits=split,
                    aligned={"nir": f"{folder}/ni/{name}", "tir": f"{folder}/th/{name}"},
                    modality="rgb+nir+tir",
                )
