"""Interface of `download`."""

from kfp.dsl import Dataset, Output

from components.stage import stage


@stage(
    store="runner",
    internet=True,
    timeout_hours=24,
    secrets={
        "speechmill-cookies": {"cookies": "SPEECHMILL_COOKIES"},
        "speechmill-logins": {"logins": "SPEECHMILL_LOGINS"},
        "speechmill-po-tokens": {"server": "SPEECHMILL_PO_TOKEN_SERVER"},
    },
)
def download(
    shard: str,
    store: str,
    allow_private: bool,
    recordings: Output[Dataset],
    retries: int = 3,
    backoff_seconds: float = 5.0,
    sleep_seconds: float = 1.0,
    max_sleep_seconds: float = 3.0,
    rate_limit_bytes: int = 0,
    licences: str = "",
    youtube_clients: str = "default,web_embedded,tv",
    max_bytes: int = 30_000_000_000,
    max_seconds: float = 86_400.0,
    timeout_minutes: float = 240.0,
) -> None:
    """Downloads a shard's recordings and converts them to FLAC at 44.1 kHz.

    It downloads with yt-dlp or over HTTP, reads folders and buckets, and converts with ffmpeg. Stereo stays stereo. Other channels, levels
    and timestamps are changed where a voice would be lost; docs/conversion.md explains how, and the row says what was changed. A recording
    that cannot be fetched, or that exceeds a limit, becomes a row with a reason, and the stage goes on with the other recordings of the
    shard. A live stream, which has no end, exceeds a limit. If a host blocks the crawler, the stage asks it for no more of the shard's
    recordings; docs/crawls.md lists the kinds of refusals.

    Args:
        retries: Maximum number of consecutive retries; 0 means none. The count starts again when a transfer gets
            further than the one before.
        backoff_seconds: Wait before the first retry, in seconds; it doubles with each further retry, up to 600.
        sleep_seconds: Minimum of the random wait between downloads, in seconds.
        max_sleep_seconds: Maximum of the random wait between downloads, in seconds.
        rate_limit_bytes: Maximum download speed in bytes per second; 0 means no limit.
        licences: Licenses to download, separated by commas; "unknown" means that the source states none. Empty means any license.
        youtube_clients: Player clients of yt-dlp, separated by commas; each is tried if YouTube blocks the one before. "default" is
            yt-dlp's own choice.
        max_bytes: Maximum size of a media file, in bytes; 0 means no limit.
        max_seconds: Maximum length of a recording, in seconds, as it is decoded; 0 means no limit.
        timeout_minutes: Maximum time for the download and the conversion of one recording, in minutes; 0 means no limit.
    """
