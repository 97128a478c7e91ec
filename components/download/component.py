"""Interface of `download`."""

from kfp.dsl import Dataset, Output

from components.stage import stage


@stage(store="runner", internet=True, timeout_hours=24, secrets={"speechmill-cookies": {"cookies": "SPEECHMILL_COOKIES"}})
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
) -> None:
    """Fetches a shard's recordings and turns them into FLAC at 44.1 kHz.

    It downloads with yt-dlp or over HTTP, reads folders and buckets, and converts with ffmpeg. Stereo stays stereo. A
    recording that cannot be fetched becomes a row with a reason, and the other recordings of the shard go on.

    Args:
        retries: Most retries in a row; a transfer that gets further than before starts a new row.
        backoff_seconds: Wait before the first retry, in seconds; it doubles with each further one, up to 600.
        sleep_seconds: Shortest wait before a download, in seconds.
        max_sleep_seconds: Longest wait before a download, in seconds.
        rate_limit_bytes: Most bytes a second; 0 is no limit.
        licences: Fetch media under these licences only, separated by commas; "unknown" names the absent one, empty is any.
    """
