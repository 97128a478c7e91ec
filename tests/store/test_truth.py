"""Ground truth of recordings is stored beside a dataset."""

from pathlib import Path

from store.objects import open_store
from store.truth import Truth, read_truth, write_truth


def test_ground_truth_is_sorted_and_replaced(tmp_path: Path) -> None:
    store = open_store(str(tmp_path))
    assert read_truth(store, "show") == []
    rows = [Truth("b.wav", 1.0, 2.0, "화남"), Truth("a.wav", 3.0, 4.0, ""), Truth("a.wav", 0.0, 3.0, "calm")]
    write_truth(store, "show", rows)
    assert read_truth(store, "show") == [rows[2], rows[1], rows[0]]
    write_truth(store, "show", rows[:1])
    assert read_truth(store, "show") == rows[:1] and read_truth(store, "other") == []
