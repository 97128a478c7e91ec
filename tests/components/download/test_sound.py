"""No voice is lost, shifted or distorted on the way from a media file to a recording, whatever its channels, levels and timestamps are."""

import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import Make, fetch, item, tone
from voices import RATE, converted, lag, rms_db, si_sdr_db, speechlike, write

from components.download.convert import probe, to_flac
from components.shared.audio import ffmpeg

VOICE = speechlike(6)
SILENCE = np.zeros_like(VOICE)
KEY = ["-encryption_scheme", "cenc-aes-ctr", "-encryption_key", "76" * 16, "-encryption_kid", "a7" * 16]


def encode(path: Path, *arguments: object) -> Path:
    subprocess.run([ffmpeg(), "-v", "error", "-y", *map(str, arguments), str(path)], check=True)
    return path


@pytest.mark.parametrize("side", [0, 1])
def test_a_voice_on_one_channel_becomes_mono_as_loud_as_it_is(tmp_path: Path, side: int) -> None:
    channels = [SILENCE, SILENCE]
    channels[side] = VOICE
    row, sound = converted(tmp_path, write(tmp_path / "a.wav", channels))
    assert sound.shape[1] == 1
    np.testing.assert_allclose(sound[:, 0], VOICE, atol=2**-15)
    assert row.conversion == "mixed 2 channels to 1; 6.0 s on one channel only"


