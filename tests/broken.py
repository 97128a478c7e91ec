"""Broken media files and feeds. Each kind is a function of a random generator. benchmarks/faults.py runs a pipeline on them."""

import gzip
import random
import struct
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from components.download.download import SAMPLE
from components.shared.audio import ffmpeg

Sounds = Mapping[str, bytes]
"""The same 3 s of speech in each format, by its ending."""

CODECS = {
    "wav": [],
    "float.wav": ["-c:a", "pcm_f32le", "-f", "wav"],
    "flac": [],
    "mp3": [],
    "ogg": ["-c:a", "libvorbis"],
    "opus": ["-ar", "48000"],
    "m4a": [],
    "mka": ["-c:a", "aac"],
    "webm": ["-ar", "48000", "-c:a", "libopus"],
    "ts": ["-c:a", "aac"],
    "aiff": [],
    "au": [],
    "caf": [],
    "wma": [],
    "w64": [],
    "wv": [],
    "3gp": ["-ar", "8000", "-ac", "1", "-c:a", "libopencore_amrnb"],
    "ac3": [],
}


def encoded(scratch: Path) -> dict[str, bytes]:
    """Encodes 3 s of the bundled sample in every format of CODECS."""
    sounds = {}
    for name, options in CODECS.items():
        path = scratch / f"sound.{name}"
        command = [ffmpeg(), "-v", "error", "-y", "-ss", "13.3", "-t", "3", "-i", SAMPLE / "episode-1.opus", "-bitexact", *options, path]
        subprocess.run(command, check=True)
        sounds[name] = path.read_bytes()
        path.unlink()
    return sounds


def _any(rng: random.Random, sounds: Sounds) -> tuple[str, bytearray]:
    name = rng.choice(list(sounds))
    return f"a.{name.rpartition('.')[2]}", bytearray(sounds[name])


def _flipped(data: bytearray, rng: random.Random, bits: int, within: int) -> bytes:
    for _ in range(bits):
        place = rng.randrange(min(within, len(data)))
        data[place] ^= 1 << rng.randrange(8)
    return bytes(data)


def flipped_bits(rng: random.Random, sounds: Sounds) -> tuple[str, bytes]:
    name, data = _any(rng, sounds)
    return name, _flipped(data, rng, rng.randint(1, 300), len(data))


def flipped_header(rng: random.Random, sounds: Sounds) -> tuple[str, bytes]:
    name, data = _any(rng, sounds)
    return name, _flipped(data, rng, rng.randint(1, 30), 120)


def truncated(rng: random.Random, sounds: Sounds) -> tuple[str, bytes]:
    name, data = _any(rng, sounds)
    return name, bytes(data[: rng.randrange(1, len(data))])


def without_start(rng: random.Random, sounds: Sounds) -> tuple[str, bytes]:
    name, data = _any(rng, sounds)
    return name, bytes(data[rng.randrange(1, len(data)) :])


