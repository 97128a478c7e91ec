"""Audio in and out: sample for sample, block by block, whatever the blocks, and nothing but the file that was named."""

import hashlib
import http.server
import io
import subprocess
import threading
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from components.shared.audio import FlacWriter, blocks, decode, ffmpeg, flac_bytes, from_pcm16, pcm_sha256, read, read_mono, to_pcm16

RATE = 44_100
EVERY_VALUE = np.arange(-32_768, 32_768).astype(np.int16)

recorded = st.integers(1, 2).flatmap(
    lambda channels: arrays.arrays(np.int16, st.tuples(st.integers(1, 3000), st.just(channels)), elements=st.integers(-32_768, 32_767))
)


def tone(path: Path, *arguments: str, hertz: int = 700, seconds: float = 3) -> Path:
    """A media file with a tone."""
    made = [ffmpeg(), "-v", "error", "-f", "lavfi", "-i", f"sine={hertz}:sample_rate={RATE}:duration={seconds}", *arguments, f"file:{path}"]
    subprocess.run(made, check=True)
    return path


def test_every_sample_value_survives_as_a_float() -> None:
    np.testing.assert_array_equal(to_pcm16(from_pcm16(EVERY_VALUE)), EVERY_VALUE)
    assert from_pcm16(EVERY_VALUE).dtype == np.float32


def test_what_is_too_loud_is_clipped() -> None:
    assert to_pcm16(np.array([-9.0, -1.0, 0.0, 1.0, 9.0])).tolist() == [-32_768, -32_768, 0, 32_767, 32_767]


