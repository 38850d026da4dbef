"""The command line as a user meets it: words in, lines and exit codes out."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests import trees

ENTRY = "import sys; from indexer.cli import main; main()"


@pytest.fixture
def data(tmp_path, run):
    root = trees.orbench(tmp_path / "data")
    assert run("build", root).returncode == 0
    return root


def test_build_tells_what_it_made_and_what_comes_next(tmp_path, run):
    root = trees.sysu(tmp_path / "data")

    done = run("build", root)

    assert done.returncode == 0
    assert done.stdout.splitlines()[0] == f"✓ {root}/reidindex.parquet  24 samples · 5 identities · rgb ir"
    assert "layout sysu-mm01" in done.stdout
    assert "in no split: 2 samples" in done.stdout
    assert f"reidindex stats {root}/reidindex.parquet" in done.stdout
    assert done.stderr.splitlines() == [
        "! published: sysu-mm01: far less than SYSU-MM01 counts (24 samples here): a part of it, or another set in its layout"
    ]
    assert run("build", root).stdout.startswith(f"✓ {root}/reidindex.parquet is up to date")


def test_build_names_what_it_did_not_take(tmp_path, run, run_json):
    root = trees.market(tmp_path / "data")
    trees.write(root, [f"query/odd [{i}].jpg" for i in range(7)])

    done = run("build", root, "--layout", "market1501")
    report = run_json("build", root, "--layout", "market1501", "--force")

    assert "! 7 files that no rule of market1501 took:" in done.stderr
    assert "query/odd [0].jpg" in done.stderr
    assert "… and 2 more (--verbose names them all)" in done.stderr
    assert report["unmatched"] == [f"query/odd [{i}].jpg" for i in range(7)]
    assert report["samples"] == 17
    assert report["layout"] == "market1501"


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["build", "nowhere"], 1, "error: nowhere: no such folder"),
        (["build", "{data}", "--layout", "orbnech"], 2, "did you mean 'orbench'?"),
        (["build"], 2, "Missing argument"),
        (["bild", "{data}"], 2, "Did you mean 'build'?"),
        (["build", "{data}", "--stict"], 2, "No such option: --stict"),
        (["build", "{data}", "--trust"], 2, "--trust goes with a manifest"),
        (["build", "{odd}", "--strict", "--layout", "orbench"], 3, "1 found that --strict does not allow"),
        (["stats", "{empty}"], 1, "no index (reidindex.parquet) in this folder; make one with `reidindex build"),
        (["stats", "{data}", "--split", "trian"], 2, "did you mean 'train'?"),
        (["stats", "{data}", "--pair", "rgb:skecth"], 2, "did you mean 'sketch'?"),
        (["stats", "{data}", "-p", "0"], 2, "Input should be greater than or equal to 1"),
        (["stats", "{data}", "-p", "two"], 2, "Input should be a valid integer"),
        (["stats", "{data}/train_annos.json"], 1, "not a whole Parquet file"),
        (["plan", "{data}", "-p", "8"], 2, "P=8: 2 of 2 identities can serve each=any with K=4; use p=2 or less"),
        (["plan", "{data}", "-k", "0"], 2, "Input should be greater than or equal to 1"),
        (["plan", "{data}", "--each", "pairs"], 2, "did you mean 'pair'?"),
        (["plan", "{data}", "--from", "-1"], 2, "Input should be greater than or equal to 0"),
        (["layouts", "sysu"], 2, "did you mean 'sysu-mm01'?"),
        (["demo", "{data}"], 1, "expected a missing or empty folder"),
        (["demo", "{empty}", "--identities", "3"], 2, "expected 8 to 4999, found 3"),
    ],
)
def test_what_cannot_be_is_one_clear_line_and_an_exit_code(run, data, tmp_path, words, code, message):
    (tmp_path / "empty").mkdir()
    odd = trees.write(trees.orbench(tmp_path / "odd"), ["vis/odd.jpg"])

    done = run(*(w.format(data=data, empty=tmp_path / "empty", odd=odd) for w in words))

    assert done.returncode == code, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_debug_shows_the_traceback(run, tmp_path):
    assert "Traceback" in run("--debug", "build", tmp_path / "nowhere", cwd=tmp_path).stderr


def test_stats_of_a_changed_tree_says_so(run, data):
    assert "has changed" not in run("stats", data).stderr
    trees.write(data, ["vis/0003/0003_llcm_0300_c07_s184251_f1_vis.jpg"])

    done = run("stats", data)

    assert done.returncode == 0
    assert f"{data} has changed since this index was made" in done.stderr
    assert "has changed" not in run("stats", data, "--no-check").stderr
    assert "has changed" not in run("stats", data / "reidindex.parquet").stderr


def test_json_has_the_promised_keys_and_is_all_there_is_on_stdout(run_json, data):
    stats = run_json("stats", data, "--split", "train", "-p", "2")

    assert stats["samples"] == 18
    assert stats["identities"] == 2
    assert stats["pairable"] == {"identities": 2, "share": 1.0}
    assert stats["complete"]["identities"] == 2
    assert stats["batches_per_epoch"] == 1
    assert set(stats["modalities"]) == {"rgb", "nir", "sketch", "cpencil", "text"}
    assert set(stats["splits"]) == {"train", "query", "gallery"}
    assert stats["splits"]["train"]["samples"] == stats["samples"]
    plan = run_json("plan", data, "-p", "2", "-k", "4", "--each", "pair", "--seed", "5")
    assert plan["batches"] == 1
    assert len(plan["first"][0]) == 2
    assert plan["digests"] == run_json("plan", data, "-p", "2", "-k", "4", "--each", "pair", "--seed", "5")["digests"]
    assert [x["name"] for x in run_json("layouts")["layouts"]] == sorted(
        x["name"] for x in run_json("layouts")["layouts"]
    )
    assert "[[rule]]" in run_json("layouts", "regdb")["toml"]


def test_plan_shows_the_batches_the_sampler_draws(run, run_json, data):
    from sampler_runtime import PKBatchSampler, open_index

    drawn = next(iter(PKBatchSampler(open_index(data).select(split="train"), 2, 3, "pair", seed=4)))
    first = run_json("plan", data, "-p", "2", "-k", "3", "--each", "pair", "--seed", "4")["first"][0]
    done = run("plan", data, "-p", "2", "-k", "3", "--each", "pair")

    assert [row for block in first for row in block] == drawn
    assert "1 batch of 2 × 3, each=pair" in done.stdout


def test_plan_can_show_no_batch_and_check_several_epochs(run, run_json, data):
    done = run("plan", data, "-p", "2", "-k", "3", "--show", "0", "--epochs", "5")
    told = run_json("plan", data, "-p", "2", "-k", "3", "--show", "0", "--epochs", "5")

    assert done.returncode == 0
    assert "after 5 epochs: " in done.stdout
    assert "all guarantees hold" in done.stdout
    assert told["first"] == []
    assert [c["epochs"] for c in told["coverage"]] == [1, 5]
    assert len(told["digests"]) == 5


def test_a_broken_guarantee_is_told_with_exit_code_3(data, monkeypatch, capsys):
    """Nothing breaks one, so a plan is made to: its second identity is the first once more."""
    import typer

    from indexer.cli.plan import plan
    from sampler_runtime.plan import EpochPlan

    drawn = EpochPlan.batches

    def twice(self, epoch, numbers):
        rows = drawn(self, epoch, numbers)
        rows[:, 1] = rows[:, 0]
        return rows

    monkeypatch.setattr(EpochPlan, "batches", twice)

    with pytest.raises(typer.Exit) as ended:
        plan(data, p=2, k=3)

    assert ended.value.exit_code == 3
    assert "broken: {'distinct identities': 1}" in capsys.readouterr().out


def test_demo_build_and_stats_work_together(run, run_json, tmp_path):
    done = run("demo", tmp_path / "demo", "--identities", "8")
    assert done.returncode == 0, done.stderr

    report = run_json("build", tmp_path / "demo")

    assert report["layout"] == "orbench"
    assert not report["unmatched"]
    assert {p["kind"] for p in report["problems"]} == {"published"}
    stats = run_json("stats", tmp_path / "demo")
    assert stats["identities"] == 8
    assert 0 < stats["pairable"]["identities"] < 8


def test_a_reader_that_goes_away_is_no_error(data):
    for options in ("--json", ""):
        command = f"{sys.executable} -m indexer stats {data} {options} | head -n 1"
        done = subprocess.run(["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, text=True)

        assert done.returncode == 0
        assert len(done.stdout.splitlines()) == 1
        assert done.stderr == ""


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_a_console_that_knows_few_characters_is_no_reason_to_fail(run, data, encoding):
    env = {**os.environ, "PYTHONIOENCODING": encoding}

    for words in (["build", data], ["stats", data], ["plan", data, "-p", "2"], ["layouts"], ["stats", data, "--json"]):
        done = run(*words, env=env, encoding="utf-8", errors="replace")
        assert done.returncode == 0, done.stderr


def test_labels_are_shown_as_they_are_also_where_they_look_like_markup(run, tmp_path):
    root = trees.write(tmp_path / "q[bold]x[x]", ["1.jpg", "2.jpg"])
    (tmp_path / "m.csv").write_text("path,identity,camera,split\n1.jpg,[/2],[red]c,[/tr]\n2.jpg,[b],[/],[/tr]\n")

    assert run("build", root, "--layout", tmp_path / "m.csv").returncode == 0
    stats, plan = run("stats", root), run("plan", root, "-p", "2", "-k", "1")

    assert stats.returncode == plan.returncode == 0, stats.stderr + plan.stderr
    assert "q[bold]x[x]" in stats.stdout
    assert "[/tr]" in stats.stdout
    assert "[/2]" in plan.stdout
    assert "cam [red]c" in plan.stdout


def test_output_has_no_colour_codes_where_nobody_sees_them(run, data):
    done = run("stats", data)

    assert "\x1b[" not in done.stdout + done.stderr


@pytest.mark.parametrize("command", ["build", "stats", "plan", "layouts", "demo"])
def test_every_command_has_help_with_an_example(run, command):
    done = run(command, "--help", env={**os.environ, "COLUMNS": "120"})

    assert done.returncode == 0
    assert f"reidindex {command} " in done.stdout


def loaded(words, cwd):
    """Modules a command has loaded when it ends."""
    code = (
        "import atexit, json, sys; atexit.register(lambda: print(json.dumps(sorted(sys.modules)), file=sys.stderr)); "
        + ENTRY
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, words)], capture_output=True, text=True, cwd=cwd, check=True
    )
    return set(json.loads(done.stderr.splitlines()[-1]))


def test_help_loads_nothing_that_is_slow_to_load(tmp_path):
    """So that it is there in a moment: not measured by the clock of a shared machine, but by what it loads."""
    for words in (["--help"], ["build", "--help"], ["stats", "--help"]):
        assert not loaded(words, tmp_path) & {"numpy", "pyarrow", "torch", "pandas", "PIL", "sampler_runtime"}


def test_no_command_loads_torch(tmp_path, data):
    for words in (
        ["build", data, "--force"],
        ["stats", data],
        ["plan", data, "-p", "2", "--each", "pair"],
        ["layouts"],
        ["demo", tmp_path / "demo", "--identities", "8"],
        ["--version"],
    ):
        found = loaded(words, tmp_path)
        assert "torch" not in found, words
        assert "indexer.cli" in found


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("reidindex bu", ["build"]),
        ("reidindex layouts sysu", ["sysu-mm01"]),
        ("reidindex build data --layout rgbnt", ["rgbnt100", "rgbnt201"]),
        ("reidindex build data --prob", ["--probe"]),
    ],
)
def test_a_shell_completes_commands_options_and_layouts(typed, offered):
    words = {"COMP_WORDS": typed, "COMP_CWORD": str(len(typed.split()) - 1)}
    environment = {**os.environ, **words, "_REIDINDEX_COMPLETE": "complete_bash"}

    entry = f"import sys; sys.argv[0] = 'reidindex'; {ENTRY}"
    done = subprocess.run([sys.executable, "-c", entry], env=environment, capture_output=True, text=True)

    assert done.stdout.split() == offered


def test_the_script_for_a_shell_is_printed():
    environment = {**os.environ, "_REIDINDEX_COMPLETE": "source_bash"}
    entry = f"import sys; sys.argv[0] = 'reidindex'; {ENTRY}"

    done = subprocess.run([sys.executable, "-c", entry], env=environment, capture_output=True, text=True)

    assert "_reidindex_completion" in done.stdout
