"""An image contains its stage and what the stage needs: no other stage, no build or test tools, no secrets."""

import re
from collections.abc import Mapping
from functools import cache

import pytest

from components.deployment import ROOT, contents, pins
from pipelines.local import images
from pipelines.local.environments import stages
from tests.images.conftest import config, docker, inside
from tests.test_stages import interface

STAGES = stages()
LIMIT_BYTES = {"tensorflow-cpu": 3e9, "torch": 6.5e9}
"""Largest size of an image with this package. Other images have OTHER_LIMIT_BYTES."""
OTHER_LIMIT_BYTES = 1.5e9

WALK = """
import json, os
found = []
for folder, folders, files in os.walk('/'):
    if folder == '/':
        folders[:] = set(folders) - {'proc', 'sys', 'dev', 'tmp'}
    found += [os.path.join(folder, f) for f in files]
print(json.dumps(found))
"""
DISTRIBUTIONS = """
import json, sys
from importlib.metadata import distributions
print(json.dumps([d.metadata['Name'] for d in distributions(path=[p for p in sys.path if p.startswith('/opt/venv')])]))
"""
TOOLS = re.compile(r"/(pip3?|uv|uvx|gcc|cc|g\+\+|make|git|curl|wget|nvcc|go|cargo)$")
LEFT_OVERS = re.compile(r"^/(root|var/lib/apt/lists|var/cache|var/tmp|app/tests)/|\.(deb|whl)$")
SECRET = re.compile(r"secret|token|password|credential|access_?key|api_?key|private|//[^/\s]*:[^/\s]*@", re.IGNORECASE)


def pinned(stage: str, package: str) -> bool:
    return f"\n{package}==" in pins(stage, gpu=False).read_text()


@cache
def files_of(image: str) -> frozenset[str]:
    """All files of an image."""
    return frozenset(inside(image, WALK))


def plain(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


@pytest.mark.parametrize("stage", STAGES)
def test_an_image_contains_the_files_that_its_name_is_a_hash_of(stage: str, built: Mapping[str, str]) -> None:
    found = {f.removeprefix("/app/") for f in files_of(built[stage]) if f.startswith("/app/")}
    files = {str(p.relative_to(ROOT)) for p in contents(stage, bool(interface(stage).needs.store), gpu=False)}
    code = {f for f in files if not f.startswith("dockerfiles/")}
    other_pins = {f"components/{stage}/requirements.gpu.txt"}
    assert found - other_pins == code
    folders = {f.split("/")[1] if f.startswith("components/") else f.split("/")[0] for f in found - {"components/__init__.py"}}
    assert folders == {stage, "shared"} | ({"store"} if interface(stage).needs.store else set())


@pytest.mark.parametrize("stage", STAGES)
def test_an_image_contains_exactly_its_pinned_packages(stage: str, built: Mapping[str, str]) -> None:
    packages = re.findall(r"^([\w.-]+)(?:\[.*\])?==", pins(stage, gpu=False).read_text(), re.MULTILINE)
    assert sorted(map(plain, inside(built[stage], DISTRIBUTIONS))) == sorted(map(plain, packages))
    assert not {"kfp", "pip", "uv", "pytest", "kubernetes"} & set(packages)


@pytest.fixture(scope="module")
def given(built: Mapping[str, str]) -> set[str]:
    """All files of the image that the others are built from, which may contain tools."""
    return set(docker("run", "--rm", images.debian(), "find", "/", "-xdev").splitlines())


@pytest.mark.parametrize("stage", STAGES)
def test_an_image_contains_no_tools_caches_or_cuda(stage: str, built: Mapping[str, str], given: set[str]) -> None:
    found = files_of(built[stage]) - given
    assert len(found) > 1000
    assert not [f for f in found if TOOLS.search(f) or LEFT_OVERS.search(f)]
    if not pinned(stage, "torch"):  # whose package carries CUDA
        assert not [f for f in found if "/nvidia/" in f or "libcu" in f.rpartition("/")[2]]


@pytest.mark.parametrize("stage", STAGES)
def test_history_and_environment_of_an_image_contain_no_secret(stage: str, built: Mapping[str, str]) -> None:
    history = docker("history", "--no-trunc", "--format", "{{.CreatedBy}}", built[stage])
    assert "install-pins" in history
    for line in [*history.splitlines(), *config(built[stage])["Env"]]:
        assert not SECRET.search(line), line


@pytest.mark.parametrize("stage", STAGES)
def test_an_image_has_labels_and_user_and_no_entrypoint(stage: str, built: Mapping[str, str]) -> None:
    said = config(built[stage])
    labels = {k.removeprefix("org.opencontainers.image."): v for k, v in said["Labels"].items()}
    nvidia = any("/nvidia/" in f for f in files_of(built[stage]))
    assert labels["licenses"] == "Apache-2.0 AND GPL-3.0-or-later" + (" AND LicenseRef-NVIDIA-Proprietary" if nvidia else "")
    assert labels["title"] == f"speechmill/{stage}"
    assert re.fullmatch(r"[0-9a-f]{40}(-dirty)?|unknown", labels["revision"])
    assert said["User"] == "10001:10001" and said["WorkingDir"] == "/app" and not said["Entrypoint"]


@pytest.mark.parametrize("stage", STAGES)
def test_an_image_is_below_its_size_limit(stage: str, built: Mapping[str, str]) -> None:
    limit = next((limit for package, limit in LIMIT_BYTES.items() if pinned(stage, package)), OTHER_LIMIT_BYTES)
    assert images.size(built[stage]) < limit


def test_an_existing_image_is_not_built_again(built: Mapping[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    before = docker("image", "inspect", "--format", "{{.Id}} {{.Created}}", *built.values())
    base = images.build_base()
    assert {stage: images.build(stage, False, base) for stage in STAGES} == built
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(STAGES) and all(line.endswith("was there") for line in lines)
    assert docker("image", "inspect", "--format", "{{.Id}} {{.Created}}", *built.values()) == before
