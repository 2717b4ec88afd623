"""Pictures sorted into folders, a folder per class."""

import os
from collections.abc import Mapping
from pathlib import Path

from framecast._dataset_types import Annotation, Category, Subset
from framecast.errors import InvalidArgumentError, NotFoundError
from framecast.importers.labelled_set import LabelledPicture, LabelledSet

PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff"})


def read_class_folders(folders: Mapping[Subset, Path]) -> LabelledSet:
    """Reads `<folder>/<class>/**/<picture>` for each subset.

    The classes are the folders' names in alphabetical order, counted from 0. Files that are no pictures by their
    name are left out with a warning. Raises InvalidArgumentError where there is no class with a picture in it.
    """
    warnings: list[str] = []
    found: list[tuple[Subset, str, Path, Path]] = []
    for subset, folder in folders.items():
        if not folder.is_dir():
            raise NotFoundError(f"{folder}: there is no such folder", reason="FOLDER_MISSING", folder=folder)
        ignored = 0
        for class_folder in class_folders(folder):
            for path in sorted(path for path in class_folder.rglob("*") if path.is_file()):
                if is_picture(path):
                    found.append((subset, class_folder.name, path, folder))
                elif not path.name.startswith("."):
                    ignored += 1
        if ignored:
            warnings.append(f"{folder}: {ignored} {'file is' if ignored == 1 else 'files are'} no picture: left out")
    if not found:
        listed = ", ".join(str(folder) for folder in folders.values())
        raise InvalidArgumentError(
            f"{listed}: no pictures found; put them into one folder per class", reason="CLASS_FOLDERS_EMPTY"
        )
    names = sorted({name for _, name, _, _ in found})
    ids = {name: index for index, name in enumerate(names)}
    trained = {name for subset, name, _, _ in found if subset is Subset.TRAIN}
    unseen = [name for name in names if trained and name not in trained]
    if unseen:
        warnings.append(f"no training picture for {', '.join(unseen)}")
    root = Path(os.path.commonpath([folder.absolute() for folder in folders.values()]))
    pictures = tuple(
        LabelledPicture(path, path.absolute().relative_to(root).as_posix(), subset, (Annotation(ids[name]),))
        for subset, name, path, _ in found
    )
    return LabelledSet(tuple(Category(ids[name], name) for name in names), pictures, tuple(warnings))


def class_folders(folder: Path) -> list[Path]:
    """The folders within a folder, hidden ones left out, in alphabetical order."""
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def is_picture(path: Path) -> bool:
    """Whether a file's name says that it is a picture."""
    return path.suffix.lower() in PICTURE_SUFFIXES and not path.name.startswith(".")
