"""A picture on its way through a model: as many views as its settings ask for, each with a place in a batch."""

from collections.abc import Sequence
from dataclasses import dataclass

from framecast_bundle.picture import Image, Picture, rgb_of
from framecast_bundle.placement import Placement
from framecast_bundle.prediction import Prediction
from framecast_bundle.settings import Settings
from framecast_bundle.view_merge import merge_views
from framecast_bundle.views import View, view_settings, views_of
from framecast_inference.batching.batcher import BatchStream, Pending
from framecast_inference.debug_picture import DebugPicture, draw_debug_picture
from framecast_inference.loaded_model import LoadedModel
from framecast_inference.picture_watch import PictureWatch, now


@dataclass(frozen=True, eq=False)
class Look:
    """What is to come of a picture."""

    index: int
    model: LoadedModel
    settings: Settings
    views: Sequence[View]
    pending: Sequence[Pending]
    """One for each view."""
    shown: tuple[Image, Placement] | None
    """What the network sees of the whole picture, where it is asked for."""

    def result(self, watch: PictureWatch) -> tuple[Prediction, DebugPicture | None]:
        """Waits for the prediction. Raises what `Pending.result` raises."""
        seen = []
        for pending in self.pending:
            seen.append(pending.result())
            watch.predicted(self.index, pending)
        prediction = merge_views(seen, self.views, self.settings, self.model.manifest)
        if self.shown is None:
            return prediction, None
        picture, placement = self.shown
        return prediction, draw_debug_picture(picture, placement, prediction, self.model.manifest.categories)


def look_at(
    image: Picture, index: int, model: LoadedModel, stream: BatchStream, settings: Settings, watch: PictureWatch
) -> Look:
    """Puts the views of a picture into batches, one after the other, as places become free.

    Raises InvalidArgumentError for a picture that takes too many windows, before any is looked at; what
    `BatchStream.place` raises.
    """
    views = views_of(image.shape[1], image.shape[0], settings, model.manifest)
    asked = view_settings(settings, views)
    pending: list[Pending] = []
    shown = None
    # The whole of a video's frame comes from its decoder's planes; it becomes RGB once for all other views.
    sources = [image, *([rgb_of(image)] * (len(views) - 1) if len(views) > 1 else [])]
    for view, source in zip(views, sources, strict=True):
        picture = view.picture_of(source)
        placement = view.shrink(model.runner.place(picture), model.manifest.input)
        with stream.place(placement.tensor_height, placement.tensor_width) as place:
            start = now()
            model.runner.fill(picture, placement, place.tensor)
            if settings.debug_picture and shown is None:
                shown = model.runner.picture(place.tensor), placement
            watch.prepared(index, start)
            pending.append(place.commit(placement, asked))
    return Look(index, model, settings, views, pending, shown)
