"""Refuses settings that a stage would refuse hours later, before a run begins."""

from collections.abc import Callable, Mapping
from typing import Any

from components.cut.cut import check_settings as check_cut
from components.denoise.chain import parse
from components.discover.plan import Settings
from components.download.policy import policy
from components.embed.plan import check_settings as check_embed
from components.publish.settings import check_settings as check_publish
from components.segment.networks import check_engine
from components.separate.__main__ import check as check_separate
from components.shared.task import StageError
from components.tag_quality.settings import check_settings as check_tag_quality
from components.tag_tone.__main__ import check as check_tag_tone
from components.transcribe.engines import Settings as TranscribeSettings

_CHECKS: dict[str, Callable[..., object]] = {
    "discover": lambda **settings: Settings(**settings).check(),
    "download": policy,
    "separate": lambda clean_db, batch_segments, threads, **_: check_separate(clean_db, batch_segments, threads),
    "segment": lambda engine, detect_gender: check_engine(engine),
    "embed": lambda hop_seconds, batch_windows, threads, **_: check_embed(hop_seconds, batch_windows, threads),
    "cut": check_cut,
    "denoise": lambda chain, threads: parse(chain),
    "tag_tone": lambda clusters, same_voice_similarity, **_: check_tag_tone(clusters, same_voice_similarity),
    "tag_quality": lambda hop_seconds, threads, **_: check_tag_quality(hop_seconds, threads),
    "transcribe": lambda **settings: TranscribeSettings(**settings).check(),
    "publish": check_publish,
}


def check_settings(stage: str, settings: Mapping[str, Any]) -> None:
    """Raises StageError, with the setting's name, if the stage would not take its settings."""
    try:
        if stage in _CHECKS:
            _CHECKS[stage](**settings)
    except ValueError as error:
        raise StageError(str(error)) from None
