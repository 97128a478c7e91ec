"""Tags: names that people give to versions of a dataset. Every move of a tag is one commit, so the history stays."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from store.interface import Store, StoreError
from store.objects import check_name, is_name
from store.tables import Table

_TAG, _BEFORE, _AFTER = "speechmill.tag", "speechmill.before", "speechmill.after"


@dataclass(frozen=True, slots=True)
class Tag:
    """A name of a version of a dataset."""

    tag: str
    """1 to 63 lowercase letters, digits, - and _, but not digits alone."""
    version: int
    """Number of the version."""


class TagMove(NamedTuple):
    """A change of a tag."""

    tag: str
    before: int | None
    """The version that had the tag before; None of a new tag."""
    after: int | None
    """The version that has it since; None if the tag was removed."""
    timestamp_ms: int


class TagStore:
    """Reads and moves the tags of one dataset."""

    def __init__(self, store: Store, dataset: str) -> None:
        self._store, self._dataset = store, check_name(dataset)
        self._table = Table(store, f"datasets/{dataset}/tags", Tag, "tag")

    def tags(self) -> dict[str, int]:
        """The number of the version of each tag."""
        return {t.tag: t.version for t in self._table.rows()}

    def version(self, tag: str) -> int:
        """The number of the version with a tag. Raises StoreError if no version has it."""
        tags = self.tags()
        if tag not in tags:
            there = ", ".join(tags) or "none"
            raise StoreError(f"expected a tag of dataset {self._dataset} in {self._store.uri}, found {tag!r}: its tags are {there}")
        return tags[tag]

    def move(self, tag: str, version: int) -> int | None:
        """Gives a tag to a version, which the caller knows to exist. Returns the number of the version that had it before.

        Moving a tag to the version that has it commits nothing.
        """
        return self._change(check_tag(tag), version)

    def remove(self, tag: str) -> int:
        """Removes a tag. Returns the number of its version. Raises StoreError if no version has it."""
        self.version(tag)
        return self._change(tag, None) or 0

    def history(self) -> list[TagMove]:
        """All moves, oldest first."""
        commits = [c for c in self._table.history() if _TAG in c]
        return [TagMove(c[_TAG], _number(c[_BEFORE]), _number(c[_AFTER]), c["timestamp"]) for c in reversed(commits)]

    def _change(self, tag: str, version: int | None) -> int | None:
        found: list[int | None] = []

        def changed(present: list[Tag], _: object) -> tuple[list[Tag], Mapping[str, str]] | None:
            before = next((t.version for t in present if t.tag == tag), None)
            found[:] = [before]
            if before == version:
                return None
            others = [t for t in present if t.tag != tag]
            metadata = {_TAG: tag, _BEFORE: _text(before), _AFTER: _text(version)}
            return sorted([*others, *([Tag(tag, version)] if version else [])], key=lambda t: t.tag), metadata

        self._table.change(changed)
        return found[0]


def check_tag(tag: str) -> str:
    """Returns a tag. Raises StoreError if it is not valid: a tag of digits alone would look like the number of a version."""
    if not is_name(tag) or tag.isdigit():
        raise StoreError(
            f"expected a tag of 1 to 63 lowercase letters, digits, - and _, which is no number, found {tag!r}: choose such a tag"
        )
    return tag


def tags_of(tags: Mapping[str, int], version: int) -> list[str]:
    """The tags of a version, sorted."""
    return sorted(t for t, number in tags.items() if number == version)


def _text(version: int | None) -> str:
    return "" if version is None else str(version)


def _number(text: Any) -> int | None:
    return int(text) if text else None
