"""Docs run: what they show is tried, what they list is compared."""

from __future__ import annotations

import contextlib
import io
import re
import shutil
from pathlib import Path

import pytest

from indexer.build import build_index
from indexer.layouts import known_layouts
from indexer.layouts.catalogue import rewritten
from indexer.schema import COLUMNS, IndexMetadata
from tests.trees import write

PROJECT = Path(__file__).parents[1]
DOCS = PROJECT / "docs"


def blocks(file, language):
    found = re.findall(rf"^```{language}\n(.*?)^```", file.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert found, f"{file.name} has no {language} block"
    return found


@pytest.fixture(scope="module")
def demo(tmp_path_factory, drawn_demo):
    """A folder that holds `demo-data`, as the docs suppose."""
    folder = tmp_path_factory.mktemp("docs")
    shutil.copytree(drawn_demo, folder / "demo-data")
    build_index(folder / "demo-data")
    return folder


@pytest.mark.parametrize(
    "file",
    [PROJECT / "README.md", DOCS / "format.md", DOCS / "sampler.md", DOCS / "migrating.md", DOCS / "training.md"],
    ids=lambda f: f.name,
)
def test_python_in_the_docs_runs(file, demo, monkeypatch):
    monkeypatch.chdir(demo)
    names: dict[str, object] = {}
    for code in blocks(file, "python"):
        with contextlib.redirect_stdout(io.StringIO()):
            exec(compile(code, file.name, "exec"), names)


def test_every_guarantee_names_a_test_that_there_is():
    known = {
        name for file in (PROJECT / "tests").rglob("*.py") for name in re.findall(r"def (test_\w+)", file.read_text())
    }
    named = re.findall(r"`(test_\w+)`", (DOCS / "sampler.md").read_text(encoding="utf-8"))

    assert len(named) > 10
    assert sorted(set(named) - known) == []


def test_the_table_of_columns_is_the_schema():
    rows = re.findall(
        r"^\| `(\w+)` \| `(.+?)` \| (yes|no) \| (yes|no) \| (.+) \|$", (DOCS / "format.md").read_text(), re.MULTILINE
    )

    yes = {True: "yes", False: "no"}
    assert rows == [(c.name, str(c.type), yes[c.nullable], yes[c.mapped], c.meaning) for c in COLUMNS]


def test_every_field_of_the_metadata_is_told():
    text = (DOCS / "format.md").read_text(encoding="utf-8")

    assert [name for name in IndexMetadata.__dataclass_fields__ if f"`{name}`" not in text] == []


def test_the_datasets_of_the_docs_are_made_from_the_layout_files():
    page = (DOCS / "layouts.md").read_text(encoding="utf-8")

    assert rewritten(page, known_layouts()) == page, "run `make docs`"
    assert [name for name in known_layouts() if f"#### `{name}`" not in page] == []


def test_the_readme_names_layouts_that_there_are():
    text = (PROJECT / "README.md").read_text(encoding="utf-8")
    part = text[text.index("## Which datasets") : text.index("## More")]
    named = {word for word in re.findall(r"`([a-z0-9-]+)`", part) if word != "reidindex"}

    assert len(known_layouts()) > 100
    assert len(named) > 30
    assert sorted(named - set(known_layouts())) == []


def test_the_layout_of_the_tutorial_works(tmp_path):
    """The ten lines of docs/layouts.md, on the tree that they are about."""
    toml, csv = (
        blocks(DOCS / "layouts.md", "toml")[0],
        next(b for b in blocks(DOCS / "layouts.md", "text") if "who,part" in b),
    )
    assert len(toml.splitlines()) <= 11
    names = [
        *(f"day/{who}/cam{c}_00{n}.jpg" for who in ("anna", "bo", "cleo", "dora") for c, n in ((1, 2), (2, 1), (2, 3))),
        *(f"night/{who}/cam3_00{n}.png" for who in ("anna", "bo", "cleo", "dora") for n in (1, 2)),
        "day/unknown/cam1_001.jpg",
        "floor.png",
    ]
    root = write(tmp_path / "zoo", names)
    (root / "split.csv").write_text(csv)
    (tmp_path / "zoo.toml").write_text(toml)

    report = build_index(root, layout=str(tmp_path / "zoo.toml"))

    facts = report.statistics.splits
    assert {name: facts[name].identities for name in facts} == {"train": 2, "query": 2, "gallery": 2}
    assert facts["train"].pairable == 2
    assert report.unmatched == ("floor.png",)


def test_every_command_and_its_options_are_told(run):
    text = (DOCS / "cli.md").read_text(encoding="utf-8")
    for command in ("build", "stats", "plan", "layouts", "demo", "bench train"):
        assert f"## {command}" in text
        options = set(re.findall(r"--[a-z][a-z-]+", run(*command.split(), "--help").stdout)) - {"--help", "--no-check"}
        assert [option for option in options if option not in text] == []


def test_links_between_the_docs_lead_somewhere():
    for file in (PROJECT / "README.md", *DOCS.glob("*.md")):
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", file.read_text(encoding="utf-8")):
            assert (file.parent / target).exists(), f"{file.name}: {target}"
