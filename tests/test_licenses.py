"""LICENSE, NOTICE and the images' labels name the licenses of the project and of everything in its images."""

import hashlib
import json
import re
import subprocess
from importlib import metadata
from pathlib import Path

import pytest

from components.deployment import ROOT
from components.shared.audio import ffmpeg
from components.shared.task import MODEL
from pipelines.local import images
from pipelines.local.environments import stages
from store.bundled import BUNDLED

NOTICE = (ROOT / "NOTICE").read_text(encoding="utf-8")
APACHE_2 = "cfc7749b96f63bd31c3c42b5c471bf756814053e847c10f3eb003417bc523d30"
"""SHA-256 of the Apache License 2.0 as the Apache Software Foundation publishes it."""


def entry(name: str) -> str:
    """The paragraph of NOTICE with this line; there must be exactly one."""
    found = [paragraph for paragraph in NOTICE.split("\n\n") if re.search(rf"^{re.escape(name)}$", paragraph, re.MULTILINE)]
    assert len(found) == 1, f"expected one entry {name} in NOTICE, found {len(found)}"
    return found[0]


def pinned() -> set[str]:
    """All packages of all images, as `name version`."""
    files = [*(ROOT / "components").glob("*/requirements*.txt"), *(ROOT / "components").glob("*/models.txt")]
    return {f"{n} {v}".lower() for f in files for n, v in re.findall(r"^([\w.-]+)==(\S+)", f.read_text(encoding="utf-8"), re.MULTILINE)}


def test_the_license_file_is_apache_2_as_pyproject_says() -> None:
    assert hashlib.sha256((ROOT / "LICENSE").read_bytes()).hexdigest() == APACHE_2
    assert 'license = "Apache-2.0"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize("folder", sorted(f.parent for f in BUNDLED.glob(f"*/*/{MODEL}")), ids=str)
def test_a_bundled_folder_has_an_entry_with_its_license(folder: Path) -> None:
    said = json.loads((folder / MODEL).read_text(encoding="utf-8"))["licence"]
    assert f"License: {said}\n" in entry(str(folder.relative_to(ROOT))) + "\n"


def test_every_bundled_folder_has_a_description_and_so_is_checked() -> None:
    assert {f.parent for f in BUNDLED.glob(f"*/*/{MODEL}")} == {f for f in BUNDLED.glob("*/*") if f.is_dir()}


def test_every_wheel_with_a_model_has_an_entry() -> None:
    wheels = [line for file in (ROOT / "components").glob("*/models.in") for line in file.read_text(encoding="utf-8").split()]
    assert wheels
    for wheel in wheels:
        assert re.search(rf"^{re.escape(wheel.replace('==', ' '))}\b.*\n +License: ", NOTICE, re.MULTILINE), wheel


def test_every_wheel_in_the_notice_is_pinned() -> None:
    heads = [line for line in NOTICE.partition("IN EVERY STAGE'S IMAGE")[2].splitlines() if not line.startswith(" ")]
    named = {f"{name} {version}".lower() for name, version in re.findall(r"([\w-]+) (\d+(?:\.\d+)+)", "\n".join(heads))}
    within = {name for name in named if name.split()[0] in ("ffmpeg", "libsndfile")}
    assert len(within) == 2 and len(named - within) > 5
    assert named - within <= pinned()


def test_the_entry_of_ffmpeg_has_its_version_commit_and_license() -> None:
    said = subprocess.run([ffmpeg(), "-version"], capture_output=True, text=True, check=True).stdout
    version, commit = re.search(r"^ffmpeg version n?([\d.]+)\S*-g([0-9a-f]+)", said).groups()
    words = entry(f"ffmpeg {version}, in the wheel of imageio-ffmpeg {metadata.version('imageio-ffmpeg')}").split()
    assert f"{commit}," in words and "GPL-3.0-or-later." in words
    assert {"--enable-gpl", "--enable-version3"} <= set(said.split())
    assert images.LICENSES == "Apache-2.0 AND GPL-3.0-or-later"


def test_the_label_names_the_license_of_cuda_only_on_images_with_cuda() -> None:
    assert images.stage_licenses("cut", gpu=True) == "Apache-2.0 AND GPL-3.0-or-later"
    assert images.stage_licenses("separate", gpu=True) == "Apache-2.0 AND GPL-3.0-or-later AND LicenseRef-NVIDIA-Proprietary"
    with_cuda = {s for s in stages() for gpu in (False, True) if "NVIDIA" in images.stage_licenses(s, gpu)}
    assert with_cuda == {f.parent.name for f in (ROOT / "components").glob("*/requirements*.txt") if "\nnvidia-" in f.read_text()}
    for stage in stages():  # PyPI's PyTorch for Linux carries CUDA, with or without a GPU
        assert ("NVIDIA" in images.stage_licenses(stage, gpu=False)) == (stage == "train_voicefilter")
