"""The table of a dataset's speakers keeps speakers that have no clips left."""

from dataclasses import replace

from components.shared.rows import Vector
from store.objects import open_store
from store.speakers import DatasetSpeaker, SpeakerStore


def speaker(number: int, clips: int = 3, share: float = 0.5) -> DatasetSpeaker:
    return DatasetSpeaker(f"s{number:04d}", Vector(bytes([number] * 8)), clips, 2.0 * clips, share, 1, f"name-{number}")


def test_a_speaker_without_clips_keeps_its_vector(uri: str) -> None:
    speakers = SpeakerStore(open_store(uri), "show")
    assert speakers.rows() == []
    speakers.write(lambda: [speaker(2), speaker(1)])
    assert speakers.rows() == [speaker(1), speaker(2)]
    speakers.write(lambda: [replace(speaker(1), clips=9), speaker(3)])
    gone = replace(speaker(2), clips=0, speech_seconds=0.0, share=0.0, name="")
    assert speakers.rows() == [replace(speaker(1), clips=9), gone, speaker(3)]
    speakers.write(lambda: [speaker(2)])
    assert [s.clips for s in speakers.rows()] == [0, 3, 0]


def test_unchanged_speakers_make_no_commit(uri: str) -> None:
    store = open_store(uri)
    speakers = SpeakerStore(store, "show")
    speakers.write(lambda: [speaker(1)])
    keys = list(store.keys("datasets/show/speakers/"))
    speakers.write(lambda: [speaker(1)])
    assert list(store.keys("datasets/show/speakers/")) == keys
