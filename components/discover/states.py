"""Asks whether files of recordings that the dataset has were replaced at their sources."""

import random
import time
import urllib.parse
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from components.discover.items import Listed, SourceError
from components.discover.plan import Ledgered
from components.discover.web import state_at
from components.shared.files import sha256
from components.shared.state import change, joined
from components.shared.task import report
from store.ledger import FAILED, PUBLISHED

ASKED_KINDS = ("media",)
"""Kinds whose files no list describes, so their servers are asked."""
REFRESHED_KINDS = (*ASKED_KINDS, "feed", "podbbang")
"""Kinds whose servers are asked with `refresh`. YouTube replaces no video; folders and buckets state what they hold."""
MOST_FAILURES = 3
"""Number of questions in a row that a host may leave unanswered."""
MAX_SECONDS = 1200
"""Longest time for all questions: the stage has two hours for all sources."""


def examined(listed: Iterable[Listed], ledger: Ledgered, refresh: bool) -> list[Listed]:
    """Returns the recordings with what is needed to compare their files with those that the dataset has.

    A local file with another size or time is hashed, since copies and backups change times only. The server of a URL is asked
    for the state of its file, which is one request; with `refresh`, that of an episode is asked, too.
    """
    known = {entry.item.recording: entry for entry in listed}
    rows = {name: row for name in known if (row := ledger.get(name)) and row.outcome in (PUBLISHED, FAILED) and not known[name].refusal}
    for name, row in rows.items():
        item = known[name].item
        if item.kind == "local" and row.media_sha256 and change(row.state, item.state):
            known[name] = replace(known[name], media_sha256=_sha256(Path(item.url)))
    kinds = REFRESHED_KINDS if refresh else ASKED_KINDS
    for name, state in _asked({name: known[name].item.url for name in rows if known[name].item.kind in kinds}).items():
        item = known[name].item
        known[name] = replace(known[name], item=replace(item, state=joined(item.state, state)))
    return list(known.values())


def _asked(urls: dict[str, str]) -> dict[str, str]:
    """Returns the states that servers state, of those that answer.

    The order is random, so if the time does not suffice for all, every run asks others.
    """
    failures: Counter[str] = Counter()
    states: dict[str, str] = {}
    started = time.monotonic()
    for number, name in enumerate(random.sample(list(urls), len(urls))):
        host = urllib.parse.urlsplit(urls[name]).netloc.rpartition("@")[2]
        if time.monotonic() - started > MAX_SECONDS:
            report(f"the time to compare files with those of their servers, {MAX_SECONDS} s, is up after {number} of {len(urls)}")
            break
        if failures[host] >= MOST_FAILURES:
            continue
        try:
            states[name] = state_at(urls[name])
            failures[host] = 0
        except SourceError:
            failures[host] += 1
    if unanswered := len(urls) - len(states):
        report(f"{unanswered} of {len(urls)} files were not compared with those of their servers, which did not state them")
    return states


def _sha256(path: Path) -> str:
    """Returns the SHA-256 of a file in hex; "" if it cannot be read: `download` gives the reason."""
    try:
        return sha256(path)
    except OSError:
        return ""
