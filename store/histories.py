"""Takes what was removed out of the history of Delta tables, of which deltalake keeps every commit."""

import json
import re
import urllib.parse
from collections.abc import Callable, Collection
from typing import Any

from store.interface import Store
from store.parquet import read_columns
from store.tables import explained, open_table

_COMMIT = re.compile(r"(\d{20})\.json")

Actions = list[dict[str, Any]]


def drop_history(store: Store, key: str, gone: Collection[str]) -> None:
    """Makes the newest state of a table, which has none of the recordings `gone`, its first: removes older commits and files.

    Reading and writing it go on meanwhile: a file that no commit has yet stays, unless it has such a recording. Then its writer read
    the table before the recording left it, so its commit is refused. Does nothing if there is no table. It can be repeated.
    """
    with explained(store, "read", key):
        table = open_table(store, key)
    if table is None:
        return
    with explained(store, "commit to", key):
        newest = table.version()
        table.create_checkpoint()
    folder = f"{key}/_delta_log/"
    logs = _names(store, folder)
    actions = [a for name in logs if _COMMIT.fullmatch(name) for a in _actions(store, folder + name)]
    with explained(store, "read", key):
        later = open_table(store, key)
        live = {_path(uri) for t in (table, later) if t for uri in t.file_uris()}
    known = {_path(a[verb]["path"]) for a in actions for verb in ("add", "remove") if verb in a} - live
    for name in _names(store, f"{key}/"):
        if "/" not in name and name not in live and (name in known or _holds(store, f"{key}/{name}", gone)):
            store.delete(f"{key}/{name}")
    for name in logs:
        if _number(name) < newest:
            store.delete(folder + name)


def _holds(store: Store, key: str, recordings: Collection[str]) -> bool:
    """Whether a file of a table has a row of one of the recordings."""
    with store.open(key) as file:
        rows = read_columns(file, {"recording", "first_recording"})
    return any(not set(column.to_pylist()).isdisjoint(recordings) for column in rows.columns)


def _path(uri: str) -> str:
    """The name of a file of a table, as in the store."""
    return urllib.parse.unquote(uri.rpartition("/")[2])


def rewrite_log(store: Store, key: str, change: Callable[[int, Actions], Actions]) -> None:
    """Replaces the actions of each commit of a table by those that `change` returns for its number and actions.

    The newest commit is replaced first. If the files that a commit adds are replaced by others, and the later commits remove both,
    every state of the table can be read at every moment.
    """
    folder = f"{key}/_delta_log/"
    names = _names(store, folder)
    for name in sorted(names, key=lambda n: n != "_last_checkpoint"):  # readers first have to look for the commits
        if not _COMMIT.fullmatch(name):
            store.delete(folder + name)
    for name in sorted(filter(_COMMIT.fullmatch, names), reverse=True):
        before = _actions(store, folder + name)
        after = change(_number(name), before)
        if after != before:
            store.write(folder + name, "".join(json.dumps(a, separators=(",", ":")) + "\n" for a in after).encode())
    with explained(store, "commit to", key):
        if table := open_table(store, key):
            table.create_checkpoint()


def _names(store: Store, prefix: str) -> list[str]:
    return [k.removeprefix(prefix) for k in store.keys(prefix)]


def _number(name: str) -> int:
    """The number of the commit that a file of a log belongs to; a file of none is the newest."""
    found = re.match(r"\d{20}(?=\.)", name)
    return int(found[0]) if found else 10**20


def _actions(store: Store, key: str) -> Actions:
    return [json.loads(line) for line in store.read(key).decode().split("\n") if line]
