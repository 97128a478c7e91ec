"""Turns annotations of a review server into answers."""

import unicodedata
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from pipelines.datasets.review.page import REJECT, SPEAKER, TEXT, TONE
from pipelines.datasets.review.tasks import key_of
from store.reviews import Answer


def answers_of(project: int, tasks: Iterable[Mapping[str, Any]], people: Mapping[int, str]) -> tuple[list[Answer], int]:
    """The answers in tasks with their annotations, and the number of annotated tasks that are not of Speechmill.

    Skipped and empty annotations are no answers. What a person says of a clip's text counts only if the clip is not rejected.
    """
    found, foreign = [], 0
    for task in tasks:
        annotations = [a for a in task.get("annotations", ()) if not a.get("was_cancelled")]
        key = key_of(task["data"])
        if key is None or "recording" not in task["data"]:
            foreign += bool(annotations)
            continue
        for annotation in annotations:
            said = _said(annotation.get("result") or ())
            if not any(said.values()):
                continue
            found.append(
                Answer(
                    clip=key[0],
                    recording=str(task["data"]["recording"]),
                    start=key[1],
                    end=key[2],
                    media_sha256=str(task["data"].get("media_sha256", "")),
                    text="" if said[REJECT] else said[TEXT],
                    text_shown=str(task["data"].get("text", "")),
                    speaker=said[SPEAKER],
                    tone=said[TONE],
                    reject=said[REJECT],
                    by=_who(annotation.get("completed_by"), people),
                    at=_when(annotation.get("updated_at") or annotation["created_at"]),
                    annotation=f"{project}/{annotation['id']}",
                )
            )
    return found, foreign


def _said(result: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    said = dict.fromkeys((TEXT, SPEAKER, TONE, REJECT), "")
    for part in result:
        name, value = part.get("from_name"), part.get("value", {})
        values = value.get("text") if part.get("type") == "textarea" else value.get("choices")
        if name in said and values:
            joined = " ".join([values] if isinstance(values, str) else values)
            said[name] = unicodedata.normalize("NFC", " ".join(joined.split()))
    return said


def _who(person: Any, people: Mapping[int, str]) -> str:
    if isinstance(person, Mapping):
        return str(person.get("email") or person.get("id"))
    return people.get(person, str(person))


def _when(text: str) -> str:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
