"""Which clips are offered to a reviewer, and in which order: first those whose correction is worth most.

A correction is worth the disagreement of the engines, times the seconds, times the rarity of the clip's voice or tone.
"""

from collections.abc import Collection
from typing import Any

from components.shared.rows import SAMPLE_RATE_HZ
from pipelines.datasets.sql import QueryError, answer
from store.datasets import DatasetStore, Version

DISAGREEMENT, RANDOM, TIME = "disagreement", "random", "time"
ORDERS = (DISAGREEMENT, RANDOM, TIME)
LEAST_DISAGREEMENT = 0.02
"""Disagreement of clips of which both engines say the same, so that their order follows from the rest."""
MOST_RARITY = 2.0
"""Greatest rarity. The most frequent voices and tones have 1."""
_DISAGREE = "coalesce(1 - text_agreement, 1 - exp(confidence), 1)"
"""Without a second engine, the probability that a token is wrong stands in."""
_ORDER = {DISAGREEMENT: "worth DESC, clip", RANDOM: "md5(clip), clip", TIME: 'recording, "start"'}


def worth(rarity: bool = True) -> str:
    """An SQL expression: what the correction of a clip is worth, in a query with the windows of `offered`."""
    rare = " * greatest(speaker_rarity, tone_rarity)" if rarity else ""
    return f"greatest({LEAST_DISAGREEMENT}, {_DISAGREE}) * samples / {SAMPLE_RATE_HZ}.0{rare}"


def _rarity(column: str) -> str:
    """How rare a value is: the square root of the mean seconds of all values by its own seconds, 1 to MOST_RARITY; 1 of no value."""
    share = f"sum(samples) OVER (PARTITION BY {column}) * count(DISTINCT {column}) OVER () / sum(samples) OVER ()"
    return f"CASE WHEN {column} = '' THEN 1 ELSE least({MOST_RARITY}, greatest(1, 1 / sqrt({share}))) END"


def offered(
    dataset: DatasetStore,
    version: Version,
    where: str = "",
    order: str = DISAGREEMENT,
    limit: int = 200,
    clips: Collection[str] | None = None,
    rejected: bool = False,
) -> list[dict[str, Any]]:
    """The clips to review, the first ones of an order: columns of DatasetRow by name.

    Args:
        dataset: The dataset.
        version: One of its versions.
        where: Condition on the columns of DatasetRow, in SQL.
        order: One of ORDERS.
        limit: Most clips.
        clips: If given, only these clips, also rejected ones and those that were reviewed.
        rejected: Whether to offer rejected clips, too. Clips that were reviewed are never offered again, but by `clips`.

    Raises:
        QueryError: `where` is no condition on these columns.
    """
    wanted = "true" if clips is not None else f"{'true' if rejected else 'kept'} AND coalesce(reviewed, '') = ''"
    query = f"""
        WITH rare AS (SELECT *, {_rarity("speaker")} AS speaker_rarity, {_rarity("tone")} AS tone_rarity FROM clips)
        SELECT clip, recording, "start", "end", samples, audio_sha256, text, text_second, speaker, tone, title, {worth()} AS worth
        FROM rare WHERE {wanted} AND ({where or "true"}
        ) ORDER BY {_ORDER[order]}"""
    try:
        with answer(dataset, version, query) as batches:
            found: list[dict[str, Any]] = []
            for batch in batches:
                found += [r for r in batch.to_pylist() if clips is None or r["clip"] in clips]
                if len(found) >= limit:
                    break
    except QueryError as error:
        raise QueryError(f"--where: expected a condition on columns of clips, such as text_agreement < 0.8: {error}") from None
    return found[:limit]
