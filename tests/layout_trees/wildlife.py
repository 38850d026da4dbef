"""Trees of datasets of animals: by folder, by table, or with boxes in COCO's form."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from tests.layout_trees import Maker, tree


def _table(rows: Iterable[Sequence[object]]) -> str:
    return "".join(",".join("" if cell is None else str(cell) for cell in row) + "\n" for row in rows)


@tree("ipanda50")
def ipanda50(make: Maker) -> None:
    """The plain protocol is `split0`."""
    lists: dict[tuple[int, str], list[str]] = {}
    for n, panda in enumerate(("00_aibang", "01_aijiu", "11_hexing", "49_yuanrun")):
        names = [f"{n:02d}_v{v:03d}_f000455.jpg" for v in (1, 2, 4)]
        names.append(f"{n:02d}_20150403-094000____1890.jpg")
        if n == 2:
            names.append("11_贺星_0003.jpg")
        for i, name in enumerate(names):
            splits = []
            for split in range(5):
                half = "test" if (i + split) % 3 == 0 else "train"
                lists.setdefault((split, half), []).append(name)
                splits.append(f"split{split}/{half}")
            path = f"iPanda50-images/{panda}/{name}"
            make.sample(path, panda, splits=" ".join([*splits, splits[0].partition("/")[2]]))
            make.file(f"iPanda50-eyes-labels/{panda}/{name[:-4]}.json", f'{{"shapes": [], "imagePath": "{name}"}}')
    for (split, half), names in lists.items():
        make.file(f"iPanda50-split/split{split}_{half}.txt", ("\n".join(names) + "\n").encode("gb18030"))
    make.file("changes.csv", "old,new\n")
    make.file("README.md", "iPanda-50")


@tree("macaquefaces")
def macaquefaces(make: Maker) -> None:
    for n, (who, category) in enumerate((("Dan", "Contrast"), ("Elle", "Contrast"), ("Zeke", "Good"))):
        for i in range(4):
            path = f"MacaqueFaces/{category}/{who}/Macaque_Face_{100 * n + i}.jpg"
            make.sample(path, who, source=category)
    rows = [("FileName", "ID", "Category", "Path"), ("Macaque_Face_0.jpg", "Dan", "Contrast", "Contrast\\Dan")]
    make.file("MacaqueFaces_ImageInfo.csv", _table(rows))
    make.file("README.md", "faces")


def _atrw(make: Maker, train: str, test: str, lists: str, truth: str | None) -> None:
    rows = []
    for n in range(8):
        tiger = str(n // 2)
        rows.append((tiger, f"{4 + 3 * n:06d}.jpg"))
        path = f"{train}/{rows[-1][1]}"
        make.sample(path, tiger, who=f"train {tiger}", source="train", frame=4 + 3 * n, splits="train")
    for frame in (99, 105):  # in no list
        make.sample(f"{train}/{frame:06d}.jpg", None, source="train", frame=frame)
    make.file(lists, _table(rows))
    found = []
    for n in range(6):  # a number of both parts, and names of both parts, are not the same
        tiger = str(n // 2) if truth else None
        who = f"test {tiger}" if truth else None
        path = f"{test}/{4 + 3 * n:06d}.jpg"
        make.sample(path, tiger, who=who, source="test", frame=4 + 3 * n, splits="query gallery")
        found.append({"imgid": 4 + 3 * n, "entityid": n // 2, "query": "multi", "frame": [[1, n]]})
    if truth:
        make.file(truth, json.dumps(found))


@tree("atrw")
def atrw(make: Maker) -> None:
    scripts = "eval_script/ATRWEvalScript-main"
    listed = "atrw_anno_reid_train/reid_list_train.csv"
    truth = f"{scripts}/annotations/gt_test_plain.json"
    _atrw(make, "atrw_reid_train/train", "atrw_reid_test/test", listed, truth)
    make.file("atrw_anno_reid_train/reid_keypoints_train.json", "{}")
    make.file("atrw_anno_reid_test/reid_list_test.csv", "000004.jpg\n")
    make.file(f"{scripts}/annotations/gt_test_wild.json", "[]")
    make.file(f"{scripts}/README.md", "scores")
    make.file("atrw_detection_test/test/0004.jpg")


@tree("atrw:flat")
def atrw_flat(make: Maker) -> None:
    """As it is put together elsewhere, without the answers."""
    _atrw(make, "train", "test", "reid_list_train.csv", None)
    make.file("reid_list_test.csv", "000004.jpg\n")


def _chimpanzees(make: Maker, folder: str, listed: str, names: Sequence[tuple[str, str]]) -> None:
    """`names`: as written, and who that is."""
    lines = []
    for n, (written, name) in enumerate(names, 1):
        file = f"face_images/img-id{n}-object-1.png"
        role = "junk" if name == "Adult" else None
        make.sample(folder + file, name, frame=n, role=role)
        points = " ".join(f"{point} {n} {n + 1}" for point in ("RightEye", "LeftEye", "Mouth", "EarLobe1", "EarLobe2"))
        lines.append(f"Filename {file} Name {written} Age {n} AgeGroup Adult Gender Male {points}")
    make.file(folder + listed, "\n".join(lines) + "\n")


_WILD = (
    ("Akouba", "Akrouba"),
    ("Freddy", "Fredy"),
    ("Ibrahiim", "Ibrahim"),
    ("Liliou", "Lilou"),
    ("Wapii", "Wapi"),
    ("Woodstiock", "Woodstock"),
)


@tree("ctai")
def ctai(make: Maker) -> None:
    right = [(name, name) for _, name in _WILD]
    named = [("Sagu", "Sagu"), ("Sagu", "Sagu"), ("Adult", "Adult")]
    _chimpanzees(make, "data_CTai/", "annotations_ctai.txt", [*_WILD, *right, *named])
    make.file("data_CTai/README.md", "faces")
    make.file("data_CZoo/face_images/img-id1-object-1.png", "a sister")
    make.file("data_CZoo/annotations_czoo.txt", "Filename face_images/img-id1-object-1.png")


@tree("ctai:bare")
def ctai_bare(make: Maker) -> None:
    _chimpanzees(make, "", "annotations_ctai.txt", [(n, n) for n in ("Sagu", "Utan", "Zora") for _ in range(4)])


@tree("czoo")
def czoo(make: Maker) -> None:
    names = [(n, n) for n in ("Corrie", "Dorien", "Frodo", "Riet") for _ in range(3)]
    folder = "datasets_cropped_chimpanzee_faces/data_CZoo/"
    _chimpanzees(make, folder, "annotations_czoo.txt", names)
    make.file(folder + "readme.txt", "faces")


_PARTS = {"train": "train", "valid": "val", "test": "test"}


@tree("seaturtleid2022")
def seaturtleid2022(make: Maker, folder: str = "turtles-data/data/") -> None:
    """The plain protocol is `closed`."""
    rows: list[tuple[object, ...]] = [
        ("id", "file_name", "identity", "split_closed", "split_closed_random", "split_open")
    ]
    parts = tuple(_PARTS)
    for n in range(15):
        turtle = f"t{1 + n % 5:03d}"
        path = f"images/{turtle}/CAluWEgw{n:02d}.{'JPG' if n % 2 else 'jpeg'}"
        closed, lot, opened = parts[n // 5], parts[n % 3], parts[(n + 1) // 5 % 3]
        plain = _PARTS[closed]
        splits = f"{plain} closed/{plain} random/{_PARTS[lot]} open/{_PARTS[opened]}"
        make.sample(folder + path, turtle, splits=splits)
        rows.append((n, path, turtle, closed, lot, opened))
    make.file(folder + "metadata_splits.csv", _table(rows))
    make.file(folder + "metadata.csv", "file_name,date\n")
    make.file(folder + "annotations.json", '{"images": []}')
    make.file(folder + "readme.md" if not folder else "README.md", "turtles")


@tree("seaturtleid2022:bare")
def seaturtleid2022_bare(make: Maker) -> None:
    seaturtleid2022(make, "")


@tree("seaturtleidheads")
def seaturtleidheads(make: Maker) -> None:
    images, heads = [], []
    for n in range(12):
        turtle, side = f"t{1 + n % 4:03d}", ("left", "right", "top")[n % 3]
        path = f"images/{turtle}/anuJvqUq{n:02d}.JPG"
        make.sample(path, turtle, view=side)
        images.append({"id": n, "path": f"{turtle}/anuJvqUq{n:02d}.JPG", "width": 10, "height": 10})
        heads.append({"id": 100 + n, "image_id": n, "identity": turtle, "position": side})
    make.file("annotations.json", json.dumps({"images": images, "annotations": heads}))
    make.file("README.md", "heads")


@tree("animalclef")
def animalclef(make: Maker) -> None:
    rows: list[tuple[object, ...]] = [
        ("image_id", "identity", "path", "date", "orientation", "species", "split", "dataset")
    ]
    names = {
        "LynxID2025": ("{part}/000f9ee1aad063{n:02x}.jpg", ("right", "left")),
        "SalamanderID2025": ("{part}/images/0a2b29c15d9c4d{n:02x}.jpg", ("top", "bottom")),
        "SeaTurtleID2022": ("{part}/turtles-data/data/images/t{n:03d}/anuJvqUqBB.JPG", ("left", "right")),
    }
    for dataset, (form, sides) in names.items():
        for n in range(6):
            part = "query" if n > 3 else "database"
            identity = None if part == "query" else f"{dataset}_{n // 2}"
            path = f"images/{dataset}/" + form.format(part=part, n=n)
            splits = "query" if part == "query" else "train gallery"
            make.sample(path, identity, source=dataset, view=sides[n % 2], splits=splits)
            rows.append((len(rows), identity, path, "2020-01-01", sides[n % 2], "a", part, dataset))
    make.file("metadata.csv", _table(rows))
    make.file("sample_submission.csv", "image_id,identity\n4,new_individual\n")
    make.file("readme.md", "the challenge")


@tree("animalclef:2026")
def animalclef_2026(make: Maker) -> None:
    rows: list[tuple[object, ...]] = [
        ("image_id", "identity", "path", "date", "orientation", "species", "split", "dataset")
    ]
    for dataset in ("LynxID2025", "TexasHornedLizards"):
        for n in range(6):
            part = "test" if n > 3 or dataset.startswith("Texas") else "train"
            identity = None if part == "test" else f"{dataset}_{n // 2}"
            path = f"images/{dataset}/{part}/000f9ee1aad063{n:02x}.jpg"
            make.sample(path, identity, source=dataset, splits=part)
            rows.append((len(rows), identity, path, None, None, "a", part, dataset))
    make.file("metadata.csv", _table(rows))


@tree("wildlifereid-10k")
def wildlifereid_10k(make: Maker) -> None:
    rows: list[tuple[object, ...]] = [("identity", "path", "date", "orientation", "species", "split", "dataset")]
    names = {
        "NyalaData": "wildlife_reidentification-main/Nyala_Data_Zero/{part}/{n}/left_{n}.jpg",
        "BelugaID": "beluga/beluga.coco/images/train2022/{n:012d}_0.jpg",
        "ZindiTurtleRecall": "images/ID_{n}.JPG",
    }
    for dataset, form in names.items():
        for n in range(6):
            part = "test" if n % 3 == 2 else "train"
            path = f"images/{dataset}/" + form.format(part=part, n=n)
            make.sample(path, f"{dataset}_{n % 3}", source=dataset, view="left" if n % 2 else "right", splits=part)
            side = "left" if n % 2 else "right"
            rows.append((f"{dataset}_{n % 3}", path, "2020-01-01", side, "whale", part, dataset))
    make.file("metadata.csv", _table(rows))
    make.file("licenses.txt", "as each dataset's")


@tree("zindi-turtle-recall")
def zindi_turtle_recall(make: Maker) -> None:
    train: list[tuple[object, ...]] = [("image_id", "image_location", "turtle_id")]
    extra: list[tuple[object, ...]] = [("image_id", "turtle_id")]
    test: list[tuple[object, ...]] = [("image_id", "image_location")]
    for n in range(15):
        name, side = f"ID_6NEDKO{n:02d}", ("left", "right", "top")[n % 3]  # written in capitals
        turtle = f"t_id_d6aYXt{n // 3}" if n < 12 else None
        if n < 9:
            make.sample(f"images/{name}.JPG", turtle, view=side, splits="train")
            train.append((name, side.upper(), turtle))
        elif turtle:
            make.sample(f"images/{name}.JPG", turtle, splits="extra")
            extra.append((name, turtle))
        else:
            make.sample(f"images/{name}.JPG", None, view=side, splits="test")
            test.append((name, side.upper()))
    make.file("train.csv", _table(train))
    make.file("extra_images.csv", _table(extra))
    make.file("test.csv", _table(test))
    make.file("sample_submission.csv", "image_id,prediction1\n")


def _coco(make: Maker, prefix: str, year: int, cropped: bool = False) -> None:
    """Wild Me's packing: `cropped` pictures are each one animal, others have a box for each."""
    images, boxes = [], []
    folder = prefix + f"images/train{year}/"
    sides = ("left", "right", "frontleft")
    for n in range(1, 13):
        name = f"{n:012d}.jpg"
        images.append({"id": n, "file_name": name, "width": 100, "height": 80})
        animals = 1 if cropped or n % 4 else 2
        for i in range(animals):
            who = "____" if n == 11 else f"animal-{(n + 5 * i) % 4}"
            side = sides[n % 3] if n < 9 else None
            box = (0, 0, 100, 80) if cropped else (3 * n, 5 + 20 * i, 30, 20)
            role = "junk" if who == "____" else None
            told = None if cropped else box
            make.sample(folder + name, who, frame=n, role=role, view=side, box=told)
            boxes.append({"id": 100 * n + i, "image_id": n, "bbox": list(box), "theta": 0.0, "name": who})
            if side:
                boxes[-1]["viewpoint"] = side
    parts = {"images": images, "annotations": boxes, "categories": [{"id": 0, "name": "animal"}]}
    make.file(prefix + f"annotations/instances_train{year}.json", json.dumps(parts))
    for half in ("test", "val"):
        make.file(
            prefix + f"annotations/instances_{half}{year}.json", f'{{"images": [], "annotations": [], "is": "{half}"}}'
        )
    make.file(prefix + "LICENSE", "as told")


