"""Time and size of the environments, installed from nothing, one after the other.

    PYTHONPATH=. .venv/bin/python benchmarks/installs.py [--only NAME …] [--out FOLDER]

`make bench-install` runs it. It installs the command's environment and that of each stage from their hashed pins into a folder of its
own below build/, with an empty cache of packages, so it downloads all of them, and removes the folder at its end. It prints a table, and
writes it into docs/benchmarks.md; with --only it writes nothing unless --out names a folder. It needs 12 GB of disk.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks.suite import machine, page, results
from benchmarks.suite.results import Install, Installs
from components.deployment import ROOT
from pipelines.local import environments

NEEDED_BYTES = 12e9
COMMAND = "command"
"""Name of the environment of the command `speechmill`."""
Inodes = dict[tuple[int, int], int]


def inodes(folder: Path) -> Inodes:
    """Returns the bytes on disk of all files below a folder, by device and inode, so that hard links count once."""
    found = {}
    for path in [folder, *folder.rglob("*")]:
        facts = path.lstat()
        found[facts.st_dev, facts.st_ino] = facts.st_blocks * 512
    return found


def added_mb(found: Inodes, known: Inodes) -> float:
    """Returns the size in MB of the files that are not known yet."""
    return sum(size for key, size in found.items() if key not in known) / 1e6


def installed(name: str, make: Callable[[], object], folder: Path, known: Inodes) -> Install:
    """Installs an environment and measures it.

    Args:
        name: Its name.
        make: Makes it.
        folder: Where it is then.
        known: The files of the environments before it; those of this one are added.
    """
    start = time.monotonic()
    try:
        make()
    except (subprocess.CalledProcessError, OSError) as error:
        return Install(name, 0.0, 0.0, 0.0, f"{error}")
    seconds = time.monotonic() - start
    found = inodes(folder)
    more = added_mb(found, known)
    known |= found
    return Install(name, seconds, sum(found.values()) / 1e6, more)


def install(name: str) -> Path:
    """Makes the environment of the command or of a stage; returns its Python."""
    return environments.made(COMMAND, ROOT / "requirements.txt") if name == COMMAND else environments.ensure(name)


def install_all(names: list[str], scratch: Path) -> Installs:
    """Installs environments into an empty folder, with an empty cache inside it. The cache is not used by anything else."""
    os.environ["UV_CACHE_DIR"] = str(scratch / "cache")
    environments.FOLDER = scratch / "environments"
    known: Inodes = {}
    done = []
    for name in names:
        done.append(installed(name, partial(install, name), environments.FOLDER / name, known))
        print(f"{name}: {done[-1].failure or f'{done[-1].seconds:.1f} s, {done[-1].own_mb:.0f} MB'}", flush=True)
    return Installs(machine.facts(), done, added_mb(inodes(scratch / "cache"), known))


def main() -> None:
    known = [COMMAND, *environments.stages()]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", default=[], choices=known, metavar="NAME", help=f"stages, or {COMMAND}")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="folder for the results (docs)")
    chosen = parser.parse_args()
    build = ROOT / "build"
    build.mkdir(exist_ok=True)
    if not chosen.only and (free := shutil.disk_usage(build).free) < NEEDED_BYTES:
        sys.exit(f"error: expected {NEEDED_BYTES / 1e9:.0f} GB of free disk below {build}, found {free / 1e9:.0f}: make room")
    with tempfile.TemporaryDirectory(dir=build, prefix="installs-") as scratch:
        found = install_all(chosen.only or known, Path(scratch))
    print("\n" + "\n".join(page.installing(found)))
    if chosen.out or not chosen.only:
        out = chosen.out or ROOT / "docs"
        out.mkdir(parents=True, exist_ok=True)
        whole = results.read(out / "benchmarks.json")
        whole.installs = found
        page.write(whole, out)


if __name__ == "__main__":
    main()
