"""Trees of video datasets: every sample is a frame."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from typing import Any

import h5py
import numpy as np
from scipy.io import savemat

from tests.layout_trees import Maker, tree


def lines(words: Iterable[object], end: str = "\n") -> str:
    """Words as a list, a line each."""
    return "".join(f"{word}{end}" for word in words)


def matlab(**variables: Any) -> bytes:
    """A MATLAB file of version 5."""
    file = io.BytesIO()
    savemat(file, variables)
    return file.getvalue()


def matlab_73(**variables: Any) -> bytes:
    """A MATLAB file of version 7.3: HDF5 behind 512 bytes of a head, matrices written columns first."""
    file = io.BytesIO()
    with h5py.File(file, "w", userblock_size=512) as document:
        for name, value in variables.items():
            made = document.create_dataset(name, data=np.asarray(value, float).T)
            made.attrs["MATLAB_class"] = np.bytes_(b"double")
    head = b"MATLAB 7.3 MAT-file, Platform: GLNXA64, HDF5 schema 1.00 .".ljust(124) + b"\0\2IM"
    return head + file.getvalue()[len(head) :]


@tree("mars")
def mars(make: Maker) -> None:
    halves = {
        "train": [("0001", "1", 1, 3), ("0001", "2", 1, 2), ("0003", "6", 1, 1), ("0003", "6", 2, 2)],
        "test": [("00-1", "1", 1, 2), ("0000", "1", 1, 2), ("0002", "1", 1, 2), ("0002", "1", 2, 2), ("0002", "3", 1, 3),
                 ("0004", "5", 1, 2), ("0004", "2", 1, 1)],
    }  # fmt: skip
    queries = [3, 6]  # rows of the test half, from 1
    role = {"00-1": "junk", "0000": "distractor"}
    for half, tracklets in halves.items():
        names: list[str] = []
        info = []
        for row, (person, camera, number, frames) in enumerate(tracklets, 1):
            info.append([len(names) + 1, len(names) + frames, {"00-1": -1}.get(person) or int(person), int(camera)])
            tracklet = f"{person}C{camera}T{number:04d}"
            for frame in range(1, frames + 1):
                names.append(f"{tracklet}F{frame:03d}.jpg")
                split = "train" if half == "train" else "query" if row in queries else "gallery"
                make.sample(
                    f"bbox_{half}/{person}/{names[-1]}", person, camera=camera, splits=split, tracklet=tracklet,
                    frame=frame, role=role.get(person),
                )  # fmt: skip
        make.file(f"info/{half}_name.txt", lines(names, "\r\n"))
        make.file(f"info/tracks_{half}_info.mat", matlab(**{f"track_{half}_info": np.array(info, float)}))
    make.file("info/query_IDX.mat", matlab(query_IDX=np.array([queries], np.uint16)))
    make.file("readme.txt")


def _mevid(make: Maker, lists: str) -> None:
    halves = {
        "train": [("0103", 20, "424", 0, 3), ("0103", 20, "424", 1, 2), ("0103", 3, "330", 0, 2), ("0004", 1, "505", 0, 2)],
        "test": [("0201", 3, "330", 4, 2), ("0201", 3, "331", 4, 2), ("0201", 5, "330", 0, 3), ("0205", 5, "505", 0, 2)],
    }  # fmt: skip
    queries = [0, 3]  # rows of the test half, from 0
    for half, tracklets in halves.items():
        names: list[str] = []
        info = []
        for row, (person, clothes, camera, number, frames) in enumerate(tracklets):
            info.append([len(names), len(names) + frames - 1, int(person), clothes, int(camera)])
            tracklet = f"{person}O{clothes:03d}C{camera}T{number:03d}"
            for frame in range(frames):
                names.append(f"{tracklet}F{frame:05d}.jpg")
                split = "train" if half == "train" else "query" if row in queries else "gallery"
                make.sample(
                    f"bbox_{half}/{person}/{names[-1]}", person, camera=camera, splits=split, tracklet=tracklet,
                    frame=frame, clothes=clothes,
                )  # fmt: skip
        make.file(f"{lists}{half}_name.txt", lines(names))
        # as numpy.savetxt writes
        make.file(f"{lists}track_{half}_info.txt", lines(" ".join(f"{n:.18e}" for n in row) for row in info))
    make.file(f"{lists}query_IDX.txt", lines(f"{n:.18e}" for n in queries))


@tree("mevid")
def mevid(make: Maker) -> None:
    _mevid(make, "")
    make.file("mevid-v1-video-URLS.txt")


@tree("mevid:as downloaded")
def mevid_as_downloaded(make: Maker) -> None:
    _mevid(make, "mevid-v1-annotation-data/")


@tree("vveri-901")
def vveri_901(make: Maker) -> None:
    listed: dict[str, list[str]] = {"train": [], "query": [], "gallery": []}
    for split, vehicle, folder, frames in (
        ("train", "2120", "L09_C31_V07", (21553, 21554, 21555)), ("train", "2120", "L10_C33_V02", (17, 18)),
        ("train", "31", "L01_C02_V01", (1, 2)), ("query", "7", "L01_C02_V01", (1, 2)),
        ("gallery", "7", "L01_C03_V01", (5, 6)), ("gallery", "8", "L01_C02_V01", (1, 2)), ("", "9", "L02_C02_V01", (1,)),
    ):  # fmt: skip
        for frame in frames:
            make.sample(
                f"VVERI901_V1_Trial/{vehicle}/{folder}/{frame:05d}.png", vehicle, camera=folder[5:7], splits=split,
                tracklet=f"{vehicle}/{folder}", frame=frame,
            )  # fmt: skip
        if split:
            listed[split].append(f"./VVERI901_V1_Trial/{vehicle}/{folder}")
    for split, folders in listed.items():
        make.file(f"VVERI901_V1_Trial/{split}.txt", lines(folders))
    make.file("VVERI901_V1_Trial/README.md")


def _hitsz_vcm(make: Maker, lists: str, has_halves: bool) -> None:
    # frames of a camera count on from one tracklet to the next
    halves = {
        "Train": [("0001", "ir", 2, 1, (1, 6, 11)), ("0001", "ir", 2, 2, (16, 21)), ("0001", "rgb", 2, 1, (1, 6)),
                  ("0500", "rgb", 12, 1, (1,)), ("0500", "ir", 11, 1, (1, 6))],
        "Test": [("0503", "rgb", 3, 1, (1, 6)), ("0503", "ir", 3, 1, (1, 6)), ("0503", "ir", 3, 2, (11, 16)),
                 ("0927", "rgb", 4, 1, (1, 6)), ("0927", "ir", 5, 1, (1, 6, 101))],
    }  # fmt: skip
    for half, tracklets in halves.items():
        names: list[str] = []
        info, queries = [], []
        for row, (person, modality, camera, number, frames) in enumerate(tracklets, 1):
            m = 1 if modality == "ir" else 2
            info.append(f"{m} {len(names) + 1} {len(names) + len(frames)} {person} {camera}")
            if modality == "ir":
                queries.append(row)
            for frame in frames:
                code = f"{person}M{m}D{camera}T{number}"
                names.append(f"{code}F{frame}.jpg")
                split = "train" if half == "Train" else "query" if modality == "ir" else "gallery"
                make.sample(
                    f"{half + '/' if has_halves else ''}{person}/{modality}/D{camera}/{frame}.jpg", person, camera=str(camera), modality=modality,
                    splits=split, tracklet=code, frame=frame,
                )  # fmt: skip
        make.file(f"{lists}{half.lower()}_name.txt", lines(names))
        make.file(f"{lists}track_{half.lower()}_info.txt", lines(info))
        if half == "Test":
            make.file(f"{lists}query_IDX.txt", lines(queries))
    make.file("README.md")


@tree("hitsz-vcm")
def hitsz_vcm(make: Maker) -> None:
    _hitsz_vcm(make, "info/", has_halves=True)


@tree("hitsz-vcm:persons beside each other")
def hitsz_vcm_flat(make: Maker) -> None:
    _hitsz_vcm(make, "", has_halves=False)


@tree("bupt-campus")
def bupt_campus(make: Maker) -> None:
    rows = [
        ("train", "1746", "RGB/IR", "TSG2", 1), ("train", "1746", "RGB/IR", "CQ1", 1), ("train", "1746", "RGB/IR", "CQ1", 11),
        ("train", "17", "RGB/IR", "W4", 1), ("auxiliary", "2830", "RGB/IR", "TSG1", 1),
        ("query", "1911", "RGB", "G25", 1), ("gallery", "1911", "IR", "LS3", 1), ("gallery", "1911", "RGB", "LS3", 1),
        ("query", "5", "IR", "LS3", 2), ("gallery", "5", "RGB", "W4", 1), ("gallery", "5", "IR", "W4", 1),
    ]  # fmt: skip
    told: dict[str, list[str]] = {}
    for split, person, kinds, camera, number in rows:
        told.setdefault(split, []).append(f"{person} {kinds} {camera} {number}")
        for kind in kinds.split("/"):
            for frame in (8535, 8536):
                name = f"{person}_{kind}_{camera}_{number}_{frame}.jpg"
                make.sample(
                    f"DATA/{person}/{kind}/{camera}/{name}", person, camera=camera, modality=kind.lower(), splits=split,
                    tracklet=f"{person} {kind} {camera} {number}", frame=frame,
                )  # fmt: skip
                if kind == "RGB":
                    make.file(f"DATA/{person}/FakeIR/{camera}/{name}")
    # a tracklet that no list names
    make.sample(
        "DATA/5/RGB/G25/5_RGB_G25_3_1.jpg", "5", camera="G25", modality="rgb", tracklet="5 RGB G25 3", frame=1
    )  # fmt: skip
    for split, file in (
        ("train", "train"), ("auxiliary", "train_auxiliary"), ("query", "query"), ("gallery", "gallery"),
    ):  # fmt: skip
        make.file(f"{file}.txt", lines(told[split]))
    make.file("data_paths.json", json.dumps({"5": {"RGB": {"G25": {"3": ["5/RGB/G25/5_RGB_G25_3_1.jpg"]}}}}))
    make.file("README.md")


@tree("dukemtmc-videoreid")
def dukemtmc_videoreid(make: Maker) -> None:
    for split, person, track, camera, kind in (
        ("train", "0001", "0003", "6", "X"), ("train", "0001", "0004", "7", "X"), ("train", "0005", "10-2", "2", "X"),
        ("query", "0002", "0012", "1", "X"), ("gallery", "0002", "0014", "2", "X"), ("gallery", "0011", "0100", "8", "D"),
    ):  # fmt: skip
        for frame in range(1, 4):
            make.sample(
                f"DukeMTMC-VideoReID/{split}/{person}/{track}/{person}_C{camera}_F{frame:04d}_{kind}{30000 + 4 * frame}.jpg",
                person, camera=camera, splits=split, tracklet=f"{split}/{person}/{track}", frame=frame,
                role="distractor" if kind == "D" else None,
            )  # fmt: skip
    make.file("DukeMTMC-VideoReID/README.md")
    make.file("DukeMTMC-VideoReID/split_train.json", "{}")


@tree("dukemtmc-videoreid:old names")
def dukemtmc_videoreid_old(make: Maker) -> None:
    for split, person, track, camera in (
        ("train", "0001", "0003", "6"), ("train", "0007", "0003", "6"), ("query", "0002", "0012", "1"),
        ("gallery", "0002", "0014", "2"),
    ):  # fmt: skip
        for frame in range(98, 101):
            make.sample(
                f"{split}/{person}/{track}/{person}C{camera}F{frame:04d}X{30726 + frame}.jpg", person, camera=camera,
                splits=split, tracklet=f"{split}/{person}/{track}", frame=frame,
            )  # fmt: skip
    make.file("LICENSE_DukeMTMC-VideoReID.txt")


@tree("ilids-vid")
def ilids_vid(make: Maker) -> None:
    _ilids_vid(make, "i-LIDS-VID/")


@tree("ilids-vid:without its top folder")
def ilids_vid_bare(make: Maker) -> None:
    _ilids_vid(make, "")


def _ilids_vid(make: Maker, top: str) -> None:
    # the real persons' numbers have gaps up to 319: a split names ranks, not numbers
    persons = [f"{n:03d}" for n in range(1, 320) if n % 16]
    assert len(persons) == 300
    lot = np.random.default_rng(0)
    ls_set = np.stack([lot.permutation(300) + 1 for _ in range(10)])
    for rank, person in enumerate(persons, 1):
        for camera in ("1", "2"):
            splits = []
            for trial, row in enumerate(ls_set, 1):
                is_test = rank in row[:150]
                part = ("query" if camera == "1" else "gallery") if is_test else "train"
                splits += [f"trial{trial}/{part}", *([part] if trial == 1 else [])]
            make.sample(
                f"{top}sequences/cam{camera}/person{person}/cam{camera}_person{person}_{rank + 90:05d}.png", person,
                camera=camera, splits=" ".join(splits), tracklet=f"{camera}/{person}", frame=rank + 90,
            )  # fmt: skip
            if rank < 5:
                make.file(f"{top}images/cam{camera}/person{person}/cam{camera}_person{person}.png")
    make.file("train-test people splits/train_test_splits_ilidsvid.mat", matlab(ls_set=ls_set.astype(np.uint16)))
    make.file("train-test people splits/train_test_splits_prid.mat", matlab(ls_set=ls_set[:, :178]))
    make.file(f"{top}README.txt")


def _ls_vid(make: Maker, lists: str, data: str) -> None:
    parts = {
        "train": [("0000", 0, "01", 3), ("0000", 1, "02", 2), ("0841", 10, "15", 2)],
        "val": [("0842", 0, "03", 2), ("0843", 0, "04", 2)],
        # a number that was in another part is another person
        "test": [("0000", 0, "07", 2), ("0000", 1, "08", 2), ("1042", 3, "07", 2), ("1042", 4, "09", 3)],
    }
    split_of = {"train": "train", "val": "val", "test": "gallery"}
    queries = [2, 3]
    for part, tracklets in parts.items():
        listed = []
        for row, (person, number, camera, frames) in enumerate(tracklets, 1):
            prefix = f"tracklet_{part}/{person}/{person}_{number:04d}_{camera}"
            listed.append(f"{prefix} {int(person)}")
            for frame in range(1, frames + 1):
                splits = split_of[part] + (" query" if part == "test" and row in queries else "")
                make.sample(
                    f"{prefix}_{frame:04d}.jpg", person, camera=camera, splits=splits, tracklet=prefix, frame=frame,
                    who=f"{part} {person}",
                )  # fmt: skip
        make.file(f"{lists}list_sequence/list_seq_{part}.txt", lines(listed))
    make.file(f"{data}info_test.mat", matlab_73(query=np.array([queries]).T, track_info=np.zeros((4, 4))))


@tree("ls-vid")
def ls_vid(make: Maker) -> None:
    _ls_vid(make, "", "test/data/")
    make.file("test/query.npy")
    make.file("readme.txt")


@tree("ls-vid:info")
def ls_vid_info(make: Maker) -> None:
    _ls_vid(make, "info/", "info/data/")


@tree("prid2011-video")
def prid2011_video(make: Maker) -> None:
    trials = [{"train": [f"person_{(t + n) % 4 + 1:04d}" for n in (0, 1)],
               "test": [f"person_{(t + n) % 4 + 1:04d}" for n in (2, 3)]} for t in range(10)]  # fmt: skip
    for camera, persons in (("a", (1, 2, 3, 4, 200, 201, 385)), ("b", (1, 2, 3, 4, 200, 201, 749))):
        for number in persons:
            person = f"person_{number:04d}"
            splits = []
            for trial, split in enumerate(trials, 1):
                for half in ("train", "test"):
                    if person in split[half]:
                        part = "train" if half == "train" else "query" if camera == "a" else "gallery"
                        splits += [f"trial{trial}/{part}", *([part] if trial == 1 else [])]
            for frame in (1, 2):
                make.sample(
                    f"prid_2011/multi_shot/cam_{camera}/{person}/{frame:04d}.png", person, camera=camera,
                    splits=" ".join(splits), tracklet=f"{camera} {person}", frame=frame,
                    # from 0201 on, the two cameras show different people
                    who=person if number <= 200 else f"{camera} {person}",
                )  # fmt: skip
            make.file(f"prid_2011/single_shot/cam_{camera}/{person}.png")
    make.file("splits_prid2011.json", json.dumps(trials))
    make.file("train_test_splits_prid.mat", matlab(ls_set=np.ones((10, 178))))
    make.file("prid_2011/readme.txt")
