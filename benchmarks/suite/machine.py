"""Facts about the machine, the code and the day, for the page."""

import os
import platform
import re
import subprocess
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from components.deployment import ROOT, pins
from pipelines.local.environments import has_gpu, stages

_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OPENBLAS_CORETYPE", "MKL_NUM_THREADS", "TF_NUM_INTRAOP_THREADS")
"""Environment variables that change the speed of networks and of NumPy."""

_PACKAGES = ("numpy", "scipy", "onnxruntime", "tensorflow-cpu", "tensorflow", "torch", "ctranslate2", "librosa")


def facts() -> dict[str, str]:
    """Returns what one must know to compare figures: date, commit, processors, memory, system and variables."""
    found = {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "commit": commit(),
        "processors": f"{cores()} of {_processor()}",
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 1e9:.0f} GB",
        "graphics processor": "there is one, which the stages may use" if has_gpu() else "none",
        "system": f"{platform.system()} {platform.release().partition('-')[0]}, Python {platform.python_version()}",
    }
    given = [f"{name}={os.environ[name]}" for name in _VARIABLES if name in os.environ]
    found["packages of the stages"] = versions(pins(stage, has_gpu()) for stage in stages())
    found["packages of the peers"] = versions(sorted((ROOT / "benchmarks" / "peers").glob("*.txt")))
    return found | ({"environment variables": ", ".join(given)} if given else {})


def versions(pinned: Iterable[Path]) -> str:
    """Returns the versions in files of pins of the packages that do most of the work."""
    text = "".join(path.read_text(encoding="utf-8") for path in pinned)
    found = ((name, sorted(set(re.findall(rf"^{re.escape(name)}==(\S+)", text, re.MULTILINE)))) for name in _PACKAGES)
    return ", ".join(f"{name} {' and '.join(numbers)}" for name, numbers in found if numbers)


def cores() -> int:
    """Returns the number of processors that this process may use."""
    return len(os.sched_getaffinity(0))


def commit() -> str:
    """Returns the commit, and whether the code differs from it; empty outside a repository."""
    try:
        return _git("rev-parse", "--short", "HEAD") + (", with changes" if _git("status", "--porcelain", "-uno") else "")
    except (subprocess.CalledProcessError, OSError):
        return ""


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
