"""Which layout a folder of labelled data has: COCO files, or pictures in a folder per class."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from framecast._dataset_types import Subset
from framecast.errors import InvalidArgumentError, NotFoundError
from framecast.importers.class_folders import class_folders, is_picture, read_class_folders
from framecast.importers.coco import CocoSource, read_coco
from framecast.importers.labelled_set import LabelledSet

_WORDS = {
    Subset.TRAIN: ("train", "training"),
    Subset.VALIDATION: ("val", "valid", "validation"),
    Subset.TEST: ("test", "testing"),
}
# Folders that COCO data keeps beside its annotation files; none of them is a class.
_NOT_CLASSES = {"images", "annotations"}


@dataclass(frozen=True)
class CocoLayout:
    """COCO files by subset."""

    files: Mapping[Subset, Sequence[CocoSource]]

    def read(self) -> LabelledSet:
        """Parses the files."""
        return read_coco(self.files)


@dataclass(frozen=True)
class ClassFolderLayout:
    """Folders by subset, each with a folder per class."""

    folders: Mapping[Subset, Path]

    def read(self) -> LabelledSet:
        """Lists the pictures."""
        return read_class_folders(self.folders)


def recognise(path: Path, *, images: Path | None = None) -> CocoLayout | ClassFolderLayout:
    """The layout of a folder, or of a single COCO file. Raises InvalidArgumentError where it is none we know.

    `images` overrides where the pictures of COCO files lie.
    """
    if path.is_file():
        return coco_layout({subset_of(path) or Subset.TRAIN: [path]}, images=images)
    if not path.is_dir():
        raise NotFoundError(f"{path}: there is no such file or folder", reason="PATH_MISSING", path=path)
    files = _choose_files(path)
    if files:
        return coco_layout(files, images=images, root=path)
    folders = class_folder_layout(path)
    if folders is not None:
        return folders
    raise InvalidArgumentError(
        f"{path}: no labelled data found. Expected COCO files (instances_train.json, instances_val.json, images/),"
        " or pictures in folders (train/<class>/*.jpg, val/<class>/*.jpg, or <class>/*.jpg)",
        reason="LAYOUT_UNKNOWN",
        path=path,
    )


def coco_layout(
    files: Mapping[Subset, Sequence[Path]], *, images: Path | None = None, root: Path | None = None
) -> CocoLayout:
    """COCO files whose subsets are known; looks for the folders of their pictures unless `images` says it."""
    if images is not None:
        if not images.is_dir():
            raise NotFoundError(f"{images}: there is no such folder", reason="FOLDER_MISSING", folder=images)
        return CocoLayout({subset: [CocoSource(path, (images,)) for path in paths] for subset, paths in files.items()})
    return CocoLayout(
        {
            subset: [CocoSource(path, _image_folders(path, subset, root)) for path in paths]
            for subset, paths in files.items()
        }
    )


def _image_folders(path: Path, subset: Subset, root: Path | None) -> tuple[Path, ...]:
    """Where the pictures of a COCO file may be: folders of its own subset first, then those for all."""
    bases = [path.parent]
    if path.parent.name == "annotations":
        bases.append(path.parent.parent)
    if root is not None and root not in bases:
        bases.append(root)
    own = [path.stem.rpartition("_")[2], *_WORDS[subset]]
    folders: dict[Path, None] = {}
    for base in bases:
        folders.update(dict.fromkeys([base / "images" / name for name in own]))
        folders.update(dict.fromkeys([base / name for name in own]))
        folders.update(dict.fromkeys([base / "images", base]))
    return tuple(folder for folder in folders if folder.is_dir())


def class_folder_layout(path: Path) -> ClassFolderLayout | None:
    """Class folders below `train`, `val`, `test`, or directly below `path`; None where there are none."""
    if not path.is_dir():
        raise NotFoundError(f"{path}: there is no such folder", reason="FOLDER_MISSING", folder=path)
    children = class_folders(path)
    by_subset: dict[Subset, Path] = {}
    for subset, words in _WORDS.items():
        for child in children:
            if child.name.lower() in words and any(_has_pictures(folder) for folder in class_folders(child)):
                by_subset.setdefault(subset, child)
    if by_subset:
        return ClassFolderLayout(by_subset)
    classes = [child for child in children if child.name not in _NOT_CLASSES and _has_pictures(child)]
    return ClassFolderLayout({Subset.TRAIN: path}) if classes else None


def subset_of(path: Path) -> Subset | None:
    """The subset that a file's name speaks of: `instances_val2017.json` is validation; None where it says nothing."""
    words = re.findall(r"[a-z]+", path.stem.lower())
    for subset, names in _WORDS.items():
        if any(word in names for word in words):
            return subset
    return None


def _choose_files(folder: Path) -> dict[Subset, list[Path]]:
    """The annotation file of each subset. Raises InvalidArgumentError where several would do."""
    found = [path for place in (folder, folder / "annotations") if place.is_dir() for path in _json_files(place)]
    for subset, words in _WORDS.items():  # a file beside the pictures of each subset, as some tools export
        found += [path for word in words for path in _json_files(folder / word) if subset_of(path) in (None, subset)]
    by_subset: dict[Subset, list[Path]] = {}
    unnamed: list[Path] = []
    for path in found:
        named = subset_of(path) or subset_of(path.parent if path.parent != folder else Path())
        if named is None:
            unnamed.append(path)
        else:
            by_subset.setdefault(named, []).append(path)
    if by_subset:
        return {subset: [_the_one(paths, folder)] for subset, paths in sorted(by_subset.items(), key=_order)}
    return {Subset.TRAIN: [_the_one(unnamed, folder)]} if unnamed else {}


def _the_one(paths: list[Path], folder: Path) -> Path:
    if len(paths) == 1:
        return paths[0]
    exact = [path for path in paths if re.fullmatch(r"instances(_[a-z]+\d{0,4})?", path.stem)]
    if len(exact) == 1:
        return exact[0]
    listed = ", ".join(str(path.relative_to(folder)) for path in paths)
    raise InvalidArgumentError(
        f"{folder}: several annotation files would do: {listed}. Say which with train=, validation=, test="
        " (--train FILE --validation FILE --test FILE)",
        reason="ANNOTATION_FILES_AMBIGUOUS",
        path=folder,
        files=listed,
    )


def _json_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*.json") if path.is_file()) if folder.is_dir() else []


def _order(entry: tuple[Subset, list[Path]]) -> int:
    return list(Subset).index(entry[0])


def _has_pictures(folder: Path) -> bool:
    return any(is_picture(path) for path in folder.rglob("*"))
