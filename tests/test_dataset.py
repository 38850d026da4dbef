"""IndexDataset: real images, read by Pillow."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader

from indexer.build import build_index
from indexer.errors import SettingsError
from indexer.index_writing import write_index
from indexer.schema import SCHEMA
from sampler_runtime import IndexDataset, PKBatchSampler, open_index
from sampler_runtime.dataset import SampleError
from tests import trees


def paint(root):
    """Make a real picture of every image file of a tree; its grey is its size in name letters."""
    for file in (*root.rglob("*.jpg"), *root.rglob("*.bmp")):
        Image.new("L" if "NI" in file.parts else "RGB", (8, 16), len(file.name)).save(file)
    return root


def to_tensor(image):
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)


def opened(root):
    build_index(root)
    return open_index(root)


def test_a_sample_is_its_image_pid_camid_modality_and_path(tmp_path):
    index = opened(paint(trees.sysu(tmp_path / "d")))
    dataset = IndexDataset(index.select(split="train"))

    sample = dataset[0]

    image, pid, camid, modality, path = sample
    assert (image.mode, image.size) == ("RGB", (8, 16))
    assert (pid, camid, modality, path) == (0, 0, "rgb", "cam1/0001/0001.jpg")
    assert sample.path == path
    assert dataset[-1].path == dataset[len(dataset) - 1].path
    assert [s.pid for s in dataset] == index.select(split="train").column("pid").tolist()
    with pytest.raises(IndexError, match="row 10: this view has 10 samples"):
        dataset[10]


@pytest.mark.parametrize("workers", [0, 2])
def test_a_loader_collates_samples_by_field(tmp_path, workers):
    train = opened(paint(trees.sysu(tmp_path / "d"))).select(split="train")
    loader = DataLoader(
        IndexDataset(train, to_tensor), batch_sampler=PKBatchSampler(train, 2, 3, seed=0), num_workers=workers
    )

    (batch,) = loader

    assert batch.image.shape == (6, 3, 16, 8)
    assert batch.pid.tolist() == [*[batch.pid[0].item()] * 3, *[batch.pid[3].item()] * 3]
    assert set(batch.modality) <= {"rgb", "ir"}
    assert len(batch.path) == 6


def test_an_aligned_set_is_a_dict_of_images(tmp_path):
    train = opened(paint(trees.rgbnt201(tmp_path / "d"))).select(split="train")

    sample = IndexDataset(train, to_tensor)[0]
    (batch,) = DataLoader(IndexDataset(train, to_tensor), batch_sampler=PKBatchSampler(train, 2, 2))

    assert list(sample.image) == ["rgb", "nir", "tir"]
    assert sample.modality == "rgb+nir+tir"
    assert {name: image.shape for name, image in batch.image.items()} == dict.fromkeys(sample.image, (4, 3, 16, 8))


def test_a_caption_is_not_the_modality_of_an_aligned_image(tmp_path):
    """The images of a set are named by what they show, wherever `text` stands among the modalities."""
    root = trees.write(tmp_path / "d", ["a_v.jpg", "a_n.jpg"])
    paint(root)
    (tmp_path / "m.toml").write_text("""
        modalities = ["text", "rgb", "nir"]
        [[rule]]
        match = '(?P<identity>a)_(?P<modality>[vn])\\.jpg'
        aligned = ["identity"]
        [values.modality]
        v = "rgb"
        n = "nir"
        [[annotation]]
        file = "captions.csv"
        format = "csv"
        columns = ["path", "caption"]
        join = "path"
        """)
    (root / "captions.csv").write_text("path,caption\na_v.jpg,somebody\n")
    build_index(root, layout=str(tmp_path / "m.toml"))

    sample = IndexDataset(open_index(root))[0]

    assert sample.modality == "text+rgb+nir"
    assert list(sample.image) == ["rgb", "nir"]


def test_sixteen_bit_images_keep_their_shades(tmp_path):
    """Thermal cameras write them; cut to 8 bits without scaling they would be all white."""
    root = trees.write(tmp_path / "d", ["p/1.png", "p/2.tif"])
    Image.fromarray(np.full((4, 4), 3000, np.uint16)).save(root / "p/1.png")
    Image.fromarray(np.full((4, 4), 0.5, np.float32)).save(root / "p/2.tif")
    build_index(root, layout="folders")
    dataset = IndexDataset(open_index(root))

    assert dataset[0].image.getpixel((0, 0)) == (11, 11, 11)
    with pytest.raises(SampleError, match=r"row 1, this image cannot be decoded \(floating-point values"):
        dataset[1]


@pytest.mark.parametrize("content", [b"\x89PNG\r\n\x1a\n\0\0\0\x01IHDR", b"II*\0\x08\0\0\0\xff\xff", b"GIF89a"])
def test_any_broken_file_is_named(tmp_path, content):
    root = trees.write(tmp_path / "d", ["p/1.png"], content)
    build_index(root, layout="folders")

    with pytest.raises(SampleError, match=r"p/1\.png: row 0, this image cannot be decoded"):
        IndexDataset(open_index(root))[0]


def test_class_labels_of_another_protocol_count_from_zero(tmp_path):
    index = opened(paint(trees.regdb(tmp_path / "d", identities=8)))
    train = index.select(split="trial3/train")

    plain, labels = IndexDataset(train), IndexDataset(train, relabel=True)

    assert {s.pid for s in labels} == set(range(4)) == set(range(labels.num_classes))
    assert {s.pid for s in plain} == set(train.pids.tolist()) != set(range(4))


def test_a_missing_or_broken_image_names_path_and_row(tmp_path):
    root = paint(trees.sysu(tmp_path / "d"))
    train = opened(root).select(split="train")
    dataset = IndexDataset(train)
    (root / train.path_of(0)).unlink()
    (root / train.path_of(1)).write_bytes(b"not an image")
    whole = (root / train.path_of(2)).read_bytes()
    (root / train.path_of(2)).write_bytes(whole[: len(whole) // 2])

    with pytest.raises(
        SampleError, match=r"cam1/0001/0001.jpg: row 0 of reidindex.parquet has no file; was the dataset"
    ):
        dataset[0]
    for row in (1, 2):
        with pytest.raises(SampleError, match=f"row {row}, this image cannot be decoded"):
            dataset[row]


@pytest.mark.parametrize("path", ["/etc/hostname", "../secret.jpg", "a/../../b.jpg"])
def test_an_index_that_leads_out_of_its_root_reads_nothing(tmp_path, path):
    """An index may come from anywhere; what it says is not to be trusted with other files."""
    from tests.populations import Sample, index_of

    index = index_of([Sample("a", ("rgb",))], tmp_path)
    table = index.file.table([f.name for f in SCHEMA if f.name != "path_end"])
    write_index(table.set_column(0, "path", [[path]]), index.metadata, tmp_path / "evil.parquet")

    with pytest.raises(SampleError, match="leads out of the dataset; the index is not to be trusted"):
        IndexDataset(open_index(tmp_path / "evil.parquet"))[0]


def test_captions_and_partners_of_a_row_can_be_asked(tmp_path):
    index = opened(trees.orbench(tmp_path / "d")).select(split="train", modality="rgb")

    assert index.captions_of(0) == ["A person, 0003."]
    assert index.aligned_of(0) == {}
    assert index.modalities_of(0) == ("rgb", "text")


def test_what_is_no_index_is_told():
    with pytest.raises(SettingsError, match="expected an index from open_index, found str"):
        IndexDataset("data/")


def test_another_sample_of_the_identity_takes_the_place_of_a_broken_one(tmp_path, caplog):
    train = opened(paint(trees.sysu(tmp_path / "d"))).select(split="train")
    whole = IndexDataset(train)
    broken = 0
    (train.root / train.path_of(broken)).write_bytes(b"no picture")
    dataset = IndexDataset(train, on_error="skip-to-same-identity")

    batch = dataset.__getitems__([0, 1, 0])

    assert [s.pid for s in batch] == [whole[1].pid] * 3
    assert [s.modality for s in batch] == ["rgb"] * 3
    assert batch[0].path not in {train.path_of(0), train.path_of(1)}  # none of the batch, while there are others
    assert dataset.replaced == 2
    assert len(caplog.records) == 1
    assert "cannot be decoded" in caplog.records[0].getMessage()
    assert "takes its place" in caplog.records[0].getMessage()
    with pytest.raises(SampleError, match="cannot be decoded"):
        whole[broken]


def test_no_other_person_ever_takes_a_place(tmp_path):
    train = opened(paint(trees.sysu(tmp_path / "d"))).select(split="train")
    for sample in IndexDataset(train):
        if sample.pid == 0 and sample.modality == "ir":
            (train.root / sample.path).unlink()
    dataset = IndexDataset(train, on_error="skip-to-same-identity")
    row = next(r for r in range(len(train)) if train.value("pid", r) == 0 and train.modalities_of(r) == ("ir",))

    with pytest.raises(SampleError, match=r"has no file.*no other sample of the identity can be read instead"):
        dataset[row]


def test_replacements_are_counted_over_workers(tmp_path):
    train = opened(paint(trees.sysu(tmp_path / "d"))).select(split="train")
    (train.root / train.path_of(0)).write_bytes(b"")
    dataset = IndexDataset(train, to_tensor, on_error="skip-to-same-identity")

    list(DataLoader(dataset, batch_sampler=[[0, 1], [0, 1]], num_workers=2))

    assert dataset.replaced == 2


def test_a_decoder_can_be_a_function_and_must_be_there(tmp_path):
    train = opened(paint(trees.sysu(tmp_path / "d"))).select(split="train")

    assert IndexDataset(train, decoder=lambda file: file.name)[0].image == "0001.jpg"
    with pytest.raises(SettingsError, match=r"expected a function or a name, found .pilow.; did you mean .pillow."):
        IndexDataset(train, decoder="pilow")
    with pytest.raises(SettingsError, match="on_error: expected 'raise' or 'skip-to-same-identity', found 'skip'"):
        IndexDataset(train, on_error="skip")


@pytest.mark.parametrize("decoder", ["torchvision", "simplejpeg"])
def test_other_decoders_see_the_same_picture(tmp_path, decoder):
    pytest.importorskip(decoder, exc_type=Exception)
    train = opened(paint(trees.sysu(tmp_path / "d"))).select(split="train")

    image = np.asarray(IndexDataset(train, decoder=decoder)[0].image)

    image = image.transpose(1, 2, 0) if decoder == "torchvision" else image
    assert np.abs(image.astype(int) - np.asarray(IndexDataset(train)[0].image).astype(int)).max() <= 2


def test_images_of_a_set_are_transformed_together(tmp_path):
    index = opened(paint(trees.rgbnt201(tmp_path / "d")))

    sample = IndexDataset(index, joint_transform=lambda images: sorted(images))[0]

    assert sample.image == ["nir", "rgb", "tir"]
