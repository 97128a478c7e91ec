"""Interface of `transcribe`."""

from kfp.dsl import Dataset, Input, Model, Output

from components.stage import stage
from components.transcribe.settings import ComputeType, Engine

AZURE = {"speechmill-azure": {"key": "AZURE_SPEECH_KEY", "endpoint": "AZURE_SPEECH_ENDPOINT"}}


@stage(cpu="500m", cpu_limit="2", memory="3Gi", gpu=1, azure=True, timeout_hours=24, secrets=AZURE)
def transcribe(
    clean: Input[Dataset],
    clips: Input[Dataset],
    extracted: Input[Dataset],
    model: Input[Model],
    second_model: Input[Model],
    transcripts: Output[Dataset],
    engine: Engine = "none",
    second: Engine = "none",
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
    """Transcribes each clip with Azure Speech, Whisper, Vosk or PocketSphinx, and flags doubtful texts.

    A second engine may transcribe each clip too; the agreement of both texts tells which to trust.

    The default engine, none, transcribes nothing. docs/transcribe.md explains engines and flags.

    Args:
        engine: azure, whisper, vosk, pocketsphinx (inaccurate, English only), or none for no transcripts. The command line also takes
            auto: the best available engine.
        second: Another engine that transcribes the same clips, for text_agreement; none for no second engine.
        language: Language of all clips as a BCP 47 tag (ko, en-US). If it is empty, azure and whisper detect the language of each clip.
        word_times: Whether whisper returns the start and end of each word; azure and pocketsphinx always do.
        batch_clips: Clips per batch of whisper. Larger batches are faster on a GPU and need more memory.
        beam_size: Beams of whisper's beam search. More beams are slower; 1 is greedy decoding.
        fallback: Whether whisper decodes a clip again, alone, if its text is repetitive or improbable, at higher temperatures, or if it
            stops more than 2 s before the speech; the latter needs word_times.
        compute_type: Number type of whisper's computations: auto is the fastest type of the device, default is the model's own type.
        vad_filter: Whether whisper transcribes a clip only from its first to its last speech (Silero VAD), and skips clips without speech.
        vad_threshold: Probability from which on Silero VAD detects speech, 0 to 1. A higher value detects less speech.
        vad_pad_seconds: Seconds before and after the detected speech that whisper transcribes too.
        no_speech_probability: Whisper's probability of no speech, 0 to 1, from which on a text is flagged no_speech. A higher value flags
            fewer texts.
        threads: CPU threads of whisper; 0 for one per core.
        azure_concurrency: Maximum number of concurrent requests to azure.
        azure_attempts: Maximum number of attempts per clip if azure is busy or fails.
        azure_timeout_seconds: Maximum wait for an answer of azure, in seconds.
        azure_max_minutes: Maximum minutes of audio that one shard sends to azure; further clips are flagged not_transcribed. 0 means no
            limit.
    """
