"""The README agrees with the code."""

import re

from components.deployment import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_make_command_exists() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"\bmake ([a-z-]+)", README):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