@tree("whalesharkid")
def whalesharkid(make: Maker) -> None:
    _coco(make, "whaleshark.coco/", 2020)


@tree("giraffezebraid")
def giraffezebraid(make: Maker) -> None:
    _coco(make, "gzgc.coco/", 2020)
    make.file("README.md", "giraffes and zebras")


@tree("leopardid2022")
def leopardid2022(make: Maker) -> None:
    _coco(make, "leopard.coco/", 2022)


@tree("hyenaid2022")
def hyenaid2022(make: Maker) -> None:
    _coco(make, "hyena.coco/", 2022)


@tree("belugaid")
def belugaid(make: Maker) -> None:
    _coco(make, "beluga.coco/", 2022, cropped=True)
    make.file("beluga-id-test/images/test0001.jpg", "of a challenge")


@tree("belugaid:in a folder")
def belugaid_inner(make: Maker) -> None:
    _coco(make, "beluga/beluga.coco/", 2022, cropped=True)


@tree("humpbackwhaleid")
def humpbackwhaleid(make: Maker) -> None:
    rows = [("Image", "Id")]
    for n in range(9):
        name, whale = f"0000e88{n:x}{'b' if n % 2 else ''}.jpg", "new_whale" if n > 7 else f"w_f48451{n // 2}"
        make.sample(f"train/{name}", whale, role="junk" if n > 7 else None, splits="train")
        rows.append((name, whale))
    for n in range(4):
        make.sample(f"test/00028a00{n}.jpg", None, splits="test")
    make.file("train.csv", _table(rows))
    make.file("sample_submission.csv", "Image,Id\n00028a000.jpg,new_whale\n")