def zeroed_block(rng: random.Random, sounds: Sounds) -> tuple[str, bytes]:
    name, data = _any(rng, sounds)
    start, size = rng.randrange(len(data)), rng.randrange(1, len(data) // 2)
    data[start : start + size] = bytes(len(data[start : start + size]))
    return name, bytes(data)


def repeated_block(rng: random.Random, sounds: Sounds) -> tuple[str, bytes]:
    name, data = _any(rng, sounds)
    start, size = rng.randrange(len(data)), rng.randrange(1, len(data) // 2)
    return name, bytes(data[:start] + data[start : start + size] * rng.randint(2, 4) + data[start:])


def wrong_ending(rng: random.Random, sounds: Sounds) -> tuple[str, bytes]:
    _, data = _any(rng, sounds)
    return f"a.{rng.choice(['mp3', 'wav', 'flac', 'ogg', 'm4a', 'mp4', 'wma', 'aiff', 'opus'])}", bytes(data)


def two_joined(rng: random.Random, sounds: Sounds) -> tuple[str, bytes]:
    (name, one), (_, two) = _any(rng, sounds), _any(rng, sounds)
    return name, bytes(one + two)


def random_bytes(rng: random.Random, _: Sounds) -> tuple[str, bytes]:
    return f"a.{rng.choice(['mp3', 'wav', 'flac', 'm4a', 'ogg'])}", rng.randbytes(rng.choice([1, 10, 1000, 100_000]))


def empty(rng: random.Random, _: Sounds) -> tuple[str, bytes]:
    return f"a.{rng.choice(['mp3', 'wav', 'flac', 'm4a', 'ogg'])}", b""


def not_audio(rng: random.Random, _: Sounds) -> tuple[str, bytes]:
    """Other files under the ending of an audio file, among them lists that name other files and URLs."""
    png = bytes.fromhex("89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489")
    contents = [
        b"<!doctype html><html><body>404</body></html>",
        b'{"error": "forbidden"}',
        b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<<>>\nendobj\n",
        b"PK\x03\x04" + rng.randbytes(200),
        gzip.compress(bytes(1_000_000)),
        png,
        b"ffconcat version 1.0\nfile /etc/passwd\n",
        b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n",
        b"#EXTM3U\nhttp://127.0.0.1:9/a.mp3\n",
        b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n",
        b"1\n00:00:01,000 --> 00:00:02,000\nA subtitle\n",
    ]
    return f"a.{rng.choice(['mp3', 'wav', 'm4a'])}", rng.choice(contents)


def absurd_header(rng: random.Random, sounds: Sounds) -> tuple[str, bytes]:
    """A WAV file whose header states impossible or huge channels, rates, widths and sizes."""
    most = 0xFFFFFFFF
    channels, bits = rng.choice([0, 1, 2, 64, 255, 65_535]), rng.choice([0, 1, 7, 8, 16, 24, 33, 64, 255])
    rate, size = rng.choice([0, 1, 50, 44_100, 768_000, 2**31, most]), rng.choice([0, 1, 7, 2**31 - 1, most])
    kind = rng.choice([1, 3, 6, 7, 0x11, 0x55, 0xFFFE, 0])
    header = struct.pack("<4sI4s4sIHHIIHH", b"RIFF", size, b"WAVE", b"fmt ", 16, kind, channels, rate, rng.choice([0, most]), 2, bits)
    return "a.wav", header + struct.pack("<4sI", b"data", size) + sounds["wav"][44:]


def absurd_samples(rng: random.Random, sounds: Sounds) -> tuple[str, bytes]:
    """A float WAV file with NaN, infinity, denormal or enormous samples, in part or throughout."""
    data = bytearray(sounds["float.wav"])
    value = struct.pack("<f", rng.choice([float("nan"), float("inf"), float("-inf"), 3e38, 1e-45, 1e6, -1e6]))
    start = data.index(b"data") + 8
    share = rng.choice([0.001, 0.1, 1.0])
    for place in range(start, len(data) - 3, 4):
        if rng.random() < share:
            data[place : place + 4] = value
    return "a.wav", bytes(data)


def bomb() -> bytes:
    """A FLAC file of a megabyte that decodes to 100 hours of silence."""
    source = ["-f", "lavfi", "-i", f"anullsrc=r=1000:cl=mono:d={100 * 3600}"]
    return subprocess.run([ffmpeg(), "-v", "error", *source, "-f", "flac", "-"], check=True, capture_output=True).stdout


def large_tags(rng: random.Random, sounds: Sounds) -> tuple[str, bytes]:
    """An MP3 whose tag states another size than it has, up to the largest."""
    size = rng.choice([0, 10, 100_000, 2**28 - 1])
    sizes = bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))
    return "a.mp3", b"ID3\x04\x00\x00" + sizes + bytes(min(size, 200)) + sounds["mp3"]


def strange_name(rng: random.Random, sounds: Sounds) -> tuple[str, bytes]:
    names = [
        "여성시대, 3월.mp3",
        "-rf.mp3",
        "a\nb.mp3",
        "%d%s.mp3",
        "#1 \"show\" 'x'.mp3",
        "😀.MP3",
        "\u202egpj.mp3",
        "가" * 80 + ".mp3",
        "noending",
    ]
    return rng.choice(names), sounds["mp3"]


FILES: dict[str, Callable[[random.Random, Sounds], tuple[str, bytes]]] = {
    "flipped bits": flipped_bits,
    "flipped bits in the header": flipped_header,
    "truncated": truncated,
    "start missing": without_start,
    "zeroed block": zeroed_block,
    "repeated block": repeated_block,
    "wrong ending": wrong_ending,
    "two formats joined": two_joined,
    "random bytes": random_bytes,
    "empty file": empty,
    "not audio": not_audio,
    "absurd WAV header": absurd_header,
    "absurd samples": absurd_samples,
    "wrong tag size": large_tags,
    "strange name": strange_name,
}


