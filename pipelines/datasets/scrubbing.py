"""Removes names and ids out of what a version's lineage says."""

import re
from collections.abc import Collection, Mapping
from typing import Any

_MODEL_VERSION = re.compile(r"(.+)/[0-9a-f]{12}")


_NAMED = ("speakers", "name")
"""Keys whose values may be names of speakers."""


def scrubbed(value: Any, names: Mapping[str, str], recordings: Collection[str]) -> Any:
    """The value without names of speakers and without recordings.

    Args:
        value: Anything that JSON holds.
        names: Names to remove, by the id that takes their place in rules. A model of such a name, as `<name>/<version>`, becomes "".
        recordings: Ids of recordings. Entries with such a key are left out, and texts that hold one become "".
    """
    ids = {name.casefold(): s for s, name in names.items()}

    def text(found: str, key: str) -> str:
        model = _MODEL_VERSION.fullmatch(found)
        if (model and model[1].casefold() in ids) or any(r in found for r in recordings):
            return ""
        return ",".join(ids.get(part.strip().casefold(), part) for part in found.split(",")) if key in _NAMED else found

    def clean(found: Any, key: str = "") -> Any:
        if isinstance(found, str):
            return text(found, key)
        if isinstance(found, list | tuple):
            return type(found)(clean(v, key) for v in found)
        if isinstance(found, Mapping):
            return {k: clean(v, str(k)) for k, v in found.items() if not any(r in str(k) for r in recordings)}
        return found

    return clean(value)
