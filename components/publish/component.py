"""Interface of `publish`."""

from kfp.dsl import Dataset, Input, Metrics, Output, OutputPath

from components.stage import stage


@stage(memory="2Gi", store="publisher", cached=False)
def publish(
    sources: str,
    dataset: str,
    store: str,
    run: str,
    version: Output[Dataset],
    metrics: Output[Metrics],
    version_number: OutputPath(int),  # type: ignore[valid-type]
    parts: Input[list[Dataset]] = None,  # type: ignore[assignment]
    genders: str = "",
    min_seconds: float = 1.5,
    licences: str = "",
    speakers: str = "",
    join_similarity: float = 0.75,
    min_similarity: float = 0.84,
    min_purity: float = -1.0,
    tones: str = "",
    min_dnsmos: float = 0.0,
    min_snr_db: float = -100.0,
    min_bandwidth_hz: float = 0.0,
    max_clipped_share: float = 1.0,
    languages: str = "",
    min_confidence: float = -100.0,
    min_characters_per_second: float = 0.0,
    max_characters_per_second: float = 100.0,
    refused_flags: str = "",
    refuse_repeats: bool = False,
    min_repeat_seconds: float = 5.0,
) -> None:
    """Names the speakers, applies the selection rules to all rows of the dataset and commits one version of it.

    A clip that is refused has the reason of the first rule that refuses it, in this order: duplicate, licence, too_short, gender,
    speaker, similarity, purity, tone, dnsmos, snr, bandwidth, clipped, flag, language, confidence, characters_per_second, repeats
    (`repeats:<clip>` names the kept clip with the same sound).
    A clip that lacks what a rule looks at is refused by it.

    Args:
        genders: Keep clips of these voices, female or male, separated by commas; empty is any.
        min_seconds: Shortest clip to keep, in seconds.
        licences: Keep clips of recordings under these licences, separated by commas; "unknown" names the absent one, empty is any.
        speakers: Keep clips of these speakers: "dominant", whose speech is the longest of the dataset, or ids as `dataset show` lists
            them (s0001), separated by commas; empty is any.
        join_similarity: Mean cosine of d-vectors, -1 to 1, from which on clips are taken for one speaker. It names new clips; clips
            that have been published keep their speaker.
        min_similarity: Least cosine of d-vectors, -1 to 1, to the voice of the reference, for clips that were compared with one; -1 is any.
        min_purity: Least cosine of d-vectors, -1 to 1, of any moment of a clip to the reference, or without one to the clip as a whole;
            -1 is any.
        tones: Keep clips in these tones, separated by commas: names of the model (calm, angry), or tone-1, tone-2 and so on, "calmest"
            and "most_aroused" of each speaker, where there was none; empty is any.
        min_dnsmos: Least overall quality by DNSMOS P.835 (OVRL), 1 to 5; 0 is any.
        min_snr_db: Least signal-to-noise ratio in dB; -100 is any.
        min_bandwidth_hz: Least bandwidth of the speech in Hz; 0 is any.
        max_clipped_share: Largest share of a clip's samples on clipped tops, 0 to 1; 1 is any.
        languages: Keep clips in these languages, separated by commas: ko; en means en-us as well; empty is any.
        min_confidence: Least confidence of a transcript, mean log-probability, at most 0; -100 is any.
        min_characters_per_second: Fewest letters and digits of a transcript per second; 0 is any.
        max_characters_per_second: Most letters and digits of a transcript per second; 100 is any.
        refused_flags: Refuse clips whose transcript has one of these flags, separated by commas: hallucination, no_speech,
            character_rate, not_transcribed.
        refuse_repeats: Refuse clips half of which or more is heard in clips of an earlier date or time that are kept: jingles,
            advertisements, reruns. Not for a show in which the same recorded sentences belong to what is to be learned.
        min_repeat_seconds: Shortest stretch that counts as one that comes back, in seconds, at least 3.
    """
