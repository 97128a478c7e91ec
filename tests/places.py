"""Folders that tests read. `components.deployment` has ROOT too, but imports kfp, which the stages' environments lack."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "components" / "download" / "sample"
"""The bundled episodes."""
DATA = Path(os.environ.get("SPEECHMILL_DATA", ROOT.parent / "shared" / "data"))
"""Real recordings, which most machines lack: tests that need them are skipped there."""
