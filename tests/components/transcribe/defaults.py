"""The default settings of the engines, on one thread, for tests and benchmarks: component.py needs kfp, which the stage lacks."""

from components.transcribe.settings import EngineSettings

DEFAULTS = EngineSettings(
    engine="none",
    second="none",
    language="",
    word_times=True,
    batch_clips=8,
    beam_size=5,
    fallback=True,
    compute_type="auto",
    vad_filter=True,
    vad_threshold=0.5,
    vad_pad_seconds=0.4,
    no_speech_probability=0.6,
    threads=1,
    azure_concurrency=4,
    azure_attempts=5,
    azure_timeout_seconds=120.0,
    azure_max_minutes=0.0,
)
