"""What the README tells a newcomer to type."""

import contextlib
import io
import re
import shlex
import shutil
from pathlib import Path

import pytest

from tests.support.running_stack import RunningStack

README = (Path(__file__).resolve().parents[2] / "README.md").read_text()

pytest.importorskip("torch")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


@pytest.mark.slow
def test_the_python_example_runs(
    stack: RunningStack, shapes: Path, video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(shapes, tmp_path / "photos")
    shutil.copy(video, tmp_path / "street.mp4")
    monkeypatch.chdir(tmp_path)
    for name, address in stack.environment().items():
        monkeypatch.setenv(name, address)
    (example,) = blocks("python")
    shorter = example.replace("epochs=20", "epochs=1")
    assert shorter != example
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(shorter, "README.md", "exec"), {})
    lines = printed.getvalue().splitlines()
    assert [line.split()[0] for line in lines] == [str(index) for index in range(15)]


def test_every_command_and_flag_of_the_readme_exists(stack: RunningStack) -> None:
    commands = [
        shlex.split(line, comments=True)
        for block in blocks("sh")
        for line in block.splitlines()
        if line.startswith("framecast ")
    ]
    assert len(commands) > 5
    for _, *words in commands:
        path = words[:2] if words[0] in ("datasets", "models", "jobs") else words[:1]
        told = stack.command(*path, "--help")
        assert told.code == 0, words
        for flag in (word for word in words if word.startswith("--")):
            assert flag in told.out, (words, flag)


def test_every_make_target_of_the_readme_exists() -> None:
    makefile = (Path(__file__).resolve().parents[2] / "Makefile").read_text()
    targets = re.findall(r"^make (\S+)", "\n".join(blocks("sh")), re.MULTILINE)
    assert {"demo", "test"} <= set(targets)
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)