@tree("happywhale")
def happywhale(make: Maker) -> None:
    rows = [("image", "species", "individual_id")]
    for n in range(9):
        name, whale = f"00021adfb725e{n:x}.jpg", f"cadddb1636b{n // 3}"
        make.sample(f"train_images/{name}", whale, splits="train")
        rows.append((name, "melon_headed_whale", whale))
    for n in range(4):
        make.sample(f"test_images/000110707af0b{n:x}.jpg", None, splits="test")
    make.file("train.csv", _table(rows))
    make.file("sample_submission.csv", "image,predictions\n000110707af0b0.jpg,new_individual\n")


@tree("noaarightwhale")
def noaarightwhale(make: Maker) -> None:
    rows, hidden = [("Image", "whaleID")], [("Image", "whale_00195")]
    for n in range(14):
        name, whale = f"w_{7 * n}.jpg", f"whale_0019{n // 3}"
        if n < 10:
            make.sample(f"imgs/{name}", whale, frame=7 * n, splits="train")
            rows.append((name, whale))
        else:
            make.sample(f"imgs/{name}", None, frame=7 * n, splits="test")
            hidden.append((name, "0"))
    make.file("train.csv", _table(rows))
    make.file("sample_submission.csv", _table(hidden))
    make.file("README.txt", "whales")


