"""Interface of `transcribe`."""

from kfp.dsl import Dataset, Input, Model, Output

from components.stage import stage
from components.transcribe.settings import ComputeType, Engine

AZURE = {"speechmill-azure": {"key": "AZURE_SPEECH_KEY", "endpoint": "AZURE_SPEECH_ENDPOINT"}}


@stage(cpu="500m", cpu_limit="2", memory="3Gi", gpu=1, azure=True, timeout_hours=24, secrets=AZURE)
def transcribe(
    clean: Input[Dataset],
    clips: Input[Dataset],
    model: Input[Model],
    transcripts: Output[Dataset],
    engine: Engine = "none",
    language: str = "",
    word_times: bool = True,
    batch_clips: int = 8,
    beam_size: int = 5,
    fallback: bool = True,
    compute_type: ComputeType = "auto",
    vad_filter: bool = True,
    vad_threshold: float = 0.5,
    vad_pad_seconds: float = 0.4,
    no_speech_probability: float = 0.6,
    threads: int = 0,
    azure_concurrency: int = 4,
    azure_attempts: int = 5,
    azure_timeout_seconds: float = 120.0,
    azure_max_minutes: float = 0.0,
) -> None:
    """Transcribes each clip (Azure Speech, Whisper or PocketSphinx) and flags doubtful texts.

    By default it transcribes nothing. docs/transcribe.md explains engines and flags.

    Args:
        engine: azure, whisper, pocketsphinx (rough, English) or none: no transcripts. The command line takes auto for the best.
        language: Of all clips, as BCP 47: ko, en-US; empty lets azure and whisper detect it clip by clip.
        word_times: Whether whisper times every word; azure and pocketsphinx always do.
        batch_clips: Clips that whisper decodes at a time: more memory, faster on a GPU.
        beam_size: Hypotheses that whisper follows; 1 is greedy.
        fallback: Whether whisper decodes a clip again at higher temperatures where the text repeats itself or is improbable.
        compute_type: Numbers that whisper computes with: auto is the fastest on the device, default those of the model.
        vad_filter: Whether whisper hears a clip only from the first to the last speech in it (Silero VAD), and none where there is none.
        vad_threshold: Probability from which Silero VAD calls it speech, 0 to 1.
        vad_pad_seconds: Seconds around that speech which whisper hears as well.
        no_speech_probability: From this probability of its own on, whisper's text is flagged no_speech.
        threads: CPU threads of whisper; 0 for one a core.
        azure_concurrency: Requests that azure is sent at a time.
        azure_attempts: How often a clip is sent at most, where azure is busy or fails.
        azure_timeout_seconds: Longest wait for an answer, in seconds.
        azure_max_minutes: Minutes of audio that one shard sends to azure at most; clips beyond are flagged not_transcribed. 0 is no limit.
    """
