"""Every command has an example in docs/cli.md, and the examples do what the page says."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from typer.main import get_command

from indexer.build import build_index
from indexer.cli import app
from tests.effort import gate_only

PAGE = Path(__file__).parents[1] / "docs" / "cli.md"
ANYTHING = "…"


def sections():
    """Command → its part of the page."""
    parts = re.split(r"^## (.+)$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def examples():
    for name, text in sections().items():
        for number, block in enumerate(re.findall(r"^```console\n(.*?)^```", text, re.MULTILINE | re.DOTALL)):
            marks = gate_only if name == "bench train" else ()
            yield pytest.param(name, block, id=f"{name} {number + 1}", marks=marks)


def steps(block):
    """What is typed, and what is said to come: pairs of a command and its lines."""
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        yield command, output


def as_pattern(output):
    """The lines of an example; times differ, empty lines do not count, and `…` stands for any words or, alone in a line, any lines."""
    lines = []
    for line in filter(str.strip, output.split("\n")):
        if line.strip() == ANYTHING:
            lines.append(r"(?:.*\n)*?")
            continue
        pattern = re.escape(line.rstrip()).replace(ANYTHING, ".*?")
        lines.append(re.sub(r"[\d.,\\]+\\ (s|ms|µs)\b", r"[\\d.,]+\\ \1", pattern) + r"[ ]*\n")
    return "".join(lines)


def commands():
    group = get_command(app)
    for name, command in group.commands.items():  # type: ignore[attr-defined]
        inner = getattr(command, "commands", None)
        yield from (f"{name} {word}" for word in inner) if inner else [name]


def test_every_command_has_an_example():
    shown = {name for name, block in (example.values for example in examples()) if f"$ reidindex {name}" in block}

    assert sorted(commands()) == sorted(shown)


@pytest.mark.parametrize(("name", "block"), list(examples()))
def test_an_example_does_what_the_page_says(name, block, drawn_demo, tmp_path, monkeypatch, run):
    if name == "query":
        pytest.importorskip("duckdb", reason="SQL needs the extra `query`, which the tests have")
    if name != "demo":
        shutil.copytree(drawn_demo, tmp_path / "demo-data")
    if name not in ("build", "demo"):
        build_index(tmp_path / "demo-data")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("indexer.cli.console._PLAIN_SECONDS", float("inf"))  # a slow machine would tell how far it is
    for command, output in steps(block):
        if not command.startswith("reidindex "):
            subprocess.run(command, shell=True, check=True)
            continue
        done = run(*shlex.split(command, comments=True)[1:])
        told = "".join(line.rstrip() + "\n" for line in (done.stdout + done.stderr).splitlines() if line.strip())
        assert done.returncode == (2 if "error: " in output else 3 if output.startswith("✗") else 0), told
        if output.strip():
            assert re.fullmatch(as_pattern(output), told), f"$ {command}\n{told}"


def test_the_help_of_every_command_has_examples(run):
    for name in commands():
        told = run(*name.split(), "--help").stdout
        assert f"reidindex {name}" in told.partition("Examples:")[2], name
