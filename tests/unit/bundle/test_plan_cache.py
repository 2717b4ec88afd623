"""Compiled networks on disk: found again, rebuilt when damaged, never shared where that is not safe."""

import dataclasses
from pathlib import Path

import pytest

from framecast.errors import FailedPreconditionError
from framecast_bundle.engines.plan_cache import PlanCache, PlanKey, default_folder, write_whole
from framecast_bundle.engines.shape_profile import ShapeProfile

KEY = PlanKey(
    graph_sha256="ab" * 32,
    calibration_sha256="",
    architecture="sm_90",
    tensorrt="10.13.0",
    precision="float16",
    profiles={"images": ShapeProfile((1, 3, 64, 64), (8, 3, 64, 64), (8, 3, 64, 64))},
)


class Builder:
    def __init__(self) -> None:
        self.built = 0

    def __call__(self) -> bytes:
        self.built += 1
        return b"plan %d" % self.built


def test_a_plan_is_built_once(tmp_path: Path) -> None:
    build = Builder()
    assert PlanCache(tmp_path / "a/b").get(KEY, build) == b"plan 1"
    assert PlanCache(tmp_path / "a/b").get(KEY, build) == b"plan 1"
    assert (tmp_path / "a/b").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "change",
    [
        {"graph_sha256": "cd" * 32},
        {"calibration_sha256": "cd" * 32},
        {"architecture": "sm_80"},
        {"tensorrt": "10.14.0"},
        {"precision": "float32"},
        {"profiles": {"images": ShapeProfile((1, 3, 64, 64), (4, 3, 64, 64), (4, 3, 64, 64))}},
    ],
)
def test_all_that_a_plan_depends_on_is_in_its_name(change: dict[str, object], tmp_path: Path) -> None:
    build, cache = Builder(), PlanCache(tmp_path)
    cache.get(KEY, build)
    other = dataclasses.replace(KEY, **change)  # type: ignore[arg-type]
    assert cache.get(other, build) == b"plan 2"
    assert cache.get(KEY, build) == b"plan 1"


@pytest.mark.parametrize("damage", [lambda data: data[:-1], lambda data: b"", lambda data: b"x" + data[1:]])
def test_a_damaged_plan_is_built_again(damage: "object", tmp_path: Path) -> None:
    build, cache = Builder(), PlanCache(tmp_path)
    cache.get(KEY, build)
    path = tmp_path / KEY.file_name
    path.write_bytes(damage(path.read_bytes()))  # type: ignore[operator]
    assert cache.get(KEY, build) == b"plan 2"
    assert cache.get(KEY, build) == b"plan 2"


def test_what_could_not_be_built_is_not_stored(tmp_path: Path) -> None:
    def fail() -> bytes:
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        PlanCache(tmp_path).get(KEY, fail)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_others_may_write_to_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with pytest.raises(FailedPreconditionError, match="FRAMECAST_PLAN_FOLDER") as refused:
        PlanCache(tmp_path).get(KEY, Builder())
    assert refused.value.reason == "PLAN_FOLDER_UNUSABLE"


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FailedPreconditionError):
        PlanCache(tmp_path / "file/plans").get(KEY, Builder())


def test_a_plan_that_is_forgotten_is_built_again(tmp_path: Path) -> None:
    build, cache = Builder(), PlanCache(tmp_path)
    cache.get(KEY, build)
    cache.forget(KEY)
    cache.forget(KEY)
    assert cache.get(KEY, build) == b"plan 2"


def test_a_file_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    write_whole(tmp_path / "a", b"first")
    with pytest.raises(TypeError):
        write_whole(tmp_path / "a", "text")  # type: ignore[arg-type]
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_bytes() == b"first"


def test_the_folder_is_among_the_users_caches(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_folder() == tmp_path / "framecast/plans"
