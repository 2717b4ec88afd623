"""The catalogue that the service reads without torch, against the networks that are there."""

import pytest

from framecast.errors import UnimplementedError
from framecast_trainer import library
from framecast_trainer.learning.architectures import ARCHITECTURES
from framecast_trainer.learning.architectures import SERVED_ONLY as NETWORKS_SERVED_ONLY
from framecast_trainer.library import LIBRARY
from framecast_trainer.wire_values import TASKS


def test_the_catalogue_and_the_learner_agree() -> None:
    assert set(ARCHITECTURES) == set(LIBRARY)
    for name, ours in LIBRARY.items():
        theirs = ARCHITECTURES[name]
        assert (TASKS[ours.task], ours.license, ours.backbones) == (theirs.task, theirs.license, theirs.backbones), name
        assert ours.description == theirs.description
        assert (ours.size_multiple, ours.pretrained) == (theirs.size_multiple, theirs.pretrained), name
        for backbone in ("", *ours.backbones):
            assert vars(ours.defaults_for(backbone)) == vars(theirs.defaults_for(backbone)), (name, backbone)


def test_networks_that_are_only_served_are_known_and_refused() -> None:
    assert set(library.SERVED_ONLY) == set(NETWORKS_SERVED_ONLY)
    for name in library.SERVED_ONLY:
        with pytest.raises(UnimplementedError) as refused:
            library.find_architecture(name)
        assert refused.value.reason == "TRAINING_NOT_SUPPORTED"
