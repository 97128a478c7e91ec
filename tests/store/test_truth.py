"""Ground truth of recordings is stored beside a dataset."""

from pathlib import Path

from store.objects import open_store
from store.truth import Known, Truth, read_truth, write_truth


def test_ground_truth_is_sorted_and_replaced(tmp_path: Path) -> None:
    store = open_store(str(tmp_path))
    assert read_truth(store, "show") == []
    rows = [Truth("b.wav", 1.0, 2.0, "화남"), Truth("a.wav", 3.0, 4.0, ""), Truth("a.wav", 0.0, 3.0, "calm")]
    write_truth(store, "show", rows)
    assert read_truth(store, "show") == [rows[2], rows[1], rows[0]]
    write_truth(store, "show", rows[:1])
    assert read_truth(store, "show") == rows[:1] and read_truth(store, "other") == []


def test_the_true_tone_of_a_clip_covers_most_of_it_and_at_least_half() -> None:
    known = Known([Truth("a.wav", 0.0, 4.0, "calm"), Truth("a.wav", 4.0, 5.0, "angry"), Truth("https://x/b.wav", 0.0, 9.0, "sad")])
    assert known.tone("file:/folder/a.wav", 2.0, 5.0) == "calm"  # by the file name
    assert known.tone("a.wav", 3.5, 5.0) == "angry"
    assert known.tone("a.wav", 4.5, 6.0) == ""  # a third of it
    assert known.tone("https://x/b.wav", 1.0, 2.0) == "sad" and known.tone("https://y/c.wav", 1.0, 2.0) == ""
