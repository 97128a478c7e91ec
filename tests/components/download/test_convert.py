"""What becomes of media files as people publish them, good and bad."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import Make, Server, fetch, item, tone

from components.download.streams import decoded
from components.shared.rows import Recording


def only(folder: Path, source: Path | str, **known: object) -> Recording:
    """The row of one local file."""
    (row,) = fetch(folder, item(source, "local", **known))
    return row


def sound(folder: Path, row: Recording) -> np.ndarray:
    """The recording's samples; checks that its file is as the contract says."""
    path = folder / "audio" / f"{row.recording}.flac"
    facts = soundfile.info(path)
    assert (facts.samplerate, facts.format, facts.subtype, facts.frames) == (44100, "FLAC", "PCM_16", row.samples)
    assert row.seconds == row.samples / 44100 and row.reason == "" and len(row.media_sha256) == 64
    return soundfile.read(path, always_2d=True)[0]


def hertz(samples: np.ndarray) -> float:
    """The loudest frequency of the first channel's middle second."""
    middle = samples[len(samples) // 2 - 22050 : len(samples) // 2 + 22050, 0]
    return float(np.argmax(np.abs(np.fft.rfft(middle))))


@pytest.mark.parametrize(
    ("name", "arguments", "channels"),
    [
        ("mono.mp3", ["-ac", "1"], 1),
        ("stereo.mp3", ["-ac", "2"], 2),
        ("telephone.wav", ["-ac", "1", "-ar", "8000"], 1),
        ("episode.m4a", ["-ac", "2", "-c:a", "aac"], 2),
        ("episode.opus", ["-ac", "1", "-ar", "48000", "-c:a", "libopus"], 1),
        ("episode.ogg", ["-ac", "2", "-c:a", "libvorbis"], 2),
        ("episode.webm", ["-ac", "2", "-ar", "48000", "-c:a", "libopus"], 2),
        ("episode.flac", ["-ac", "2", "-ar", "96000", "-sample_fmt", "s32"], 2),
        ("episode.aac", ["-ac", "1"], 1),
        ("episode.wma", ["-ac", "2", "-c:a", "wmav2"], 2),
        ("episode.ts", ["-ac", "2", "-c:a", "mp2"], 2),
    ],
)
def test_every_format_becomes_flac(make: Make, tmp_path: Path, name: str, arguments: list[str], channels: int) -> None:
    row = only(tmp_path, tone(make, name, 700, 4, *arguments))
    samples = sound(tmp_path, row)
    assert samples.shape[1] == channels
    assert row.seconds == pytest.approx(4, abs=0.1)
    assert hertz(samples) == 700


def test_samples_of_a_wav_at_the_same_rate_stay_as_they_are(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(-32768, 32768, (100_000, 2), np.int16)
    soundfile.write(tmp_path / "a.wav", noise, 44100, "PCM_16")
    samples = sound(tmp_path, only(tmp_path, tmp_path / "a.wav"))
    np.testing.assert_array_equal(samples * 32768, noise)


def test_flac_is_as_small_as_it_can_be(make: Make, tmp_path: Path) -> None:
    row = only(tmp_path, tone(make, "small.mp3", 700, 20))
    path = tmp_path / "audio" / f"{row.recording}.flac"
    soundfile.write(tmp_path / "again.flac", *soundfile.read(path), "PCM_16")
    assert path.stat().st_size < 1.1 * (tmp_path / "again.flac").stat().st_size


def test_six_loudspeakers_at_192_khz_are_mixed_down_without_clipping(make: Make, tmp_path: Path) -> None:
    sines = "|".join(f"0.99*sin(2*PI*{hertz}*t)" for hertz in range(300, 900, 100))
    six = make("six.flac", "-f", "lavfi", "-i", f"aevalsrc={sines}:s=192000:d=1:c=5.1", "-sample_fmt", "s32")
    samples = sound(tmp_path, only(tmp_path, six))
    assert samples.shape == (44_100, 2)
    spectrum = np.abs(np.fft.rfft(samples, axis=0))
    assert spectrum[300, 0] > 100 * spectrum[300, 1]  # the left one stays left
    assert spectrum[500].min() > 1000  # the middle is on both sides
    spectrum[300:900:100] = 0
    assert spectrum.max() < 10


def test_silence_is_a_recording(make: Make, tmp_path: Path) -> None:
    samples = sound(tmp_path, only(tmp_path, make("silence.mp3", "-f", "lavfi", "-i", "anullsrc=r=44100:cl=mono", "-t", "3")))
    assert len(samples) > 2.9 * 44100 and np.abs(samples).max() < 1e-4


def test_the_sound_of_a_video_is_taken(make: Make, tmp_path: Path) -> None:
    video = make("video.mp4", "-f", "lavfi", "-i", "testsrc=duration=3", "-f", "lavfi", "-i", "sine=900:duration=3")
    assert hertz(sound(tmp_path, only(tmp_path, video))) == 900


def test_a_stream_that_changes_its_channels_is_taken_to_its_end(make: Make, tmp_path: Path) -> None:
    both = tone(make, "m.mp3", 700, 3, "-ac", "1").read_bytes() + tone(make, "s.mp3", 700, 3, "-ac", "2").read_bytes()
    (tmp_path / "both.mp3").write_bytes(both)
    row = only(tmp_path, tmp_path / "both.mp3")
    assert sound(tmp_path, row).shape[1] == 1 and row.seconds == pytest.approx(6, abs=0.1)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty file"),
        (b"\0", "not audio: Invalid data found when processing input"),
        (b"This is a page that says that the episode has moved.\n" * 50, "not audio: Invalid data found when processing input"),
        (b"<html><body>Sign in</body></html>", "not audio: Invalid data found when processing input"),
    ],
)
def test_what_is_no_audio_is_a_reason(tmp_path: Path, data: bytes, reason: str) -> None:
    (tmp_path / "episode.mp3").write_bytes(data)
    row = only(tmp_path, tmp_path / "episode.mp3")
    assert (row.reason, row.samples, row.seconds) == (reason, 0, 0.0)
    assert list((tmp_path / "audio").iterdir()) == []


