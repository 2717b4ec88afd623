"""The queue between two stages."""

import threading

import pytest

from framecast_inference.channel import Cancelled, Channel, Finished


def fits(channel: Channel[int], item: int) -> bool:
    """Whether an item can be put without waiting for somebody to take one."""
    done = threading.Event()

    def put() -> None:
        channel.put(item)
        done.set()

    threading.Thread(target=put, daemon=True).start()
    return done.wait(0.2)


def test_items_come_in_order_and_the_end_behind_them() -> None:
    channel: Channel[int] = Channel(5)
    for item in range(5):
        channel.put(item)
    channel.finish()
    assert channel.get() == 0
    assert [channel.get() for _ in range(4)] == [1, 2, 3, 4]
    with pytest.raises(Finished):
        channel.get()


def test_an_error_comes_behind_the_last_item() -> None:
    channel: Channel[int] = Channel(5)
    channel.put(1)
    channel.finish(KeyError("broken"))
    assert channel.get() == 1
    with pytest.raises(KeyError):
        channel.get()


def test_capacity_bounds_the_count() -> None:
    channel: Channel[int] = Channel(2)
    assert fits(channel, 1)
    assert fits(channel, 2)
    assert not fits(channel, 3)
    assert channel.get() == 1


def test_cancelling_wakes_both_ends_and_drops_the_items() -> None:
    channel: Channel[int] = Channel(1)
    channel.put(1)
    ended: list[str] = []

    def wait() -> None:
        try:
            channel.put(2)
        except Cancelled:
            ended.append("put")

    waiting = threading.Thread(target=wait)
    waiting.start()
    channel.cancel()
    waiting.join(10)
    assert ended == ["put"]
    with pytest.raises(Cancelled):
        channel.get()
