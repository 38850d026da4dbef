"""The threat model of docs/reliability.md: an index, a tree and a layout file are data of strangers; none of them executes anything,
and nothing outside the dataset is read."""

from __future__ import annotations

import ast
import contextlib
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from indexer.build import build_index
from tests.effort import gate_only

PROJECT = Path(__file__).parents[2]

# ------------------------------------------------------------------------------------------------- the code

EXECUTE = {"eval", "exec", "compile", "__import__", "breakpoint"}
UNPICKLE = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "jsonpickle", "yaml"}
REACH_OUT = {
    "socket",
    "ssl",
    "http",
    "urllib",
    "urllib3",
    "requests",
    "httpx",
    "aiohttp",
    "ftplib",
    "smtplib",
    "xmlrpc",
}
RUN_OTHERS = {"subprocess", "pty", "ctypes", "cffi", "code", "codeop", "runpy", "webbrowser"}
CALLS = {
    "os.system", "os.popen", "os.execv", "os.execve", "os.spawnv", "os.posix_spawn", "os.startfile",
    "tempfile.mktemp", "torch.load", "numpy.load", "np.load", "pandas.read_pickle", "pd.read_pickle", "pa.PyExtensionType",
    "importlib.import_module",
}  # fmt: skip
MEANT = {
    # the C library's madvise, by a number and an address of our own mapping
    ("indexer/held_file.py", "ctypes"),
    # modules of ours and of torch, by names that the code spells
    ("sampler_runtime/__init__.py", "importlib.import_module"),
    ("sampler_runtime/training/memory.py", "importlib.import_module"),
}


def sources() -> Iterator[tuple[str, ast.AST]]:
    for package in ("indexer", "sampler_runtime"):
        for file in sorted((PROJECT / package).rglob("*.py")):
            yield file.relative_to(PROJECT).as_posix(), ast.parse(file.read_text(encoding="utf-8"))


def suspects(name: str, tree: ast.AST) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            for module in modules:
                if module.partition(".")[0] in UNPICKLE | REACH_OUT | RUN_OTHERS:
                    yield name, module
        elif isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called in EXECUTE | CALLS:
                yield name, called
            if any(word.arg == "shell" for word in node.keywords):
                yield name, f"{called}(shell=)"
            if any(
                word.arg == "allow_pickle" and getattr(word.value, "value", None) is not False for word in node.keywords
            ):
                yield name, f"{called}(allow_pickle=)"


def test_nothing_in_the_code_executes_unpickles_or_reaches_out():
    found = {one for name, tree in sources() for one in suspects(name, tree)}

    assert found <= MEANT, sorted(found - MEANT)


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "from urllib import request",
        "eval('1')",
        "os.system('ls')",
        "np.load(f, allow_pickle=True)",
        "run(x, shell=True)",
        "import yaml.x",
    ],
)
def test_such_a_search_finds_what_it_is_for(code):
    assert list(suspects("x.py", ast.parse(code)))


# ------------------------------------------------------------------------------------------- the dependencies

DEPENDS_ON = {
    "filelock", "numpy", "pillow", "pyarrow", "pydantic", "rich", "torch", "typer",  # ours, and what these bring along:
    "annotated-doc", "annotated-types", "pydantic-core", "typing-extensions", "typing-inspection",
    "markdown-it-py", "mdurl", "pygments", "shellingham", "click", "tomli",
    "fsspec", "jinja2", "markupsafe", "mpmath", "networkx", "sympy", "setuptools",
}  # fmt: skip


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def everything_needed(name: str, found: set[str]) -> set[str]:
    for line in importlib.metadata.requires(name) or ():
        wanted = Requirement(line)
        if wanted.marker is not None and not wanted.marker.evaluate({"extra": ""}):
            continue
        one = normal(wanted.name)
        if one not in found:
            found.add(one)
            # CUDA's packages are not there where torch is built for the processor
            with contextlib.suppress(importlib.metadata.PackageNotFoundError):
                everything_needed(wanted.name, found)
    return found


def plain_install() -> set[str]:
    needed = everything_needed("reidindex", set())
    return {name for name in needed if not name.startswith(("nvidia-", "cuda-", "triton"))}


def test_a_plain_install_brings_what_we_know_and_nothing_else():
    """Another one is a decision: add it here with its reason in pyproject.toml."""
    assert plain_install() <= DEPENDS_ON, plain_install() - DEPENDS_ON


def test_every_version_that_a_plain_install_brings_is_pinned():
    pins = re.findall(r"^([\w.-]+)==", (PROJECT / "constraints.txt").read_text(encoding="utf-8"), re.MULTILINE)
    unpinned = plain_install() - {normal(name) for name in pins}

    assert unpinned <= {"tomli", "setuptools"}  # for Python 3.10 only; what Python's own tools bring


# ------------------------------------------------------------------------------------------ what a run does

