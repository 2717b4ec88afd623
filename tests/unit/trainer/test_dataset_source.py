import numpy as np

from framecast.v1 import annotation_pb2, geometry_pb2
from framecast_trainer.dataset_source import annotation_of

Annotation = annotation_pb2.Annotation


def test_a_label_of_the_whole_picture_has_no_box() -> None:
    label = annotation_of(Annotation(category_id=7), 1)
    assert (label.category_index, label.box, label.has_mask) == (1, None, False)


def test_boxes_polygons_and_facts_come_through() -> None:
    message = Annotation(crowd=True, area=12.5)
    message.box.CopyFrom(geometry_pb2.BoundingBox(x_min=1, y_min=2, x_max=3, y_max=4))
    part = message.polygon_set.polygons.add()
    part.exterior.coordinates.extend([0, 0, 9, 0, 9, 9])
    part.holes.add().coordinates.extend([1, 1, 2, 1, 2, 2])
    result = annotation_of(message, 0)
    assert (result.box, result.crowd, result.area) == ((1, 2, 3, 4), True, 12.5)
    assert result.polygons is not None
    assert [ring.shape for ring in result.polygons[0]] == [(3, 2), (3, 2)]
    np.testing.assert_array_equal(result.polygons[0][1], [[1, 1], [2, 1], [2, 2]])


def test_a_mask_without_a_box_gets_its_bounds() -> None:
    polygons = Annotation()
    for shift in (0, 10):
        ring = [1 + shift, 2, 4 + shift, 2, 4 + shift, 6]
        polygons.polygon_set.polygons.add().exterior.coordinates.extend(ring)
    assert annotation_of(polygons, 0).box == (1, 2, 14, 6)
    # Columns of 4: pixels (x 1, y 2..3) and (x 2, y 0).
    runs = Annotation(run_length=geometry_pb2.RunLengthMask(height=4, width=3, counts=[6, 3, 3]))
    assert annotation_of(runs, 0).box == (1, 0, 3, 4)
    empty = Annotation(run_length=geometry_pb2.RunLengthMask(height=4, width=3, counts=[12]))
    assert annotation_of(empty, 0).box is None