@tree("nyaladata")
def nyaladata(make: Maker) -> None:
    for n in range(12):
        part, side = ("train", "val", "test")[n % 3], "left" if n % 2 else "right"
        name, view = (f"{side}_{n}.jpg", side) if n < 9 else (f"picture_{n}.jpg", None)
        make.sample(f"Nyala_Data_Zero/{part}/{n // 3}/{name}", str(n // 3), view=view, splits=part)
    make.file("README.md", "nyalas")


@tree("liondata")
def liondata(make: Maker) -> None:
    for n in range(12):
        part = ("train", "val")[n % 2]
        path = f"wildlife_reidentification-main/Lion_Data_Zero/{part}/{n // 4}/{n}.jpg"
        make.sample(path, str(n // 4), splits=part)
    make.file("wildlife_reidentification-main/README.md", "lions")
    make.file("wildlife_reidentification-main/train.py", "pass")


@tree("sealid")
def sealid(make: Maker) -> None:
    rows = [("file", "class_id", "reid_split", "segmentation_split")]
    for n in range(12):
        part, name = "query" if n % 4 == 3 else "database", f"{n // 4:03d}_{n % 4:02d}.jpg"
        split = "gallery" if part == "database" else part
        make.sample(f"full images/source_{part}/{name}", str(n // 4), splits=split)
        rows.append((name, str(n // 4), part, "training"))
        make.file(f"full images/segmented_{part}/{name[:-4]}.png")
        make.file(f"patches/source/{name[:-4]}_1.png")
    make.file("full images/annotation.csv", _table(rows))
    make.file("readme.md", "seals")


@tree("seastarreid2023")
def seastarreid2023(make: Maker) -> None:
    for star in ("Anau01", "Anau02", "Asru12"):
        for n in range(4):
            make.sample(f"{star}/IMG_{n:04d}.jpg", star)
    make.file("readme.txt", "stars")


@tree("opencows2020")
def opencows2020(make: Maker) -> None:
    for cow in ("001", "002", "046"):
        for n in range(4):
            part = "test" if n == 3 else "train"
            make.sample(f"identification/images/{part}/{cow}/image_{n:04d}.jpg", cow, splits=part)
    make.file("detection_and_localisation/images/000001.jpg")
    make.file("readme.txt", "cows")


@tree("friesiancattle2015")
def friesiancattle2015(make: Maker) -> None:
    for cow in ("1", "2", "40"):
        for n in range(4):
            part = "train" if n < 2 else "test"
            make.sample(f"Cows-{part}ing/Cow{cow}/{n:05d}_RGB.jpg", cow, splits=part)
    make.file("readme.txt", "cows")


@tree("czechlynx")
def czechlynx(make: Maker) -> None:
    head = ("path", "unique_name", "trap_id", "split-geo_aware", "split-time_open", "split-time_closed")
    rows: list[tuple[object, ...]] = [head]
    for n in range(12):
        region, lynx = ("foe_bohemia", "foe_carpathians")[n % 2], f"lynx_{41 + n % 4:03d}"
        path = f"CzechLynx/{region}/{lynx}/{22605 + n}_{lynx}.jpg"
        parts = ("test" if n % 2 else "train", "test" if n > 7 else "train", "test" if n > 8 else "train")
        splits = " ".join(f"{name}/{part}" for name, part in zip(("geo", "open", "closed"), parts, strict=True))
        make.sample(path, lynx, source=region, camera=f"trap_{n % 3}", frame=22605 + n, splits=splits)
        rows.append((path, lynx, f"trap_{n % 3}", *parts))
    make.file("CzechLynxDataset-Metadata-Real.csv", _table(rows))
    make.file("CzechLynxDataset-Metadata-Synthetic.csv", "path,identity\n")
    make.file("CzechLynx_Synthetic/lynx_1/1.jpg")


_BOX = ("image_name", "bbox_x", "bbox_y", "bbox_width", "bbox_height")


@tree("amvrakikosturtles")
def amvrakikosturtles(make: Maker) -> None:
    rows: list[tuple[object, ...]] = [_BOX]
    for n in range(12):
        side, box = ("left", "right", "top")[n % 3], (n, 2 * n, 30, 20)
        name = f"{1 + n // 3}_{2014 + n % 2}_{side}.JPG"
        make.sample(f"images/{name}", str(1 + n // 3), view=side, box=box)
        rows.append((name, *box))
    make.file("annotations.csv", _table(rows))
    make.file("README.md", "turtles")


@tree("zakynthosturtles")
def zakynthosturtles(make: Maker) -> None:
    rows: list[tuple[object, ...]] = [("path", "identity", "date", "orientation")]
    boxes: list[tuple[object, ...]] = [_BOX]
    for n in range(12):
        turtle, side, box = f"t{23 + n // 4:03d}", ("left", "right")[n % 2], (n, 2 * n, 30, 20)
        name = f"{turtle}_{side}_{2014 + n}.JPG"
        make.sample(f"images/{name}", turtle, view=side, box=box)
        rows.append((name, turtle, 2014 + n, side))
        boxes.append((name, *box))
    make.file("annotations.csv", _table(rows))
    make.file("bbox.csv", _table(boxes))


@tree("southernprovinceturtles")
def southernprovinceturtles(make: Maker) -> None:
    rows: list[tuple[object, ...]] = [("image_name", "identity", "orientation")]
    for n in range(12):
        turtle, side = f"SP{1 + n // 4:03d}", ("left", "right")[n % 2]
        name = f"{turtle}_{side}_{n}.jpg"
        make.sample(f"data/{name}", turtle, view=side)
        rows.append((name, turtle, side))
    make.file("annotations.csv", _table(rows))


@tree("reunionturtles")
def reunionturtles(make: Maker) -> None:
    rows: list[tuple[object, ...]] = [("Photo_name", "Turtle_ID", "Code")]
    for n in range(12):
        species, short = (("Green", "CM"), ("Hawksbill", "EI"))[n // 6]
        turtle, side, year = f"TU_{short}_{1 + n // 3:03d}", "LR"[n % 2], 2014 + n
        name = f"{1 + n // 3:03d}_{year}_{side}{'_2' if n % 3 == 2 else ''}.jpg"
        view = {"L": "left", "R": "right"}[side]
        make.sample(f"{species}/{turtle}/{year}/{name}", turtle, view=view)
        rows.append((name, turtle, "1234"))
    make.file("data.csv", _table(rows))


@tree("mpdd")
def mpdd(make: Maker, folder: str = "") -> None:
    for split, dogs, pictures in (("train", (1, 2, 4), 4), ("gallery", (3, 5, 101), 3), ("query", (3, 5, 101), 1)):
        for dog in dogs:
            for n in range(pictures):
                camera = "12"[n % 2] if split != "query" else "3"
                path = f"{folder}{split}/{dog}_c{camera}s1_{n + 1}_{dog + n}.jpg"
                make.sample(path, str(dog), camera=camera, frame=n + 1, splits=split)


@tree("mpdd:as unpacked")
def mpdd_unpacked(make: Maker) -> None:
    mpdd(make, "Multi-pose dog dataset/MPDD/")
    make.file("Multi-pose dog dataset/readme.txt", "dogs")


@tree("polarbearvidid")
def polarbearvidid(make: Maker) -> None:
    tracklets = [(bear, camera, number) for bear in (1, 2, 13) for number, camera in ((1, 1), (2, 1), (3, 2))]
    for n, (bear, camera, number) in enumerate(tracklets):
        name = f"{bear:03d}C{camera:02d}T{number:03d}"
        for frame in (1, 2):
            splits = f"fold{n % 5 + 1}/test"
            path = f"{bear:03d}/{name}F{frame:03d}.jpg"
            make.sample(path, f"{bear:03d}", camera=str(camera), tracklet=name, frame=frame, splits=splits)
    head = ("id", "cam", "tracklet", "start", "end")
    rows = [(*tracklet, 1, 2) for tracklet in tracklets]
    for fold in range(5):
        make.file(f"track_fold_info_{fold + 1}.csv", _table([head, *rows[fold::5]]))
    make.file("track_info.csv", _table([head, *rows]))
    make.file("animal_db.csv", "id,name,zoo,sex,tracklets\n1,Antonia,a,f,3\n")
