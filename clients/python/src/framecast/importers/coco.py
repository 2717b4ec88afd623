"""COCO annotation files: boxes, polygons, run-length masks, crowds, keypoints.

Everything is checked while it is read. An error names the file and the annotation or image at fault.
"""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, NoReturn

from PIL import Image, UnidentifiedImageError

from framecast._dataset_types import Annotation, Category, Keypoint, Subset, Visibility
from framecast.errors import InvalidArgumentError, NotFoundError
from framecast.importers.coco_shape import CocoShapeError, clip_box, read_shape
from framecast.importers.labelled_set import LabelledPicture, LabelledSet


@dataclass(frozen=True)
class CocoSource:
    """An annotation file, and where its pictures may be."""

    path: Path
    images: tuple[Path, ...]
    """Folders to look into, best first."""


def read_coco(files: Mapping[Subset, Sequence[CocoSource]]) -> LabelledSet:
    """Reads COCO files, each for its subset.

    Categories keep their ids, sparse as they may be. Pictures without annotations are kept. Boxes that reach over
    the edge of their picture are cut there and counted. Raises InvalidArgumentError or NotFoundError, with reasons
    such as `COCO_JSON_INVALID`, `COCO_CATEGORY_UNKNOWN`, `COCO_IMAGE_UNKNOWN`, `IMAGE_FILE_MISSING`.
    """
    categories: dict[int, Category] = {}
    pictures: list[LabelledPicture] = []
    clipped = 0
    for subset, sources in files.items():
        for source in sources:
            document = _CocoFile(source.path, source.images)
            _merge(categories, document.read_categories(), source.path)
            pictures += document.read_pictures(subset)
            clipped += document.clipped_boxes
    warnings = []
    if clipped:
        warnings.append(f"{clipped} {'box reaches' if clipped == 1 else 'boxes reach'} over the edge: cut there")
    return LabelledSet(tuple(categories.values()), tuple(pictures), tuple(warnings), clipped)


def _merge(known: dict[int, Category], more: Iterable[Category], path: Path) -> None:
    for category in more:
        if category.id in known and known[category.id].name != category.name:
            raise InvalidArgumentError(
                f"{path}: category {category.id} is {category.name!r}, but another file of this import calls it"
                f" {known[category.id].name!r}; give both files the same categories",
                reason="COCO_CATEGORY_CONFLICT",
                file=path,
                category_id=category.id,
            )
        known.setdefault(category.id, category)


