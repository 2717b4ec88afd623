"""What an annotation must be to enter a dataset version."""

import math
from collections.abc import Sequence
from dataclasses import replace

from framecast.errors import InvalidArgumentError
from framecast_registry.annotation import Annotation, Box, Keypoint, Polygon, RunLength
from framecast_registry.domain import Asset, Category
from framecast_registry.text_limits import NAME_BYTES, check_text


def check_categories(categories: Sequence[Category]) -> dict[int, Category]:
    """The categories by id. Raises InvalidArgumentError where ids or names are unfit or not unique."""
    by_id: dict[int, Category] = {}
    names: dict[str, int] = {}
    for index, category in enumerate(categories):
        field = f"dataset_version.categories[{index}]"
        if category.category_id < 0:
            raise _fault(f"{field}: id must not be negative, got {category.category_id}", "CATEGORY_INVALID", field)
        if not category.name:
            raise _fault(f"{field}: name must not be empty", "CATEGORY_INVALID", field)
        check_text(category.name, NAME_BYTES, field=f"{field}.name")
        check_text(category.supercategory, NAME_BYTES, field=f"{field}.supercategory")
        for position, keypoint in enumerate(category.keypoints):
            check_text(keypoint, NAME_BYTES, field=f"{field}.keypoints[{position}]")
        if category.category_id in by_id:
            raise _fault(f"{field}: id {category.category_id} is used twice", "CATEGORY_DUPLICATE", field)
        if category.name in names:
            raise _fault(f"{field}: name {category.name!r} is used twice", "CATEGORY_DUPLICATE", field)
        by_id[category.category_id] = category
        names[category.name] = category.category_id
    return by_id


class AnnotationRules:
    """Checks the annotations of one asset; `where` and `file` name it in errors."""

    def __init__(self, categories: dict[int, Category], asset: Asset, *, where: str, file: str) -> None:
        self._categories = categories
        self._width = asset.properties.width
        self._height = asset.properties.height
        self._where = where
        self._file = file

    def check(self, index: int, annotation: Annotation) -> Annotation:
        """The annotation as it is kept: its box clipped to the picture. Raises InvalidArgumentError."""
        field = f"{self._where}.annotations[{index}]"
        category = self._categories.get(annotation.category_id)
        if category is None:
            raise self._fault(
                field,
                f"category {annotation.category_id} is not among the version's categories; add it there",
                "CATEGORY_UNKNOWN",
                category_id=annotation.category_id,
            )
        for polygon_index, polygon in enumerate(annotation.polygons):
            self._check_polygon(f"{field}.polygon_set.polygons[{polygon_index}]", polygon)
        if annotation.run_length is not None:
            self._check_run_length(f"{field}.run_length", annotation.run_length)
        if annotation.keypoints:
            self._check_keypoints(f"{field}.keypoints", annotation.keypoints, category)
        if annotation.area is not None and not (math.isfinite(annotation.area) and annotation.area >= 0):
            raise self._fault(f"{field}.area", f"area must be at least 0, got {annotation.area}", "AREA_INVALID")
        if annotation.box is None:
            return annotation
        clipped = self._clip(f"{field}.box", annotation.box)
        return annotation if clipped == annotation.box else replace(annotation, box=clipped)

    def _clip(self, field: str, box: Box) -> Box:
        corners = (box.x_min, box.y_min, box.x_max, box.y_max)
        if not all(map(math.isfinite, corners)):
            raise self._fault(field, f"a box must have finite coordinates, got {corners}", "BOX_INVALID")
        if box.x_max <= box.x_min or box.y_max <= box.y_min:
            raise self._fault(field, f"a box must have a positive width and height, got {corners}", "BOX_INVALID")
        clipped = Box(
            max(box.x_min, 0.0),
            max(box.y_min, 0.0),
            min(box.x_max, float(self._width)),
            min(box.y_max, float(self._height)),
        )
        if clipped.x_max <= clipped.x_min or clipped.y_max <= clipped.y_min:
            raise self._fault(
                field,
                f"the box {corners} lies outside the picture of {self._width} x {self._height} pixels",
                "BOX_OUTSIDE_IMAGE",
                width=self._width,
                height=self._height,
            )
        return clipped

    def _check_polygon(self, field: str, polygon: Polygon) -> None:
        for ring in (polygon.exterior, *polygon.holes):
            if len(ring) % 2:
                raise self._fault(field, f"a ring needs x and y of each point, got {len(ring)} numbers", "RING_INVALID")
            if len(ring) < 6:
                raise self._fault(field, f"a ring needs at least 3 points, got {len(ring) // 2}", "RING_INVALID")
            if not all(map(math.isfinite, ring)):
                raise self._fault(field, "a ring must have finite coordinates", "RING_INVALID")

    def _check_run_length(self, field: str, mask: RunLength) -> None:
        if (mask.width, mask.height) != (self._width, self._height):
            raise self._fault(
                field,
                f"the mask measures {mask.width} x {mask.height}, the picture {self._width} x {self._height}",
                "MASK_SIZE_MISMATCH",
                width=self._width,
                height=self._height,
            )
        total = sum(mask.counts)
        if total != mask.width * mask.height:
            raise self._fault(
                field, f"the runs sum to {total}, not to height * width = {mask.width * mask.height}", "MASK_INVALID"
            )

    def _check_keypoints(self, field: str, keypoints: Sequence[Keypoint], category: Category) -> None:
        if len(keypoints) != len(category.keypoints):
            raise self._fault(
                field,
                f"category {category.name!r} has {len(category.keypoints)} keypoints, got {len(keypoints)}",
                "KEYPOINTS_INVALID",
            )
        if not all(math.isfinite(point.x) and math.isfinite(point.y) for point in keypoints):
            raise self._fault(field, "keypoints must have finite coordinates", "KEYPOINTS_INVALID")

    def _fault(self, field: str, text: str, reason: str, **metadata: object) -> InvalidArgumentError:
        return _fault(f"{self._file}: {field}: {text}", reason, field, file=self._file, **metadata)


def _fault(message: str, reason: str, field: str, **metadata: object) -> InvalidArgumentError:
    return InvalidArgumentError(message, reason=reason, field=field, **metadata)
