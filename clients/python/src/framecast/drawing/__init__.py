"""Predictions made visible: boxes, polygons with holes and labels, on pictures and videos."""

from framecast.drawing.palette import color_of
from framecast.drawing.picture import draw_prediction
from framecast.drawing.video import draw_video

__all__ = ["color_of", "draw_prediction", "draw_video"]
