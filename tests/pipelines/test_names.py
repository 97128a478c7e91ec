"""Names of the results of `speechmill stage`."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.local.names import audio_names, result_names

SUFFIXES = (".flac", ".wav", ".mp3")
TABLES = (".csv", ".TextGrid")
STEMS = st.text(st.sampled_from("ab.가각🎙é"), min_size=1, max_size=90).filter(lambda s: not s.startswith("."))
NAMES = st.builds(lambda stem, ending: stem + ending, STEMS, st.sampled_from([".mp3", ".wav", ".flac", ".3ga", "", ".csv"]))
SOURCES = st.lists(st.builds(Path, st.sampled_from(["", "below"]), NAMES), unique=True, min_size=1, max_size=12)


def legal(name: str) -> bool:
    return len(name.encode()) <= 255


@given(SOURCES.map(lambda paths: [p for p in paths if legal(p.name)]))
def test_results_have_names_of_their_own_that_a_disk_takes(sources):
    tables = [base.with_name(base.name + ending) for base in result_names(sources, TABLES, 255).values() for ending in TABLES]
    sounds = [path for paths in audio_names(sources, SUFFIXES, ["accompaniment"], 255).values() for path in paths]
    for found in (tables, sounds):
        assert len(set(found)) == len(found) == 2 * len(sources)
        assert all(legal(path.name) for path in found)
    assert {path.parent for path in (*tables, *sounds)} <= {source.parent for source in sources}


@given(SOURCES.map(lambda paths: [p for p in paths if legal(p.name)]), st.randoms())
def test_names_do_not_depend_on_the_order(sources, random):
    mixed = list(sources)
    random.shuffle(mixed)
    assert result_names(sources, TABLES, 255) == result_names(mixed, TABLES, 255)
    assert audio_names(sources, SUFFIXES, ["x"], 255) == audio_names(mixed, SUFFIXES, ["x"], 255)


def test_short_names_stay_as_people_know_them():
    sources = [Path(name) for name in ("a.mp3", "b.mp3", "b.wav", "below/c.3ga", "voice")]
    assert [str(base) for base in result_names(sources, TABLES, 255).values()] == ["a", "b.mp3", "b.wav", "below/c", "voice"]
    sounds = audio_names(sources, SUFFIXES, ["accompaniment"], 255)
    assert [str(path) for source in sources for path in sounds[source]] == [
        *("a.mp3", "a.accompaniment.mp3", "b.mp3", "b.accompaniment.mp3", "b.wav", "b.accompaniment.wav"),
        *("below/c.3ga.flac", "below/c.3ga.accompaniment.flac", "voice.flac", "voice.accompaniment.flac"),
    ]


def test_a_file_that_has_the_name_of_another_s_result_keeps_it():
    sources = [Path(name) for name in ("voice", "voice.flac", "a.wav", "a.accompaniment.wav")]
    sounds = audio_names(sources, SUFFIXES, ["accompaniment"], 255)
    assert [sounds[source][0] for source in sources[1:]] == sources[1:]
    assert sounds[Path("voice")][0].name.startswith("voice~") and sounds[Path("a.wav")][1].name.startswith("a~")
    tables = result_names([Path(name) for name in ("a.mp3", "a.wav", "a.mp3.wav")], TABLES, 255)
    assert len(set(tables.values())) == 3


@pytest.mark.parametrize("letters", [81, 82, 83])
def test_a_long_name_is_cut_between_letters_and_marked(letters):
    source = Path("가" * letters + ".mp3")
    base = result_names([source], TABLES, 255)[source].name
    assert base == "가" * letters if letters * 3 + len(".TextGrid") <= 255 else base.partition("~")[0] in ("가" * 79, "가" * 78)
    assert len((base + ".TextGrid").encode()) <= 255
    assert audio_names([source], SUFFIXES, [], 255)[source] == [source]