def test_a_video_without_sound_is_a_reason(make: Make, tmp_path: Path) -> None:
    row = only(tmp_path, make("mute.mp4", "-f", "lavfi", "-i", "testsrc=duration=1"))
    assert row.reason == "no audio stream"


def test_a_stream_without_samples_is_a_reason(make: Make, tmp_path: Path) -> None:
    row = only(tmp_path, make("nothing.wav", "-f", "lavfi", "-i", "anullsrc", "-t", "0"))
    assert row.reason == "no sound: its audio stream holds no samples"
    assert list((tmp_path / "audio").iterdir()) == []


def test_an_mp4_without_its_index_is_a_reason(make: Make, tmp_path: Path) -> None:
    (tmp_path / "cut.m4a").write_bytes(tone(make, "whole.m4a", 700, 4).read_bytes()[:20_000])
    assert only(tmp_path, tmp_path / "cut.m4a").reason.startswith("not audio: ")


def test_what_decodes_of_a_truncated_mp3_is_kept_and_said(make: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = tone(make, "long.mp3", 700, 10).read_bytes()
    (tmp_path / "cut.mp3").write_bytes(whole[: len(whole) // 2])
    row = only(tmp_path, tmp_path / "cut.mp3")
    assert hertz(sound(tmp_path, row)) == 700
    assert row.seconds == pytest.approx(5, abs=0.3)
    assert f"warning: {row.recording} holds {row.seconds:.1f} s of the 10.0 s that its file states" in capsys.readouterr().out


def test_a_recording_shorter_than_its_feed_says_is_reported(make: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tone(make, "t.mp3", 700, 4)
    only(tmp_path, path, seconds=4.9)
    assert "warning" not in capsys.readouterr().out
    only(tmp_path, path, seconds=5.2)
    assert "of the 5.2 s that its source states" in capsys.readouterr().out


@pytest.mark.parametrize("kind", ["hls", "hls of the secret", "ffconcat", "ffconcat beside it", "sdp", "dash"])
@pytest.mark.parametrize("name", ["episode.mp3", "episode.m3u8"])
def test_a_playlist_is_no_media_and_nothing_that_it_names_is_opened(
    server: Server, make: Make, tmp_path: Path, kind: str, name: str
) -> None:
    secret = tmp_path / "secret.ts"
    secret.write_bytes(tone(make, "secret.ts", 700).read_bytes())
    url = server.put("/bait.mp3", tone(make, "bait.mp3", 700).read_bytes())
    text = {
        "hls": f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{url}\n#EXT-X-ENDLIST\n",
        "hls of the secret": f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile://{secret}\n#EXT-X-ENDLIST\n",
        "ffconcat": f"ffconcat version 1.0\nfile '{secret}'\nfile '{url}'\n",
        "ffconcat beside it": "ffconcat version 1.0\nfile secret.ts\n",
        "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 9 RTP/AVP 0\n",
        "dash": f'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period><AdaptationSet>'
        f"<Representation><BaseURL>{url}</BaseURL></Representation></AdaptationSet></Period></MPD>",
    }[kind]
    (tmp_path / name).write_text(text)
    row = only(tmp_path, tmp_path / name)
    assert row.reason.startswith("not audio: ") and row.samples == 0
    assert server.asked == []
    assert list((tmp_path / "audio").iterdir()) == []


def test_a_fault_of_the_listener_is_raised_and_nothing_waits_for_it(make: Make) -> None:
    def fail(_: object) -> None:
        raise ZeroDivisionError

    # a log of more than the 64 KiB that a pipe holds: ffmpeg waits when nobody reads it
    sound = tone(make, "minutes.mp3", 400, 300)
    with pytest.raises(ZeroDivisionError):
        list(decoded(sound, 0, "anull", 1, hear=fail))