@dataclass
class _CocoFile:
    """One file, read in order: categories, images, annotations."""

    path: Path
    image_folders: tuple[Path, ...]
    clipped_boxes: int = 0
    _document: dict[str, Any] = field(init=False)
    _categories: dict[int, Category] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._document = _load(self.path)

    def read_categories(self) -> list[Category]:
        names: set[str] = set()
        for entry in self._list("categories"):
            category_id = self._id(entry, "id", "category")
            name = entry.get("name")
            if not isinstance(name, str) or not name:
                self._fail("COCO_CATEGORY_INVALID", f"category {category_id} has no name", category_id=category_id)
            if category_id in self._categories or name in names:
                what = f"category id {category_id}" if category_id in self._categories else f"category {name!r}"
                self._fail("COCO_CATEGORY_DUPLICATE", f"{what} is listed twice", category_id=category_id)
            names.add(name)
            self._categories[category_id] = Category(
                category_id,
                name,
                str(entry.get("supercategory") or ""),
                tuple(str(keypoint) for keypoint in entry.get("keypoints") or ()),
            )
        return list(self._categories.values())

    def read_pictures(self, subset: Subset) -> list[LabelledPicture]:
        images: dict[int, tuple[dict[str, Any], Path, tuple[int, int]]] = {}
        for entry in self._list("images"):
            image_id = self._id(entry, "id", "image")
            if image_id in images:
                self._fail("COCO_IMAGE_DUPLICATE", f"image id {image_id} is listed twice", image_id=image_id)
            path = self._find(entry, image_id)
            images[image_id] = entry, path, self._size(entry, image_id, path)
        annotations: dict[int, list[Annotation]] = {image_id: [] for image_id in images}
        seen: set[int] = set()
        for entry in self._list("annotations"):
            source_id = self._id(entry, "id", "annotation")
            if source_id in seen:
                self._fail(
                    "COCO_ANNOTATION_DUPLICATE",
                    f"annotation id {source_id} is used twice; ids must be unique within a file",
                    annotation_id=source_id,
                )
            seen.add(source_id)
            image_id = self._id(entry, "image_id", f"annotation {source_id}")
            if image_id not in images:
                self._fail(
                    "COCO_IMAGE_UNKNOWN",
                    f"annotation {source_id} is on image {image_id}, which `images` does not list",
                    annotation_id=source_id,
                    image_id=image_id,
                )
            annotations[image_id].append(self._annotation(entry, source_id, images[image_id][2]))
        return [
            LabelledPicture(
                path, str(entry["file_name"]), subset, tuple(annotations[image_id]), image_id, size, self.path
            )
            for image_id, (entry, path, size) in images.items()
        ]

    def _annotation(self, entry: dict[str, Any], source_id: int, size: tuple[int, int]) -> Annotation:
        category_id = self._id(entry, "category_id", f"annotation {source_id}")
        if category_id not in self._categories:
            self._fail(
                "COCO_CATEGORY_UNKNOWN",
                f"annotation {source_id} has category {category_id}, which `categories` does not list",
                annotation_id=source_id,
                category_id=category_id,
            )
        try:
            shape = read_shape(entry.get("segmentation"), size)
            box, clipped = clip_box(entry.get("bbox"), shape, size)
        except CocoShapeError as error:
            self._fail(error.reason, f"annotation {source_id}: {error.message}", annotation_id=source_id)
        self.clipped_boxes += clipped
        area = entry.get("area")
        return Annotation(
            category_id=category_id,
            box=box,
            polygons=shape.polygons,
            mask=shape.mask,
            keypoints=self._keypoints(entry, source_id, self._categories[category_id]),
            crowd=bool(entry.get("iscrowd", 0)),
            area=float(area) if isinstance(area, int | float) and math.isfinite(area) else None,
            source_id=source_id,
        )

    def _keypoints(self, entry: dict[str, Any], source_id: int, category: Category) -> tuple[Keypoint, ...]:
        values = entry.get("keypoints")
        if not values:
            return ()
        if not isinstance(values, list):
            values = [values]
        expected = len(category.keypoints) or len(values) // 3
        if not _numbers(values) or len(values) != 3 * expected or any(v not in (0, 1, 2) for v in values[2::3]):
            self._fail(
                "COCO_KEYPOINTS_INVALID",
                f"annotation {source_id} must have x, y, v for each of the {expected} keypoints of"
                f" {category.name!r}, with v 0, 1 or 2",
                annotation_id=source_id,
            )
        triples = zip(values[0::3], values[1::3], values[2::3], strict=True)
        return tuple(Keypoint(float(x), float(y), Visibility(int(v))) for x, y, v in triples)

    def _find(self, entry: dict[str, Any], image_id: int) -> Path:
        name = entry.get("file_name")
        if not isinstance(name, str) or not name:
            self._fail("COCO_IMAGE_INVALID", f"image {image_id} has no file_name", image_id=image_id)
        relative = PurePosixPath(name.replace("\\", "/"))
        if relative.is_absolute() or ".." in relative.parts:
            self._fail(
                "COCO_FILE_NAME_OUTSIDE",
                f"image {image_id}: file_name {name!r} must be relative to the images folder and stay within it",
                image_id=image_id,
                file_name=name,
            )
        for folder in self.image_folders:
            if (folder / relative).is_file():
                return folder / relative
        looked = ", ".join(str(folder) for folder in self.image_folders)
        raise NotFoundError(
            f"{self.path}: image {image_id}: there is no file {name!r} in {looked}; say where the pictures are with"
            " images= (--images FOLDER)",
            reason="IMAGE_FILE_MISSING",
            file=self.path,
            image_id=image_id,
            file_name=name,
        )

    def _size(self, entry: dict[str, Any], image_id: int, path: Path) -> tuple[int, int]:
        width, height = entry.get("width"), entry.get("height")
        if isinstance(width, int) and isinstance(height, int) and width > 0 and height > 0:
            return width, height
        if width or height:
            self._fail(
                "COCO_IMAGE_INVALID", f"image {image_id}: width and height must be whole pixels", image_id=image_id
            )
        try:
            with Image.open(path) as picture:  # reads the header only
                return picture.size
        except (UnidentifiedImageError, OSError, Image.DecompressionBombError) as error:
            raise InvalidArgumentError(
                f"{path}: this is not a picture that can be read", reason="IMAGE_UNREADABLE", file=path
            ) from error

    def _list(self, key: str) -> list[dict[str, Any]]:
        value = self._document.get(key)
        if key == "annotations" and value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
            self._fail("COCO_LAYOUT_INVALID", f"`{key}` must be a list of objects", key=key)
        return value

    def _id(self, entry: dict[str, Any], key: str, what: str) -> int:
        value = entry.get(key)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            self._fail("COCO_ID_INVALID", f"{what}: `{key}` must be a whole number of at least 0, got {value!r}")
        return value

    def _fail(self, reason: str, what: str, **metadata: str | int) -> NoReturn:
        raise InvalidArgumentError(f"{self.path}: {what}", reason=reason, field=None, file=self.path, **metadata)


def _load(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_bytes(), parse_constant=_refuse_constant)
    except FileNotFoundError:
        raise NotFoundError(f"{path}: there is no such file", reason="ANNOTATION_FILE_MISSING", file=path) from None
    except (ValueError, RecursionError) as error:
        raise InvalidArgumentError(
            f"{path}: this is not valid JSON ({error}); the file may be cut off", reason="COCO_JSON_INVALID", file=path
        ) from None
    if not isinstance(document, dict) or "images" not in document:
        raise InvalidArgumentError(
            f"{path}: this is not a COCO annotation file: it has no `images`",
            reason="COCO_LAYOUT_INVALID",
            file=path,
        )
    return document


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a number")


def _numbers(values: list[Any]) -> bool:
    return all(isinstance(value, int | float) for value in values)
