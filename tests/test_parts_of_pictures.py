"""Samples that are less than a file: boxes in a frame, pictures that show several modalities, sentences without a picture."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader

from indexer.build import build_index
from indexer.errors import SettingsError
from sampler_runtime import IndexDataset, PKBatchSampler, open_index
from sampler_runtime.cropping import cropped, side_by_side
from sampler_runtime.dataset import SampleError
from tests import trees

COLOURS = {"rgb": (200, 0, 0), "nir": (0, 200, 0), "tir": (0, 0, 200)}
BOXES = """
[[rule]]
match = 'frames/(?P<frame>\\d+)\\.png'
[[annotation]]
file = "boxes.json"
columns = { name = "file", identity = "who", box = "bbox" }
join = "name"
"""


@pytest.fixture
def boxes(tmp_path):
    """Two frames of 40 × 20 pixels, in each two people, one of whom reaches over the edge; and one where nobody is."""
    root = tmp_path / "d"
    (root / "frames").mkdir(parents=True)
    entries = []
    for frame in range(3):
        picture = Image.new("RGB", (40, 20))
        for who, box in (("anna", (2, 3, 5, 10)), ("bo", (30, 10, 15, 15))) if frame < 2 else ():
            picture.paste(
                (10 * (frame + 1), 0, 0) if who == "anna" else (0, 99, 0),
                (box[0], box[1], box[0] + box[2], box[1] + box[3]),
            )
            entries.append({"file": f"{frame}.png", "who": who, "bbox": box})
        picture.save(root / "frames" / f"{frame}.png")
    (root / "boxes.json").write_text(json.dumps(entries))
    (tmp_path / "boxes.toml").write_text(BOXES)
    report = build_index(root, layout=str(tmp_path / "boxes.toml"))
    assert report.set_aside == {"pictures in which nobody is boxed": 1}
    return open_index(root)


def test_a_box_is_a_sample_and_is_cut_out_of_its_picture(boxes):
    data = IndexDataset(boxes)
    found = [(data[i].path, data[i].pid, data[i].image.size, data[i].image.getpixel((0, 0))) for i in range(len(data))]

    assert found == [
        ("frames/0.png", 0, (5, 10), (10, 0, 0)),
        ("frames/1.png", 0, (5, 10), (20, 0, 0)),
        ("frames/0.png", 1, (10, 10), (0, 99, 0)),  # as far as it lies in the picture
        ("frames/1.png", 1, (10, 10), (0, 99, 0)),
    ]
    assert [boxes.box_of(row) for row in (0, 2)] == [(2, 3, 5, 10), (30, 10, 15, 15)]


def test_boxes_make_batches_like_any_samples(boxes):
    data = IndexDataset(boxes, transform=lambda image: torch.zeros(3, 8, 4))
    loader = DataLoader(data, batch_sampler=PKBatchSampler(boxes, 2, 2))

    (batch,) = list(loader)
    assert sorted(batch.pid.tolist()) == [0, 0, 1, 1]


def test_rows_of_a_dataset_with_boxes_are_not_found_by_path(boxes):
    with pytest.raises(SettingsError, match="a picture of this dataset holds several samples"):
        boxes.rows_for(["frames/0.png"])


def test_a_composite_picture_is_one_sample_of_all_its_modalities(tmp_path):
    root = tmp_path / "d"
    for part, pid in (("bounding_box_train", 501), ("query", 502), ("bounding_box_test", 502)):
        folder = root / "rgbir" / part
        folder.mkdir(parents=True)
        picture = Image.new("RGB", (24, 4))
        for i, colour in enumerate(COLOURS.values()):
            picture.paste(colour, (8 * i, 0, 8 * i + 8, 4))
        picture.save(folder / f"{pid:04d}_c0001_001.jpg", quality=100, subsampling=0)
    index = open_index(build_index(root, layout="rgbnt100").index)

    images = IndexDataset(index)[0].image

    assert index.modalities_of(0) == ("rgb", "nir", "tir")
    assert {name: image.size for name, image in images.items()} == dict.fromkeys(COLOURS, (8, 4))
    for name, colour in COLOURS.items():
        assert np.allclose(images[name].getpixel((3, 2)), colour, atol=12)


def test_a_sentence_without_a_picture_is_a_sample_without_an_image(tmp_path):
    root = trees.orbench(tmp_path / "d")
    lists = json.loads((root / "test_gallery_and_queries.json").read_text())
    lists["TEXT"] = [[lists["RGB_GALLERY"][0][0], "Somebody in red."]]
    lists["TEXT+NIR"] = [[*lists["TEXT"][0], lists["NIR"][0][1]]]
    (root / "test_gallery_and_queries.json").write_text(json.dumps(lists))
    index = open_index(build_index(root).index)
    text = index.select(split="query", modality="text")

    (sample,) = [IndexDataset(text)[row] for row in range(len(text))]
    (pair,) = index.query_set("TEXT+NIR").rows

    assert (sample.image, sample.modality, sample.path) == (None, "text", "test_gallery_and_queries.json")
    assert text.captions_of(0) == ["Somebody in red."]
    assert [index.modalities_of(int(row)) for row in pair] == [("nir",), ("text",)]
    assert len(index.select(split="query", modality="nir").query_set("TEXT+NIR")) == 0  # its sentence is not there
    with pytest.raises(SettingsError, match="no query set 'TEXT\\+IR'; did you mean 'TEXT\\+NIR'"):
        index.query_set("TEXT+IR")


@pytest.mark.parametrize("image", [Image.new("RGB", (9, 6)), torch.zeros(3, 6, 9), np.zeros((6, 9, 3), np.uint8)])
def test_images_of_every_decoder_are_cut(image):
    def size(part):
        if isinstance(part, Image.Image):
            return part.size
        return (part.shape[2], part.shape[1]) if isinstance(part, torch.Tensor) else (part.shape[1], part.shape[0])

    assert size(cropped(image, (2, 1, 4, 3))) == (4, 3)
    assert size(cropped(image, (-3, -1, 5, 3))) == (2, 2)
    assert [size(part) for part in side_by_side(image, 3)] == [(3, 6)] * 3
    with pytest.raises(ValueError, match="lies outside of the picture of 9 × 6"):
        cropped(image, (9, 0, 4, 4))
    with pytest.raises(SettingsError, match="expected a Pillow image, a tensor"):
        cropped("image", (0, 0, 1, 1))


def test_a_box_outside_of_its_picture_names_file_and_row(boxes):
    (boxes.root / "frames" / "0.png").unlink()
    Image.new("RGB", (4, 4)).save(boxes.root / "frames" / "0.png")

    with pytest.raises(SampleError, match=r"0\.png: row 2, the box \(30, 10, 15, 15\) lies outside"):
        IndexDataset(boxes)[2]
