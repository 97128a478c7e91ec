"""Has feeds parsed in a process of its own (components/discover/parser.py), with bounded memory and time.

A feed that exhausts memory, never ends or breaks the parser is a failure of its source, and of no other. The process has
none of this one's secrets in its environment.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from components.discover.items import SourceError
from components.shared.task import one_line

MAX_MEMORY_BYTES = 512 * 2**20
MAX_SECONDS = 60
"""Longest computing time."""


def read_feed(data: bytes, content_type: str = "") -> dict[str, Any]:
    """Parses a document in another process.

    Returns:
        What `parser.parsed` returns.

    Raises:
        SourceError: The parser failed, or took too much memory or time.
    """
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "PYTHONSAFEPATH": "1",
        "PYTHONUTF8": "1",
    }
    arguments = [content_type.encode("ascii", "replace").decode().replace("\0", ""), str(MAX_MEMORY_BYTES), str(MAX_SECONDS)]
    command = [sys.executable, "-m", "components.discover.parser", *arguments]
    try:
        done = subprocess.run(command, input=data, capture_output=True, env=environment, timeout=4 * MAX_SECONDS)
    except subprocess.TimeoutExpired:
        done = None
    if done and done.returncode == 0:
        found: dict[str, Any] = json.loads(done.stdout)
        return found
    said = done.stderr.decode(errors="replace").strip().rpartition("\n")[2] if done and done.returncode > 0 else ""
    if not said or "MemoryError" in said:
        bounds = f"{MAX_MEMORY_BYTES >> 20} MiB of memory and {MAX_SECONDS} s"
        raise SourceError(f"expected a feed that can be read with {bounds}, found one that takes more")
    raise SourceError(f"expected a feed that can be parsed, found one that breaks the parser: {one_line(said)}")