def test_a_voice_on_one_channel_for_a_while_is_in_the_middle_of_real_stereo(tmp_path: Path) -> None:
    music = [0.1 * np.random.default_rng(seed).standard_normal(len(VOICE)) for seed in (1, 2)]
    left, right = (np.concatenate([m + VOICE, v, m]) for m, v in zip(music, (VOICE, SILENCE), strict=True))
    row, sound = converted(tmp_path, write(tmp_path / "a.wav", (left, right)))
    inside = slice(len(VOICE) + RATE // 5, 2 * len(VOICE) - RATE // 5)
    np.testing.assert_allclose(sound[inside, 0], sound[inside, 1], atol=2**-14)
    np.testing.assert_allclose(sound.mean(axis=1), (left + right) / 2, atol=2**-14)
    assert row.conversion == "5.9 s on one channel only"


def test_stereo_stays_as_it_is(tmp_path: Path) -> None:
    music = [0.2 * np.random.default_rng(seed).standard_normal(len(VOICE)) for seed in (1, 2)]
    stereo = np.stack([VOICE + m for m in music])
    row, sound = converted(tmp_path, write(tmp_path / "a.wav", 0.5 * stereo))
    np.testing.assert_array_equal(sound, soundfile.read(tmp_path / "a.wav")[0])
    assert row.conversion == ""


@pytest.mark.parametrize("gain", [1.0, 0.9, 0.5])
def test_channels_of_opposite_phase_keep_the_voice(tmp_path: Path, gain: float) -> None:
    row, sound = converted(tmp_path, write(tmp_path / "a.wav", (VOICE, -gain * VOICE)))
    mono = sound.mean(axis=1)
    assert abs(rms_db(mono) - rms_db(VOICE)) < 0.1 and si_sdr_db(mono, VOICE) > 40
    assert row.conversion == "mixed 2 channels to 1; 6.0 s with channels of opposite phase: one taken"


def test_a_part_of_opposite_phase_is_kept_and_the_rest_stays_stereo(tmp_path: Path) -> None:
    music = 0.05 * np.random.default_rng(1).standard_normal((2, 2 * len(VOICE)))
    left, right = np.concatenate([VOICE, VOICE, VOICE]), np.concatenate([VOICE, -VOICE, VOICE])
    stereo = np.stack([left, right])
    stereo[:, : 2 * len(VOICE)] += music
    row, sound = converted(tmp_path, write(tmp_path / "a.wav", stereo))
    for part in range(3):
        inside = slice(part * len(VOICE) + RATE // 4, (part + 1) * len(VOICE) - RATE // 4)
        assert abs(rms_db(sound[inside].mean(axis=1)) - rms_db(left[inside])) < 1
    assert row.conversion.endswith("s with channels of opposite phase: one taken") and sound.shape[1] == 2


@pytest.mark.parametrize(("channels", "microphone"), [(3, 3), (6, 4), (8, 4), (12, 1)])
def test_a_voice_on_one_of_many_microphones_is_kept(tmp_path: Path, channels: int, microphone: int) -> None:
    noise = 1e-4 * np.random.default_rng(1).standard_normal((channels, len(VOICE)))
    noise[microphone - 1] += VOICE
    row, sound = converted(tmp_path, write(tmp_path / "a.wav", noise))
    assert sound.shape[1] == 1 and abs(rms_db(sound[:, 0]) - rms_db(VOICE)) < 0.5 and si_sdr_db(sound[:, 0], VOICE) > 30
    assert row.conversion == f"mixed {channels} channels to 1"


@pytest.mark.parametrize(("layout", "speaker"), [("5.1", "FC"), ("5.1", "LFE"), ("5.1", "BL"), ("7.1", "SR"), ("quad", "BR")])
def test_a_voice_on_any_loudspeaker_is_kept(tmp_path: Path, layout: str, speaker: str) -> None:
    source = encode(tmp_path / "a.flac", "-i", write(tmp_path / "v.wav", [VOICE]), "-af", f"pan={layout}|{speaker}=c0")
    mono = converted(tmp_path, source)[1].mean(axis=1)
    assert abs(rms_db(mono) - rms_db(VOICE)) < 0.1 and si_sdr_db(mono, VOICE) > 40


def test_loudspeakers_of_the_left_stay_left(tmp_path: Path) -> None:
    music = [0.2 * np.random.default_rng(seed).standard_normal(len(VOICE)) for seed in (1, 2)]
    source = encode(tmp_path / "a.flac", "-i", write(tmp_path / "v.wav", [VOICE, *music]), "-af", "pan=5.1|FC=0.5*c0|FL=c1|BR=c2")
    row, sound = converted(tmp_path, source)
    np.testing.assert_allclose(sound, np.stack([0.5 * VOICE + m for m in music], axis=1), atol=2**-13)
    assert row.conversion == ""


@pytest.mark.parametrize(("codec", "gain_db"), [("pcm_f32le", 18), ("pcm_f64le", 7), ("pcm_f32le", 90)])
def test_floats_above_full_scale_are_turned_down(tmp_path: Path, codec: str, gain_db: float) -> None:
    source = encode(tmp_path / "a.wav", "-i", write(tmp_path / "v.wav", [VOICE], "FLOAT"), "-af", f"volume={gain_db}dB", "-c:a", codec)
    row, sound = converted(tmp_path, source)
    assert np.corrcoef(sound[:, 0], VOICE)[0, 1] > 0.9999 and np.count_nonzero(np.abs(sound) > 0.9999) < 10
    assert row.conversion == f"turned down {gain_db - 6.02:.1f} dB"


def test_a_quiet_recording_of_24_bits_keeps_its_resolution(tmp_path: Path) -> None:
    row, sound = converted(tmp_path, write(tmp_path / "a.wav", [VOICE * 10 ** (-60 / 20)], "PCM_24"))
    assert row.conversion == "turned up 26.0 dB" and si_sdr_db(sound[:, 0], VOICE) > 30


def test_a_quiet_recording_of_16_bits_stays_as_it_is(tmp_path: Path) -> None:
    row, sound = converted(tmp_path, write(tmp_path / "a.wav", [VOICE * 10 ** (-60 / 20)]))
    assert row.conversion == ""
    np.testing.assert_array_equal(sound[:, 0], soundfile.read(tmp_path / "a.wav")[0])


def test_a_codec_that_overshoots_is_not_clipped(tmp_path: Path) -> None:
    square = 0.999 * np.sign(np.sin(2 * np.pi * 110 * np.arange(4 * RATE) / RATE))
    row, sound = converted(tmp_path, encode(tmp_path / "a.mp3", "-i", write(tmp_path / "v.wav", [square]), "-b:a", "64k"))
    assert row.conversion.startswith("turned down ") and np.count_nonzero(np.abs(sound) > 0.9999) < 10


def test_a_constant_offset_is_removed_from_each_channel(tmp_path: Path) -> None:
    noise = 0.01 * np.random.default_rng(1).standard_normal((2, len(VOICE)))
    stereo = 0.5 * VOICE + noise
    row, sound = converted(tmp_path, write(tmp_path / "a.wav", stereo + np.array([[0.4], [-0.1]])))
    np.testing.assert_allclose(sound.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(sound.T, stereo, atol=2**-14)
    assert row.conversion == "offset of 0.4 removed"


def test_an_offset_leaves_digital_silence_alone(tmp_path: Path) -> None:
    _, sound = converted(tmp_path, write(tmp_path / "a.wav", [np.concatenate([0.5 * VOICE + 0.3, SILENCE])]))
    assert np.abs(sound[len(VOICE) + RATE // 10 :]).max() == 0 and abs(sound[: len(VOICE)].mean()) < 1e-3


def test_samples_that_are_no_numbers_are_silence(tmp_path: Path) -> None:
    broken = VOICE.copy()
    broken[1000:1003] = np.nan, np.inf, -np.inf
    broken[2000] = 1e30
    row, sound = converted(tmp_path, write(tmp_path / "a.wav", [broken], "FLOAT"))
    assert row.conversion == "4 samples that are no numbers silenced" and not sound[1000:1003].any()
    assert si_sdr_db(sound[:, 0], VOICE) > 40
    (row,) = fetch(tmp_path, item(write(tmp_path / "b.wav", [np.full(RATE, np.nan)], "FLOAT"), "local"))
    assert row.reason == "no sound: none of its samples is a number"


def test_the_default_track_is_taken_and_the_others_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = write(tmp_path / "1.wav", [1e-3 * VOICE[::-1]]), write(tmp_path / "2.wav", [VOICE])
    options = ["-disposition:a:0", 0, "-disposition:a:1", "default", "-metadata:s:a:0", "title=comment", "-metadata:s:a:0", "language=kor"]
    both = encode(tmp_path / "a.mkv", "-i", first, "-i", second, "-map", "0:a", "-map", "1:a", "-c:a", "flac", *options)
    row, sound = converted(tmp_path, both)
    np.testing.assert_allclose(sound[:, 0], VOICE, atol=2**-15)
    assert row.conversion == "track 2 of 2"
    assert f"{row.recording}: audio track 2 of 2 is taken, not track 1 (kor, comment)" in capsys.readouterr().out


PICTURE = ["-f", "lavfi", "-i", "testsrc=duration=11:size=64x64:rate=5"]


@pytest.mark.parametrize(
    ("name", "picture", "arguments"),
    [
        ("a.mp4", True, ["-c:a", "aac"]),
        ("a.mp4", True, ["-c:a", "aac", "-movflags", "frag_keyframe+empty_moov"]),
        ("a.m4a", False, ["-c:a", "aac"]),
        ("a.mkv", True, ["-c:a", "pcm_s16le"]),
        ("a.mkv", False, ["-c:a", "flac"]),
        ("a.webm", False, ["-c:a", "libopus"]),
        ("a.ts", True, ["-c:a", "mp2"]),
        ("a.flv", True, ["-c:a", "libmp3lame"]),
    ],
)
def test_sound_that_begins_later_than_the_file_keeps_its_second(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, picture: bool, arguments: list[str]
) -> None:
    shown = [*PICTURE, "-itsoffset", 5, "-i", write(tmp_path / "v.wav", [VOICE]), "-map", "0:v", "-map", "1:a", "-c:v", "mpeg2video"]
    if name.endswith((".mp4", ".mkv", ".flv")):
        shown[-1] = "flv" if name.endswith(".flv") else "mpeg4"
    heard = ["-itsoffset", 5, "-i", write(tmp_path / "v.wav", [VOICE])]
    row, sound = converted(tmp_path, encode(tmp_path / name, *(shown if picture else heard), "-b:a", "192k", *arguments))
    assert abs(lag(sound[:, 0], VOICE) / RATE - 5) < 0.05 and row.seconds == pytest.approx(11, abs=0.1)
    assert row.conversion.endswith("s that its timestamps leave out filled with silence")
    assert "warning" not in capsys.readouterr().out


@pytest.mark.parametrize(("name", "codec"), [("a.mkv", "pcm_s16le"), ("a.mp4", "aac"), ("a.webm", "libopus"), ("a.mkv", "flac")])
def test_a_hole_in_the_timestamps_is_silence(tmp_path: Path, name: str, codec: str) -> None:
    whole = np.concatenate([VOICE, np.zeros(2 * RATE), VOICE])
    cut = ["-af", "asetnsamples=1024,aselect='not(between(t,6.2,7.8))'", "-c:a", codec, "-b:a", "192k"]
    row, sound = converted(tmp_path, encode(tmp_path / name, "-i", write(tmp_path / "v.wav", [whole]), *cut))
    assert abs(lag(sound[len(VOICE) :, 0], VOICE) / RATE - 2) < 0.05 and row.seconds == pytest.approx(14, abs=0.1)
    assert row.conversion == "1.6 s that its timestamps leave out filled with silence"


def test_timestamps_that_jitter_change_nothing(tmp_path: Path) -> None:
    jitter = "asetnsamples=1024:p=0,asetpts='PTS+mod(N,7)*0.01/TB'"
    source = encode(
        tmp_path / "a.mkv", "-i", write(tmp_path / "v.wav", [VOICE]), "-af", jitter, "-c:a", "pcm_s16le", "-max_interleave_delta", 0
    )
    row, sound = converted(tmp_path, source)
    np.testing.assert_array_equal(sound, soundfile.read(tmp_path / "v.wav", always_2d=True)[0])
    assert row.conversion == ""


@pytest.mark.parametrize("name", ["a.mp3", "a.ogg", "a.m4a", "a.opus", "a.flac"])
def test_padding_that_codecs_add_does_not_shift_the_sound(tmp_path: Path, name: str) -> None:
    row, sound = converted(tmp_path, encode(tmp_path / name, "-i", write(tmp_path / "v.wav", [VOICE]), "-b:a", "192k"))
    assert abs(lag(sound[:, 0], VOICE)) < 0.005 * RATE and row.conversion == ""


@pytest.mark.parametrize(("codec", "fragmented"), [("aac", False), ("aac", True), ("libopus", False), ("alac", False)])
def test_encrypted_media_are_refused_by_name(tmp_path: Path, codec: str, fragmented: bool) -> None:
    """Without a key, ffmpeg decodes encrypted Opus to noise."""
    fragments = ["-movflags", "frag_keyframe+empty_moov"] if fragmented else []
    source = encode(tmp_path / "a.mp4", "-i", write(tmp_path / "v.wav", [VOICE]), "-c:a", codec, *KEY, *fragments)
    (row,) = fetch(tmp_path, item(source, "local"))
    assert row.reason == "encrypted (CENC): get it without copy protection"


@pytest.mark.parametrize(("kind", "by"), [(b"drms", "FairPlay"), (b"aavd", "Audible")])
def test_files_of_shops_are_refused_by_name(make: Make, tmp_path: Path, kind: bytes, by: str) -> None:
    plain = tone(make, "bought.m4a", 700, 2).read_bytes()
    at = plain.index(b"stsd")
    (tmp_path / "bought.m4a").write_bytes(plain[:at] + plain[at:].replace(b"mp4a", kind, 1))
    (row,) = fetch(tmp_path, item(tmp_path / "bought.m4a", "local"))
    assert row.reason == f"encrypted ({by}): get it without copy protection"


def test_a_title_about_encryption_is_no_encryption(make: Make, tmp_path: Path) -> None:
    title = "DRM protected stream: enca, drms and enc_key_id : explained"
    converted(tmp_path, tone(make, "about.m4a", 700, 2, "-metadata", f"title={title}", "-metadata", f"comment={title}"))


def test_a_recording_for_one_channel_is_mono(tmp_path: Path) -> None:
    """As references and sound effects are."""
    source = write(tmp_path / "a.wav", np.random.default_rng(1).standard_normal((2, RATE)) * 0.1)
    to_flac(source, tmp_path / "a.flac", probe(source), most_channels=1)
    assert soundfile.info(tmp_path / "a.flac").channels == 1
