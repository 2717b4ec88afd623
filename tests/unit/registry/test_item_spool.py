"""Items on disk come back as they went in."""

import pytest

from framecast_registry import item_spool
from framecast_registry.domain import DatasetItem, Subset
from framecast_registry.item_spool import BATCH_ITEMS, ItemSpool


@pytest.mark.parametrize("count", [0, 1, BATCH_ITEMS - 1, BATCH_ITEMS, BATCH_ITEMS + 1, 2 * BATCH_ITEMS + 8])
def test_items_come_back_in_order(count, monkeypatch):
    monkeypatch.setattr(item_spool, "_MEMORY_BYTES", 1000)
    items = [DatasetItem(i, f"{i:064x}", f"{i}.jpg", Subset.TEST, i, 0, b"\x00" * (i % 7)) for i in range(count)]
    with ItemSpool() as spool:
        for item in items:
            spool.append(item)
        batches = list(spool.batches())
    assert [item for batch in batches for item in batch] == items
    assert all(0 < len(batch) <= BATCH_ITEMS for batch in batches)
