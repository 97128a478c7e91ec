"""The README says what the code does."""

import re

from components.deployment import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_commands_it_names_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"\bmake ([a-z-]+)", README):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