SESSION = """
import os, sys
from pathlib import Path
data, out, seen = map(Path, sys.argv[1:])
places, executed = set(), []

def watch(event, words):
    if event == "open" and isinstance(words[0], (str, bytes)):
        places.add(os.path.abspath(os.fsdecode(words[0])))
    elif event in ("os.listdir", "os.scandir") and isinstance(words[0], (str, bytes)):
        places.add(os.path.abspath(os.fsdecode(words[0])))
    elif event.startswith(("socket.", "subprocess.", "os.exec", "os.system", "os.posix_spawn", "os.spawn", "pickle.", "http.", "urllib.", "ftplib.", "marshal.loads")):
        if event != "marshal.loads":  # how Python reads its own .pyc
            executed.append(event)

from indexer.cli import main  # what importing does is Python's business
import indexer.build, indexer.update, indexer.checking.check, indexer.report, indexer.export.formats, PIL.Image, PIL.JpegImagePlugin, PIL.PngImagePlugin
import sampler_runtime, rich.progress, rich.table, filelock
PIL.Image.init()

def run(*words):
    sys.argv = ["reidindex", *map(str, words)]
    try:
        main()
    except SystemExit as done:
        assert not done.code, (words, done.code)

sys.addaudithook(watch)
run("build", data, "--probe", "--hash", "-j", 1, "-q")
run("update", data, "-j", 1, "-q")
run("check", data, "-q", "--deep")
run("stats", data, "--json")
run("plan", data, "-p", 4, "-k", 4)
run("show", data, "-p", 4, "-k", 2, "-o", out / "sheet.png")
run("report", data, "-o", out / "report.html")
run("export", data, "--to", "csv", "-o", out / "table.csv")
run("filter", data, "modality == 'rgb'", "-o", out / "rgb.parquet")
from sampler_runtime import open_index
from sampler_runtime.plan import EpochPlan
index = open_index(data, verify="full")
list(map(index.path_of, range(len(index))))
seen.write_text("\\n".join([*(f"did {event}" for event in executed), *(f"at {place}" for place in sorted(places))]))
"""


def is_python_or_the_system(place: str) -> bool:
    """Where interpreter, packages and C library look for what is theirs: nothing of a user's."""
    homes = (
        sys.prefix,
        sys.base_prefix,
        str(PROJECT / "indexer"),
        str(PROJECT / "sampler_runtime"),
        "/usr/lib",
        "/usr/share",
        "/lib",
    )
    return place.startswith((*homes, "/proc/", "/sys/", "/dev/")) or place in ("/proc", "/sys", "/etc/localtime")


def test_a_whole_session_reads_the_dataset_and_starts_nothing(drawn_demo, tmp_path):
    """Python's own audit events: every file that is opened, every process, socket and unpickled object."""
    data, out, seen = tmp_path / "data", tmp_path / "out", tmp_path / "seen"
    shutil.copytree(drawn_demo, data)
    out.mkdir()
    (tmp_path / "beside.jpg").write_bytes((next((data / "vis").rglob("*.jpg"))).read_bytes())

    done = subprocess.run(
        [sys.executable, "-c", SESSION, data, out, seen], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    lines = seen.read_text().splitlines()
    places = {Path(line[3:]) for line in lines if line.startswith("at ")}
    assert [line for line in lines if line.startswith("did ")] == []
    assert any(place.is_relative_to(data / "vis") for place in places), "the test must see what is opened"
    strange = {
        p
        for p in places
        if not is_python_or_the_system(str(p)) and not p.is_relative_to(data) and not p.is_relative_to(out)
    }
    assert strange <= {seen, tmp_path}  # Python looks for modules where it was started


@gate_only
@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
def test_the_kernel_sees_no_other_file_opened_either(drawn_demo, tmp_path):
    """As above, with what Arrow and the decoders open by themselves."""
    data, log = tmp_path / "data", tmp_path / "log"
    shutil.copytree(drawn_demo, data)
    build_index(data)
    command = [
        "strace",
        "-f",
        "--seccomp-bpf",
        "-y",
        "-e",
        "trace=openat,open,connect,execve,execveat",
        "-o",
        log,
        sys.executable,
        "-m",
        "indexer",
        "check",
        data,
        "--deep",
        "-q",
    ]

    done = subprocess.run(list(map(str, command)), cwd=tmp_path, capture_output=True, text=True, check=False)

    if "ptrace" in done.stderr or "strace:" in done.stderr:
        pytest.skip(f"strace does not work here: {done.stderr.strip()[:100]}")
    assert done.returncode == 0, done.stderr
    told = log.read_text(errors="replace")
    assert told.count("execve(") == 1, "no other program"
    assert "connect(" not in told
    opened = {Path(place) for place in re.findall(r" = \d+<(/[^>]*)>$", told, re.MULTILINE)}
    assert any(place.is_relative_to(data / "vis") for place in opened), "the test must see what is opened"
    allowed = ("/etc/", "/root/.config", str(Path.home()), os.environ.get("TMPDIR", "/nowhere"))
    places = {place for place in opened if not place.is_relative_to(data) and not str(place).startswith(allowed)}
    # where Python was started, and where it found the project, it looks for modules
    strange = {p for p in places if not is_python_or_the_system(str(p)) and p not in (tmp_path, PROJECT)}
    assert not strange


def test_an_index_is_never_unpickled(drawn_demo, tmp_path):
    """Neither Arrow's extension types of old nor NumPy's objects: opening and reading finds no pickled class."""
    code = (
        "import sys; from pathlib import Path; from sampler_runtime import open_index; import pyarrow.parquet, numpy\n"
        "seen = []; sys.addaudithook(lambda event, words: seen.append(words) if event == 'pickle.find_class' else None)\n"
        "import pickle; pickle.loads(pickle.dumps(Path)); assert seen, 'the hook works'; seen.clear()\n"
        "index = open_index(sys.argv[1], verify='full'); index.file.table(index.file._parquet.schema_arrow.names); assert not seen, seen"
    )
    data = tmp_path / "data"
    shutil.copytree(drawn_demo, data)
    build_index(data)

    done = subprocess.run([sys.executable, "-c", code, data], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
