"""The catalogue that the service reads without torch, against the networks that are there."""

from framecast_trainer.convert import TASKS
from framecast_trainer.learning.architectures import ARCHITECTURES
from framecast_trainer.library import LIBRARY


def test_the_catalogue_and_the_learner_agree() -> None:
    entries = {
        entry.id: entry for entry in (ARCHITECTURES.values() if isinstance(ARCHITECTURES, dict) else ARCHITECTURES)
    }
    assert set(entries) == set(LIBRARY)
    for name, ours in LIBRARY.items():
        theirs = entries[name]
        assert (TASKS[ours.task], ours.license, ours.backbones) == (theirs.task, theirs.license, theirs.backbones), name
        assert ours.description == theirs.description
        assert ours.size_multiple == theirs.size_multiple
        for backbone in ("", *ours.backbones):
            assert vars(ours.defaults_for(backbone)) == vars(theirs.defaults_for(backbone)), (name, backbone)
