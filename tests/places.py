"""Folders that tests read. `components.deployment` also has ROOT, but imports kfp, which the stages' environments lack."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "components" / "download" / "sample"
"""The episodes of the bundled sample."""
DATA = Path(os.environ.get("SPEECHMILL_DATA", ROOT.parent / "shared" / "data"))
"""Real recordings. Most machines lack them, and skip the tests that need them."""
