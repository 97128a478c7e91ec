"""The network is the pinned one, and hears sounds that are easy to make."""

import io
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

from components.shared.events import BOUNDS
from components.shared.task import StageError
from components.tag_events.classes import EVENTS, NOT_ELSE, likeliest, of_events
from components.tag_events.mel import patches
from components.tag_events.network import CLASSES, FOLDER, NETWORK, Network, load_network, member
from tests.components.tag_events.sounds import chords, dial_tone


@pytest.fixture(scope="module")
def network() -> Network:
    return load_network(1)


def heard(network: Network, sound: np.ndarray) -> dict[str, float]:
    found = network.probabilities(np.concatenate(list(patches([sound.astype(np.float32)], 48, 64)))).max(axis=0)
    return dict(zip(network.classes, found.tolist(), strict=True))


def test_it_hears_a_telephone_music_noise_and_silence(network: Network) -> None:
    tone, music = heard(network, dial_tone(4, 16_000)), heard(network, chords(4, 16_000))
    assert tone["Dial tone"] > 0.8 and tone["Music"] < 0.5
    assert music["Music"] > 0.8 and music["Dial tone"] < 0.5
    noise = heard(network, np.random.default_rng(0).normal(0, 0.1, 64_000))
    assert noise["White noise"] > 0.5 and max(noise["Music"], noise["Dial tone"], noise["Speech"]) < 0.1
    assert heard(network, np.zeros(64_000))["Silence"] > 0.9


def test_a_patch_is_heard_alike_alone_and_among_others_on_any_number_of_threads(network: Network) -> None:
    batch = np.concatenate(list(patches([np.concatenate([dial_tone(4, 16_000), chords(4, 16_000)]).astype(np.float32)], 24, 64)))
    alone = np.concatenate([network.probabilities(patch[None]) for patch in batch])
    np.testing.assert_allclose(network.probabilities(batch), alone, atol=1e-5)
    np.testing.assert_array_equal(load_network(3).probabilities(batch), network.probabilities(batch))


def test_every_class_of_an_event_is_one_of_the_network(network: Network) -> None:
    assert len(network.classes) == 521
    assert {name for own in EVENTS.values() for name in own} | set(NOT_ELSE) <= set(network.classes)
    assert [*EVENTS] == [*BOUNDS]


def test_an_event_is_as_probable_as_its_likeliest_class(network: Network) -> None:
    found = np.zeros((2, 521), np.float32)
    found[0, network.classes.index("Giggle")] = 0.7
    found[0, network.classes.index("Laughter")] = 0.4
    found[1, network.classes.index("Cheering")] = 0.3
    first, second = (dict(zip(EVENTS, row.tolist(), strict=True)) for row in of_events(found, network.classes))
    assert {name: p for name, p in first.items() if p} == {"laughter": pytest.approx(0.7)}
    assert {name: p for name, p in second.items() if p} == {"crowd": pytest.approx(0.3)}


def test_the_likeliest_classes_leave_out_speech_silence_and_what_is_hardly_heard() -> None:
    classes = ["Speech", "Silence", "Dog", "Rain", "Bell", "Cat"]
    found = np.array([0.9, 0.8, 0.2, 0.3, 0.005, 0.1], np.float32)
    assert [name for name, _ in likeliest(found, classes, 2)] == ["Rain", "Dog"]
    assert [name for name, _ in likeliest(found, classes, 9)] == ["Rain", "Dog", "Cat"]


@pytest.mark.parametrize("name", [NETWORK, CLASSES])
def test_another_file_is_refused(name: str, tmp_path: Path) -> None:
    for file in (NETWORK, CLASSES):
        shutil.copy(FOLDER / file, tmp_path)
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes() + b" ")
    with pytest.raises(StageError, match=f"expected the network {name} with sha256 .*install this stage again"):
        load_network(1, tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(StageError, match=f"{name} .*found none"):
        load_network(1, tmp_path)


def test_an_archive_without_the_file_or_with_a_huge_one_is_refused() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("folder/small", b"1")
        archive.writestr("folder/huge", bytes((1 << 25) + 1))
    assert member(file.getvalue(), "small") == b"1"
    for name in ("huge", "none"):
        with pytest.raises(ValueError, match=f"expected one {name}"):
            member(file.getvalue(), name)
