"""Trees of vehicle datasets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from random import Random  # noqa: TID251

from tests.layout_trees import Maker, tree


def lines(words: Iterable[str], end: str = "\n") -> str:
    """Words as a list, a line each."""
    return "".join(word + end for word in words)


def label_xml(root: str, items: Iterable[Mapping[str, str]]) -> bytes:
    """Labels as VeRi-776 and CityFlow write them: XML that says it is gb2312."""
    body = [
        '<?xml version="1.0" encoding="gb2312" ?>',
        f'<{root} Version="1.0">',
        '    <Items number="9">',
        *("        <Item " + " ".join(f'{k}="{v}"' for k, v in item.items()) + " />" for item in items),
        "    </Items>",
        f"</{root}>",
        "<!-- 车辆 -->",
    ]
    return lines(body, "\r\n").encode("gb2312")


def one_drawn(images: Mapping[str, list[str]]) -> set[str]:
    """One image of each vehicle, drawn as evaluation codes do: `random.seed(0)`, vehicle by vehicle."""
    lot = Random(0)
    return {lot.choice(sorted(images[vehicle])) for vehicle in sorted(images, key=int)}


def listed_in(tests: Mapping[str, Mapping[str, list[str]]], default: str) -> dict[str, str]:
    """Image → its splits, where each test set is a list, of which one image a vehicle is drawn for the gallery."""
    found: dict[str, list[str]] = {}
    for size, images in tests.items():
        gallery = one_drawn(images)
        for image in (image for several in images.values() for image in several):
            part = "gallery" if image in gallery else "query"
            found.setdefault(image, []).extend([f"test{size}", f"{size}/{part}", *([part] if size == default else [])])
    return {image: " ".join(splits) for image, splits in found.items()}


@tree("veri-776")
def veri_776(make: Maker) -> None:
    split_of = {"image_train": "train", "image_query": "query", "image_test": "gallery"}
    names = {
        "image_train": [
            "0001_c001_00016450_0.jpg", "0001_c002_00024220_1.jpg", "0001_c020_00016460_0.jpg",
            "0003_c006_00057955_0.jpg", "0003_c007_00057960_0.jpg", "0776_c011_00089210_0.jpg",
        ],
        "image_query": ["0002_c002_00030600_0.jpg", "0005_c003_00077655_0.jpg", "0402_c017_00068800_0.jpg"],
        # all queries but one lie here too, under the same name
        "image_test": [
            "0002_c002_00030600_0.jpg", "0002_c002_00030605_1.jpg", "0002_c003_00034585_0.jpg",
            "0005_c003_00077655_0.jpg", "0005_c004_00077640_0.jpg", "0402_c018_00068890_0.jpg",
        ],
    }  # fmt: skip
    for folder, several in names.items():
        for name in several:
            make.sample(f"{folder}/{name}", name[:4], camera=name[6:9], splits=split_of[folder], frame=int(name[10:18]))
        make.file(f"name_{folder[6:]}.txt", lines(several, "\r\n"))
    for half in ("train", "test"):
        items = [
            {"imageName": n, "vehicleID": n[:4], "cameraID": n[5:9], "colorID": "1", "typeID": "4"}
            for n in names[f"image_{half}"]
        ]
        make.file(f"{half}_label.xml", label_xml(f"{half.title()}ingImages", items))
    make.file("gt_index.txt", "3 5 \r\n")
    make.file("jk_index.txt", "1 2 \r\n")
    make.file("test_track.txt", "0002_c002_00030600_0.jpg 0002_c002_00030605_1.jpg \n")
    make.file("list_color.txt", "1 yellow\n")
    make.file("list_type.txt", "1 sedan\n")
    make.file("camera_Dist.txt", "0 1\n")
    make.file("camera_ID.txt", "c001\n")
    make.file("ReadMe.txt")


@tree("veid-weaving")
def veid_weaving(make: Maker) -> None:
    split_of = {"image_train": "train", "image_query": "query", "image_test": "gallery"}
    names = {
        "image_train": {
            "0005_c001_1016_27.jpg": 27, "0005_c002_14.jpg": 14, "0006_c001_2001_0.jpg": 0, "0006_c003_9.jpg": 9,
            "4902_c014_12.jpg": 12,
        },
        "image_query": {"0001_c002_1003_5.jpg": 5, "0002_c005_8.jpg": 8},
        "image_test": {"0001_c001_1003_9.jpg": 9, "0001_c004_11.jpg": 11, "0002_c002_7.jpg": 7, "0003_c002_77_3.jpg": 3},
    }  # fmt: skip
    for folder, several in names.items():
        for name, frame in several.items():
            make.sample(f"{folder}/{name}", name[:4], camera=name[6:9], splits=split_of[folder], frame=frame)
        make.file(f"name_{folder[6:]}.txt", lines(several))
    make.file("test_label.xml", label_xml("TestingImages", []))
    make.file("README.md")
    make.file("figures/vehiclesamples.jpg")


@tree("vehiclex")
def vehiclex(make: Maker) -> None:
    for vehicle in ("00001", "00002", "01362"):
        for camera, number in (("006", 1), ("010", 2), ("029", 3), ("036", 12)):
            make.sample(
                f"sys_image_train/{vehicle}_c{camera}_{number}.jpg",
                vehicle,
                camera=camera,
                splits="train",
                frame=number,
            )
            make.file(f"sys_image_train_tr/{vehicle}_c{camera}_{number}.jpg")
    make.file("train_label.xml", '<?xml version="1.0" encoding="utf-8"?>\n<TrainingImages/>\n')
    make.file("name_train.txt", "00001_c006_1.jpg\n")
    make.file("ReadMe.txt")


@tree("vehiclex:aic20")
def vehiclex_aic20(make: Maker) -> None:
    for vehicle in ("0001", "0002", "1362"):
        for camera, number in (("007", 1), ("020", 2), ("031", 3), ("033", 12)):
            make.sample(
                f"AIC20_ReID_Simulation/image_train/{vehicle}_c{camera}_{number}.jpg", vehicle, camera=camera,
                splits="train",
            )  # fmt: skip
    make.file("AIC20_ReID_Simulation/train_label.xml", '<?xml version="1.0" encoding="utf-8"?>\n<TrainingImages/>\n')


@tree("vehicleid")
def vehicleid(make: Maker) -> None:
    train = {"7": ["0000001", "0000002"], "12": ["0000003"], "9000": ["0000004", "0000005", "0220001"]}
    small = {"1": ["0000011", "0000012", "0000013"], "3": ["0000021", "0000022"], "20": ["0000031"]}
    larger = {**small, "5": ["0000041", "0000042", "0000043", "0000044"]}  # the lists are nested
    listed = listed_in({"800": small, "1600": larger}, "800")
    top = "VehicleID_V1.0/"
    for images in (train, larger):
        for vehicle, several in images.items():
            for image in several:
                make.sample(f"{top}image/{image}.jpg", vehicle, splits=listed.get(image, "train"))
    make.sample(f"{top}image/0000099.jpg", None)  # in no list
    make.sample(f"{top}image/0000100.jpg", None)
    for name, images in (("train_list", train), ("test_list_800", small), ("test_list_1600", larger)):
        make.file(
            f"{top}train_test_split/{name}.txt", lines(f"{i} {v}" for v, several in images.items() for i in several)
        )
    make.file(f"{top}attribute/model_attr.txt", "7 3\n")
    make.file(f"{top}attribute/color_attr.txt", "7 1\n")
    make.file(f"{top}attribute/img2vid.txt", "0000001 7\n")
    make.file(f"{top}README.txt")


@tree("vru")
def vru(make: Maker) -> None:
    train = {"1": ["1", "2", "30"], "2": ["4", "5"]}
    small = {"10": ["100", "101", "102"], "11": ["103", "104"]}
    medium = {"11": ["103", "104"], "12": ["1007", "1008", "999"]}
    large = {**small, **medium, "13": ["172137"]}
    listed = listed_in({"1200": small, "2400": medium, "8000": large}, "1200")
    for images in (train, large):
        for vehicle, several in images.items():
            for image in several:
                make.sample(f"VRU/Pic/{image}.jpg", vehicle, splits=listed.get(image, "train"))
    make.sample("VRU/Pic/77.jpg", None)
    for name, images in (
        ("train_list", train), ("test_list_1200", small), ("test_list_2400", medium), ("test_list_8000", large),
    ):  # fmt: skip
        make.file(
            f"VRU/train_test_split/{name}.txt", lines(f"{i} {v}" for v, several in images.items() for i in several)
        )
    make.file("VRU/train_test_split/validation.txt", "1 1\n")
    make.file("VRU/readme.md")


@tree("vehicle-1m")
def vehicle_1m(make: Maker) -> None:
    train = {"0": ["000001/000001", "000001/000002"], "5": ["000006/000011", "000006/000012", "000006/000013"]}
    small = {"50001": ["050001/000001", "050001/000002"], "50002": ["050002/000003", "050002/000004"]}
    medium = {**small, "50009": ["050009/000008", "050009/000009", "050009/000010"]}
    listed = listed_in({"1000": small, "2000": medium}, "1000")
    for images in (train, medium):
        for vehicle, several in images.items():
            for image in several:
                make.sample(
                    f"image/{image}.jpg", vehicle, splits=listed.get(image, "train"), frame=int(image.split("/")[1])
                )
    make.sample("image/055527/000077.jpg", None)
    for name, images in (("train_list", train), ("test_1000", small), ("test_2000", medium)):
        rows = (f"{image}.jpg {v} 17" for v, several in images.items() for image in several)
        make.file(f"train-test-split/{name}.txt", lines(rows))
    make.file("train-test-split/readme.txt")


@tree("veri-wild")
def veri_wild(make: Maker) -> None:
    splits = {
        "00001/000001": "train", "00001/000002": "train", "30671/277797": "train", "30671/277798": "train",
        "00019/000301": "3000/query query 10000/query", "00019/000302": "3000/gallery gallery 10000/gallery",
        "00019/000303": "3000/gallery gallery 10000/gallery",
        # in both of the small sets
        "00042/000701": "3000/query query 5000/query 10000/query",
        "00042/000702": "3000/gallery gallery 5000/gallery 10000/gallery",
        "00043/000801": "5000/query 10000/query", "00043/000802": "5000/gallery 10000/gallery",
        "40671/416313": "10000/query", "40671/416314": "10000/gallery", "12345/099999": "",
    }  # fmt: skip
    info = ["id/image;Camera ID;Time;Model;Type;Color"]
    for number, (image, told) in enumerate(splits.items(), 1):
        camera = None if image == "12345/099999" else str(number * 12)
        make.sample(f"images/{image}.jpg", image[:5], camera=camera, splits=told)
        if camera:
            info.append(f"{image};{camera};2018-03-11 08:15:{number:02d};Volkswagen Passat;sedan;black")
    make.file("train_test_split/vehicle_info.txt", lines(info))
    make.file("train_test_split/train_list.txt", lines(i for i, told in splits.items() if told == "train"))
    for size in ("3000", "5000", "10000"):
        query = [i for i, told in splits.items() if f"{size}/query" in told.split()]
        gallery = [i for i, told in splits.items() if f"{size}/gallery" in told.split()]
        make.file(f"train_test_split/test_{size}_query.txt", lines(query))
        make.file(f"train_test_split/test_{size}.txt", lines(gallery))
    make.file("train_test_split/train_list_start0.txt", "00001/000001 0\n")
    make.file("README.md")


def _cityflow(make: Maker) -> dict[str, tuple[str, str]]:
    train = {
        "000001.jpg": ("0269", "c026"), "000002.jpg": ("0269", "c027"), "000003.jpg": ("0001", "c001"),
        "000004.jpg": ("0001", "c002"), "036935.jpg": ("0478", "c036"),
    }  # fmt: skip
    for folder, names in (
        ("train", list(train)),
        ("query", ["000001.jpg", "000002.jpg", "001052.jpg"]),
        ("test", ["000001.jpg", "000002.jpg", "000003.jpg", "018290.jpg"]),
    ):
        make.file(f"name_{folder}.txt", lines(names))
    make.file("train_track.txt", "000001.jpg 000002.jpg \n")
    make.file("train_track_id.txt", "1 2 \n")
    make.file("test_track.txt", "000001.jpg 000003.jpg \n")
    make.file("test_track_id.txt", "1 3 \n")
    make.file("tool/visualize.py")
    make.file("tool/dist_example/001.txt")
    make.file("DataLicenseAgreement_AICityChallenge.pdf")
    make.file("ReadMe.txt")
    return train


@tree("aic19")
def aic19(make: Maker) -> None:
    train = _cityflow(make)
    for name, (vehicle, camera) in train.items():
        make.sample(f"image_train/{name}", vehicle, camera=camera, splits="train")
    # the same names once more, other pictures, of vehicles that are not told
    for number in (1, 2, 1052):
        make.sample(f"image_query/{number:06d}.jpg", None, splits="query")
    for number in (1, 2, 3, 18290):
        make.sample(f"image_test/{number:06d}.jpg", None, splits="gallery")
    items = [{"imageName": n, "vehicleID": v, "cameraID": c} for n, (v, c) in train.items()]
    make.file("train_label.xml", label_xml("TrainingImages", items))
    make.file("train_label.csv", lines(f"{v},{n}" for n, (v, _) in train.items()))


@tree("aic19:2021")
def aic21(make: Maker) -> None:
    train = _cityflow(make)
    for name, (vehicle, camera) in train.items():
        make.sample(f"image_train/{name}", vehicle, camera=camera, splits="train")
    for folder, split, numbers in (("query", "query", (1, 2, 1052)), ("test", "gallery", (1, 2, 3, 18290))):
        for number in numbers:
            make.sample(f"image_{folder}/{number:06d}.jpg", None, camera="c006", splits=split)
        items = [{"imageName": f"{n:06d}.jpg", "cameraID": "c006"} for n in numbers]
        make.file(f"{folder}_label.xml", label_xml(f"{folder.title()}Images", items))
    items = [{"imageName": n, "vehicleID": v, "cameraID": c} for n, (v, c) in train.items()]
    make.file("train_label.xml", label_xml("TrainingImages", items))


@tree("vric")
def vric(make: Maker) -> None:
    listed = {
        "train": [
            ("MVI_20011_016_img00105.jpg", "15", "1", 105), ("MVI_20011_016_img00110.jpg", "15", "1", 110),
            ("MVI_20032_002_img00001.jpg", "15", "2", 1), ("MVI_20032_007_img01200.jpg", "16", "2", 1200),
            ("MVI_63563_007_img00800.jpg", "5620", "60", 800), ("MVI_63563_008_img00801.jpg", "5620", "60", 801),
        ],
        "probe": [("MVI_39271_042_img01105.jpg", "3", "11", 1105), ("MVI_39311_031_img00230.jpg", "4", "12", 230),
                  ("MVI_40701_003_img00007.jpg", "5622", "120", 7)],
        "gallery": [("MVI_39272_002_img00044.jpg", "3", "13", 44), ("MVI_39312_031_img00231.jpg", "4", "14", 231),
                    ("MVI_40702_003_img00008.jpg", "5622", "119", 8)],
    }  # fmt: skip
    for part, rows in listed.items():
        for name, vehicle, camera, frame in rows:
            split = "query" if part == "probe" else part
            make.sample(f"{part}_images/{name}", vehicle, camera=camera, splits=split, frame=frame)
        make.file(f"vric_{part}.txt", lines(f"{name} {v} {c}" for name, v, c, _ in rows))
    make.file("README.txt")


@tree("vric:part")
def vric_part(make: Maker) -> None:
    """A list names images that were lost."""
    for part in ("train", "probe", "gallery"):
        rows = [f"MVI_20011_016_img{n:05d}.jpg" for n in range(1, 5)]
        for name in rows[:3]:
            make.sample(f"{part}_images/{name}", "15", camera="1", splits="query" if part == "probe" else part)
        make.file(f"vric_{part}.txt", lines(f"{name} 15 1" for name in rows))
    make.problem("listed-missing")


@tree("vrai")
def vrai(make: Maker) -> None:
    for vehicle in ("00000000", "00000001", "00006301"):
        for camera in ("1", "2"):
            for frame in range(2):
                name = f"{vehicle}_{camera:0>4}_{frame:08d}.jpg"
                make.sample(f"images_train/{name}", vehicle, camera=camera, splits="train", frame=frame)
    for name in ("00199XUJ_C2", "0A199XUK_C1"):
        make.sample(f"images_test/{name}.jpg", None, camera=name[-1], splits="test")
    for name in ("0009DI42_C1", "ZZ09DI42_C2"):
        make.sample(f"images_dev/{name}.jpg", None, camera=name[-1], splits="dev")
    for name in ("train_annotation", "test_annotation", "test_dev_annotation"):
        make.file(f"{name}.pkl", b"\x80\x04N.")
    make.file("datasets_pkl/coco_imgs.pkl", b"\x80\x04].")
    make.file("images_dev.tar")
    make.file("README.md")