def feed(url: str, prolog: str = '<?xml version="1.0" encoding="UTF-8"?>', title: str = "라디오", item: str = "") -> bytes:
    """A feed with one episode."""
    enclosure = f'<enclosure url="{url}/one.mp3" type="audio/mpeg" length="1"/>'
    episode = f"<item><title>첫째 사연</title><guid>{url}</guid>{item}{enclosure}</item>"
    text = f'{prolog}<rss version="2.0"><channel><title>{title}</title>{episode}</channel></rss>'
    return text.encode("utf-8", "surrogatepass")


def feed_with_flipped_bits(rng: random.Random, url: str) -> bytes:
    data = bytearray(feed(url))
    return _flipped(data, rng, rng.randint(1, 40), len(data))


def feed_with_other_encoding(rng: random.Random, url: str) -> bytes:
    names = [
        "euc-kr",
        "ks_c_5601-1987",
        "x-windows-949",
        "iso-2022-kr",
        "utf-16",
        "utf-32",
        "utf-7",
        "none-such",
        "",
        "\x00",
        "idna",
        "hex",
        "x" * 5000,
    ]
    data = feed(url, f'<?xml version="1.0" encoding="{rng.choice(names)}"?>')
    return data.decode().encode(rng.choice(["utf-8", "cp949", "utf-16", "utf-8-sig", "utf-32"]))


def feed_with_bad_references(rng: random.Random, url: str) -> bytes:
    references = [
        "&#xD83D;&#xDE00;",
        "&#xD83D;",
        "&#0;",
        "&#x110000;",
        "&#99999999999999;",
        "&nosuch;",
        "&#-1;",
        "\x00",
        "\x0b",
        "\ufffe",
        "\ud800",
    ]
    return feed(url, title="".join(rng.choices(references, k=5)))


def feed_with_bad_dates(rng: random.Random, url: str) -> bytes:
    dates = [
        "2024년 3월 5일",
        "화, 05 3월 2024 21:00:00 +0900",
        "0000-00-00",
        "99999-99-99",
        "31 Feb 2024",
        "١٢ مارس",
        "-1",
        "1e400",
        "²",
        "9" * 5000,
    ]
    return feed(url, item=f"<pubDate>{rng.choice(dates)}</pubDate><duration>{rng.choice(dates)}</duration>")


def feed_with_bomb(rng: random.Random, url: str) -> bytes:
    """Entities that grow to gigabytes, elements nested a hundred thousand deep, or an attribute of megabytes."""
    entities = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10 if n else "a" * 10}">' for n in range(10))
    prologs = [f"<!DOCTYPE rss [{entities}]>", '<!DOCTYPE rss [<!ENTITY a9 SYSTEM "file:///etc/passwd">]>']
    return rng.choice(
        [
            *(feed(url, prolog, "&a9;") for prolog in prologs),
            feed(url, item="<b>" * 100_000 + "</b>" * 100_000),
            feed(url, item=f'<b a="{"x" * 5_000_000}"/>'),
        ]
    )


def feed_that_is_none(rng: random.Random, url: str) -> bytes:
    contents = [
        b"",
        b"\xef\xbb\xbf",
        b"{}",
        b"<html><body>moved</body></html>",
        b"<rss>",
        b"<?xml",
        gzip.compress(bytes(10**7))[:9000],
        b"\xff" * 999,
    ]
    return rng.choice(contents)


def truncated_feed(rng: random.Random, url: str) -> bytes:
    data = feed(url)
    return data[: rng.randrange(len(data))]


def feed_with_strange_enclosures(rng: random.Random, url: str) -> bytes:
    urls = [
        "file:///etc/passwd",
        "javascript:alert(1)",
        "//",
        "http://[",
        "http://127.0.0.1:99999/a.mp3",
        "data:audio/mp3,x",
        "",
        "../../etc/x.mp3",
    ]
    item = "".join(f'<enclosure url="{u}" type="{rng.choice(["audio/mpeg", "", "text/html", "x" * 999])}" length="-1"/>' for u in urls)
    return feed(url, item=item)


FEEDS: dict[str, Callable[[random.Random, str], bytes]] = {
    "feed: flipped bits": feed_with_flipped_bits,
    "feed: another encoding": feed_with_other_encoding,
    "feed: bad references": feed_with_bad_references,
    "feed: bad dates": feed_with_bad_dates,
    "feed: entity bomb, deep nesting, huge attribute": feed_with_bomb,
    "feed: no feed": feed_that_is_none,
    "feed: truncated": truncated_feed,
    "feed: strange enclosures": feed_with_strange_enclosures,
}
