"""What a run does with broken files and feeds. There is no peer.

    PYTHONPATH=. .venv/bin/python benchmarks/faults.py [--files 500] [--feeds 100] [--seed 0]

Breaks slices of the bundled sample, and a feed, at random in the ways that `FILES` and `FEEDS` list, and calls `speechmill run`
on all of them. Prints a table of the outcomes, the time of the run and the largest memory of a process. Exits with status 1 if
the run fails or prints a traceback, or if a file or a feed is in no row and in no line of output.
"""

import argparse
import random
import re
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

from pipelines.inputs.slots import SEPARATE
from store.ledger import Ledger, LedgerRow
from store.objects import open_store
from tests.broken import FEEDS, FILES, bomb, encoded

COMMAND = str(Path(sys.executable).parent / "speechmill")


def make_files(folder: Path, count: int, rng: random.Random) -> dict[str, str]:
    """Writes broken files; returns the kind of each by its name."""
    folder.mkdir()
    sounds = encoded(folder.parent)
    kinds = {}
    for number in range(count):
        kind = list(FILES)[number % len(FILES)]
        name, data = FILES[kind](rng, sounds)
        path = folder / f"{number:04}-{name}"
        path.write_bytes(data)
        kinds[path.name] = kind
    path = folder / f"{count:04}-a.flac"
    path.write_bytes(bomb())
    return kinds | {path.name: "decompression bomb"}


def make_feeds(folder: Path, count: int, url: str, rng: random.Random) -> dict[str, str]:
    """Writes broken feeds; returns the kind of each by its name."""
    folder.mkdir()
    kinds = {}
    for number in range(count):
        kind = list(FEEDS)[number % len(FEEDS)]
        path = folder / f"{number:04}.xml"
        path.write_bytes(FEEDS[kind](rng, f"{url}/{number:04}.xml"))
        kinds[path.name] = kind
    return kinds


class Handler(SimpleHTTPRequestHandler):
    """Serves the feeds; every path that ends in .mp3 is the same episode."""

    episode = b""

    def do_GET(self) -> None:
        if self.path.endswith(".mp3"):
            self.send_response(200)
            self.send_header("Content-Type", "audio/mpeg")
            self.send_header("Content-Length", str(len(self.episode)))
            self.end_headers()
            self.wfile.write(self.episode)
        else:
            super().do_GET()

    def log_message(self, *_: object) -> None:
        pass


def outcome(rows: list[LedgerRow], name: str, output: str) -> str:
    """What became of an input: the outcome of its first row, or "a line of output", or "missing"."""
    if not rows:
        return "a line of output" if name in output else "missing"
    row = rows[0]
    if row.reason:
        return re.sub(r"[0-9a-f]{16}|\d+(\.\d+)?", "N", row.reason)[:90]
    return "kept" if row.kept_samples else "read, nothing kept"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=500)
    parser.add_argument("--feeds", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--timeout-minutes", type=float, default=120)
    chosen = parser.parse_args()
    rng = random.Random(chosen.seed)
    with tempfile.TemporaryDirectory(prefix="speechmill-") as scratch:
        folder = Path(scratch)
        kinds = make_files(folder / "files", chosen.files, rng)
        Handler.episode = encoded(folder)["mp3"]
        with ThreadingHTTPServer(("127.0.0.1", 0), lambda *a: Handler(*a, directory=folder / "feeds")) as server:
            url = f"http://127.0.0.1:{server.server_address[1]}"
            feeds = make_feeds(folder / "feeds", chosen.feeds, url, rng)
            threading.Thread(target=server.serve_forever, daemon=True).start()
            sources = folder / "sources.txt"
            sources.write_text("\n".join([str(folder / "files"), *(f"{url}/{name}" for name in feeds)]))
            whole = ("--discover-max-shards", "0", "--discover-shard-seconds", "200000")  # all in one run, in few shards
            quick = ("--download-sleep-seconds", "0", "--download-max-sleep-seconds", "0", "--download-backoff-seconds", "0.1")
            small = ("--separate-model", SEPARATE.bundled)  # needs no network
            store = ("--store", str(folder / "store"), "--dataset", "faults", "--allow-private")
            command = [COMMAND, "run", "--sources", str(sources), *store, *whole, *quick, *small]
            start = time.monotonic()
            done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=chosen.timeout_minutes * 60)
            minutes = (time.monotonic() - start) / 60
            server.shutdown()
        rows = list(Ledger(open_store(str(folder / "store")), "faults").rows().values())
    output = done.stdout + done.stderr
    by_name: dict[str, list[LedgerRow]] = {}
    for row in rows:
        for name in re.findall(r"\d{4}[-.][^/]*", unquote(row.url))[:1]:
            by_name.setdefault(name, []).append(row)
    found: Counter[tuple[str, str]] = Counter()
    for name, kind in (kinds | feeds).items():
        found[kind, outcome(by_name.get(name, []), name, output)] += 1
    print("| input | outcome | count |\n|---|---|---|")
    for (kind, what), count in sorted(found.items()):
        print(f"| {kind} | {what} | {count} |")
    missing = sum(count for (_, what), count in found.items() if what == "missing")
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    traces = output.count("Traceback")
    print(f"\n{len(kinds)} files, {len(feeds)} feeds, {len(rows)} rows, seed {chosen.seed}, {minutes:.1f} minutes")
    print(f"exit status {done.returncode}, {traces} tracebacks, {missing} inputs without a row or a line, most memory {memory:.0f} MiB")
    if done.returncode or traces:
        print(output[-5000:], file=sys.stderr)
    return 1 if done.returncode or traces or missing else 0


if __name__ == "__main__":
    sys.exit(main())