@settings(max_examples=40, deadline=None)
@given(recorded, st.lists(st.integers(0, 3000), max_size=4), st.floats(0, 0.05), st.booleans())
def test_what_is_read_is_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, pcm: NDArray[np.int16], cuts: list[int], block_seconds: float, floats: bool
) -> None:
    """Whatever the blocks of either side, in floats or integers."""
    path = tmp_path_factory.mktemp("flac") / "audio" / "a.flac"
    with FlacWriter(path, pcm.shape[1]) as writer:
        for part in np.split(pcm, sorted(c for c in cuts if c < len(pcm))):
            writer.write(from_pcm16(part) if floats else part)
    assert writer.samples == len(pcm) == soundfile.info(path).frames
    np.testing.assert_array_equal(read(path, 0, len(pcm)), pcm)
    np.testing.assert_array_equal(to_pcm16(np.concatenate(list(blocks(path, block_seconds)))), pcm)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_any_stretch_can_be_read(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    path = tmp_path_factory.mktemp("flac") / "a.flac"
    with FlacWriter(path) as writer:
        writer.write(EVERY_VALUE)
    start = data.draw(st.integers(0, len(EVERY_VALUE)))
    stop = data.draw(st.integers(start, len(EVERY_VALUE)))
    np.testing.assert_array_equal(read(path, start, stop)[:, 0], EVERY_VALUE[start:stop])


@pytest.mark.parametrize(("start", "stop"), [(-1, 10), (5, 4), (0, 65_537)])
def test_frames_outside_the_recording_are_an_error(tmp_path: Path, start: int, stop: int) -> None:
    with FlacWriter(tmp_path / "a.flac") as writer:
        writer.write(EVERY_VALUE)
    with pytest.raises(ValueError, match=rf"expected frames within 0 to 65536 of a\.flac, found {start} to {stop}"):
        read(tmp_path / "a.flac", start, stop)


def test_channels_are_averaged_as_they_are_in_floats(tmp_path: Path) -> None:
    """For every sum of two samples."""
    pcm = np.stack([EVERY_VALUE[np.arange(131_071) // 2], EVERY_VALUE[np.arange(1, 131_072) // 2]], axis=1)
    with FlacWriter(tmp_path / "a.flac", 2) as writer:
        writer.write(pcm)
    found = read_mono(tmp_path / "a.flac", 0, len(pcm))
    np.testing.assert_array_equal(found, to_pcm16(from_pcm16(pcm).mean(axis=1)))
    np.testing.assert_array_equal(found, np.rint(pcm.sum(axis=1, dtype=np.int64) / 2))


def test_one_channel_is_read_unchanged(tmp_path: Path) -> None:
    (tmp_path / "a.flac").write_bytes(flac_bytes(EVERY_VALUE))
    np.testing.assert_array_equal(read_mono(tmp_path / "a.flac", 100, 60_000), EVERY_VALUE[100:60_000])


def test_a_file_in_memory_is_the_one_on_disk(tmp_path: Path) -> None:
    with FlacWriter(tmp_path / "a.flac") as writer:
        writer.write(EVERY_VALUE)
    assert flac_bytes(EVERY_VALUE) == (tmp_path / "a.flac").read_bytes()
    assert soundfile.info(io.BytesIO(flac_bytes(EVERY_VALUE))).samplerate == RATE


@pytest.mark.parametrize(("seconds", "fits"), [(3.0, True), (3.09, True), (2.91, True), (3.11, False), (2.89, False)])
def test_a_recording_of_another_length_is_an_error(tmp_path: Path, seconds: float, fits: bool) -> None:
    decoded = decode(tone(tmp_path / "a.wav"), 16_000, seconds=seconds)
    if fits:
        assert sum(map(len, decoded)) == 48_000
    else:
        with pytest.raises(ValueError, match=rf"expected {seconds:.3f} s of audio in .*a\.wav, found 3\.000 s"):
            list(decoded)


def test_a_file_appears_when_it_is_complete(tmp_path: Path) -> None:
    with FlacWriter(tmp_path / "a.flac") as writer:
        writer.write(np.zeros(100_000, np.float32))
        assert not (tmp_path / "a.flac").exists()
    assert [p.name for p in tmp_path.iterdir()] == ["a.flac"]


def test_a_file_that_is_not_completed_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyError), FlacWriter(tmp_path / "a.flac") as writer:
        writer.write(np.zeros(1000, np.float32))
        raise KeyError
    assert list(tmp_path.iterdir()) == []


def test_the_hash_is_of_the_samples_as_they_are_in_a_wav_file(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", EVERY_VALUE, RATE, "PCM_16")
    assert pcm_sha256(EVERY_VALUE) == hashlib.sha256((tmp_path / "a.wav").read_bytes()[44:]).hexdigest()
    assert pcm_sha256(EVERY_VALUE.astype(">i2")) == pcm_sha256(EVERY_VALUE)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("a.mp3", ["-ac", "2"]),
        ("a.wav", ["-ar", "8000"]),
        ("a.flac", ["-ar", "192000"]),
        ("a.m4a", ["-c:a", "aac"]),
        ("a.opus", ["-c:a", "libopus"]),
        ("a.ogg", ["-c:a", "libvorbis"]),
        ("a.webm", ["-c:a", "libopus"]),
        ("a.aac", []),
        ("a.ac3", ["-ac", "6"]),
        ("a.wma", ["-c:a", "wmav2"]),
        ("a.mkv", ["-c:a", "mp2"]),
        ("a.aiff", []),
        ("a.amr", ["-ar", "8000", "-c:a", "libopencore_amrnb"]),
    ],
)
def test_every_format_is_decoded(tmp_path: Path, name: str, arguments: list[str]) -> None:
    samples = np.concatenate(list(decode(tone(tmp_path / name, *arguments), 16_000)))
    assert samples.dtype == np.float32 and samples.shape == (pytest.approx(48_000, abs=2000), 1)
    assert np.argmax(np.abs(np.fft.rfft(samples[16_000:32_000, 0]))) == pytest.approx(700, abs=1)


@pytest.mark.parametrize("block_seconds", [0.013, 1.0, 100.0])
def test_blocks_do_not_change_what_is_decoded(tmp_path: Path, block_seconds: float) -> None:
    path = tone(tmp_path / "a.mp3", "-ac", "2")
    found = list(decode(path, RATE, 2, block_seconds))
    assert all(len(b) == max(1, round(block_seconds * RATE)) for b in found[:-1])
    np.testing.assert_array_equal(np.concatenate(found), np.concatenate(list(decode(path, RATE, 2))))


def test_both_sides_at_full_scale_stay_within_it(tmp_path: Path) -> None:
    time = np.arange(RATE) / RATE
    loud = np.repeat(0.99 * np.sin(2 * np.pi * 500 * time)[:, None], 2, axis=1)
    soundfile.write(tmp_path / "a.wav", loud, RATE, "FLOAT")
    mono = np.concatenate(list(decode(tmp_path / "a.wav", RATE)))[:, 0]
    np.testing.assert_allclose(mono, loud[:, 0], atol=1e-3)


def test_a_recording_of_any_length_takes_the_memory_of_a_block(tmp_path: Path) -> None:
    minute = np.zeros(60 * RATE, np.int16)
    with FlacWriter(tmp_path / "long.flac") as writer:
        for _ in range(10):
            writer.write(minute)
    tracemalloc.start()
    seconds = sum(len(b) for b in blocks(tmp_path / "long.flac")) / RATE
    seconds += sum(len(b) for b in decode(tmp_path / "long.flac", RATE)) / RATE
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert seconds == 1200
    assert peak < 12_000_000  # all samples of the ten minutes would be 106 MB


def test_what_is_no_audio_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "a.mp3").write_text("This episode has moved.")
    with pytest.raises(ValueError, match=r"ffmpeg cannot read a\.mp3: .*Invalid data"):
        list(decode(tmp_path / "a.mp3", RATE))


def test_whoever_stops_listening_stops_ffmpeg(tmp_path: Path) -> None:
    heard = decode(tone(tmp_path / "a.wav", seconds=60), RATE, block_seconds=0.1)
    next(heard)
    heard.close()
    assert children() == ""


def children() -> str:
    """Ids of this process's children."""
    return "".join(p.read_text() for p in Path("/proc/self/task").glob("*/children"))


@pytest.mark.parametrize("kind", ["hls", "ffconcat", "web"])
def test_nothing_that_a_file_refers_to_is_opened(tmp_path: Path, kind: str) -> None:
    secret, asked = tone(tmp_path / "secret.ts", "-c:a", "mp2"), []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/a.mp3"
        (tmp_path / "a.m3u8").write_text(
            {
                "hls": f"#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\nfile://{secret}\n#EXT-X-ENDLIST\n",
                "ffconcat": "ffconcat version 1.0\nfile secret.ts\n",
                "web": f"#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\n{url}\n#EXT-X-ENDLIST\n",
            }[kind]
        )
        with pytest.raises(ValueError, match="ffmpeg cannot read"):
            list(decode(tmp_path / "a.m3u8", RATE))
        server.shutdown()
    assert asked == []
