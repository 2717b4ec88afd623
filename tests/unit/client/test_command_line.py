"""The command line without services: usage, exit codes, help."""

import errno
import io
import json
from dataclasses import replace
from pathlib import Path

import click
import pytest

from framecast import FrameResult, Label
from framecast.cli.main import framecast, main
from framecast.cli.predict import _print_picture
from framecast.cli.saving import DebugFolder
from tests.support.predictions import prediction

UNREACHABLE = ["--registry-address", "127.0.0.1:1"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["no-such-noun"],
        ["train"],
        ["train", "--dataset", "a", "--architecture", "b", "--epochs", "0"],
        ["train", "--dataset", "a", "--architecture", "b", "--weights", "missing.pth"],
        ["datasets", "import"],
        ["datasets", "import", "/no/such/folder"],
        ["predict", "model"],
        ["predict", "cars", "x.png", "--window", "640by480"],
        ["predict", "cars", "x.png", "--mask-format", "outlines"],
        ["up", "--port-base", "99999"],
    ],
)
def test_wrong_usage_exits_with_2_and_writes_to_stderr(arguments: list[str], capsys) -> None:
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Error" in captured.err


def test_failure_exits_with_1_and_says_what_to_do(capsys) -> None:
    assert main(["datasets", "list", *UNREACHABLE]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "framecast up" in captured.err


def test_failure_is_json_for_programs(capsys) -> None:
    assert main(["datasets", "list", "--json", *UNREACHABLE]) == 1
    error = json.loads(capsys.readouterr().err)["error"]
    assert (error["type"], error["reason"]) == ("UnavailableError", "SERVICE_UNREACHABLE")


def test_a_missing_file_is_named(tmp_path: Path, capsys) -> None:
    assert main(["predict", "cars", str(tmp_path / "none.jpg"), *UNREACHABLE]) == 1
    assert "none.jpg" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("inputs", "save"),
    [
        (["a.png"], "out.mp4"),
        (["a.mp4"], "out.png"),
        (["a.png"], "out.txt"),
        (["a.png", "b.png"], "out.png"),
    ],
)
def test_a_target_that_does_not_fit_is_refused_before_any_work(tmp_path: Path, inputs, save: str, capsys) -> None:
    for name in inputs:
        (tmp_path / name).write_bytes(b"\x89PNG" if name.endswith("png") else b"video")
    files = [str(tmp_path / name) for name in inputs]
    assert main(["predict", "cars", *files, "--save", str(tmp_path / save), *UNREACHABLE]) == 2
    assert "--save" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("inputs", "save"),
    [
        (["a.mp4"], ["a.mp4"]),
        (["a.png"], ["."]),
        (["b.jpg", "b.png"], ["out"]),
        (["a.png"], ["b.png", "out"]),
    ],
)
def test_nothing_is_saved_over_an_input_or_another_result(tmp_path: Path, inputs, save, capsys) -> None:
    for name in inputs:
        (tmp_path / name).write_bytes(b"video" if name.endswith("mp4") else b"\x89PNG")
    files = [str(tmp_path / name) for name in inputs]
    options = [part for name in save for part in ("--save", str(tmp_path / name))]
    assert main(["predict", "cars", *files, *options, *UNREACHABLE]) == 2
    assert "--save" in capsys.readouterr().err


def test_a_folder_is_no_picture(tmp_path: Path, capsys) -> None:
    assert main(["predict", "cars", str(tmp_path), *UNREACHABLE]) == 1
    assert "folder" in capsys.readouterr().err


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, options: list[str], monkeypatch, capsys) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", "/locked/out.png")

    monkeypatch.setattr("framecast.cli.predict._is_video", refuse)
    assert main(["predict", "cars", str(tmp_path / "a.png"), *options, *UNREACHABLE]) == 1
    err = capsys.readouterr().err
    assert "/locked/out.png: Permission denied" in err
    assert "Traceback" not in err


def test_nothing_is_removed_where_nobody_can_be_asked(monkeypatch, capsys) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    assert main(["datasets", "delete", "cars", *UNREACHABLE]) == 2
    assert "--yes" in capsys.readouterr().err


def commands(command: click.Command, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found = [path]
    if isinstance(command, click.Group):
        for name, child in command.commands.items():
            found += commands(child, (*path, name))
    return found


@pytest.mark.parametrize("path", commands(framecast), ids=" ".join)
def test_every_command_explains_itself(path: tuple[str, ...], capsys) -> None:
    assert main([*path, "--help"]) == 0
    assert "Usage:" in capsys.readouterr().out


def test_the_nouns_are_these() -> None:
    nouns = "datasets demo embed inference-jobs jobs live models predict predictions serving train up"
    assert sorted(framecast.commands) == nouns.split()


def test_vectors_are_saved_as_npy_alone(tmp_path: Path) -> None:
    assert main(["embed", "flowers", str(tmp_path / "a.jpg"), "--out", str(tmp_path / "a.txt")]) == 2
    assert main(["embed", "flowers", str(tmp_path / "a.jpg"), "--out", str(tmp_path / "a.npy")]) == 1


def test_a_classifiers_table_has_no_boxes(tmp_path: Path, capsys) -> None:
    labelled = prediction(20, 10, labels=(Label(1, "cat", 0.75), Label(2, "dog", 0.25)))
    _print_picture(tmp_path / "a.png", FrameResult(0, prediction=labelled), None)
    said = capsys.readouterr().out
    assert "x_min" not in said
    assert said.splitlines()[1].split() == ["category", "score"]
    assert said.splitlines()[2].split() == ["cat", "0.750"]
    _print_picture(tmp_path / "a.png", FrameResult(0, prediction=prediction(20, 10, boxes=[(1, 2, 3, 4)])), None)
    assert "1.0, 2.0, 3.0, 4.0" in capsys.readouterr().out


def test_debug_pictures_of_inputs_with_one_name_are_kept_apart(tmp_path: Path) -> None:
    seen = replace(prediction(20, 10), debug_picture=b"png")
    folder = DebugFolder(tmp_path / "seen")
    for _ in range(2):
        folder.save("a", FrameResult(0, prediction=seen))
    folder.save("b", FrameResult(0, prediction=prediction(20, 10)))
    assert sorted(path.name for path in (tmp_path / "seen").iterdir()) == ["a-2.png", "a.png"]
