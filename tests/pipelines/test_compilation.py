"""Pipelines as files: the same bytes every time, named by what they hold."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from lint import lint

from components.deployment import LOCAL, Deployment
from pipelines.cluster import compilation
from pipelines.cluster.compilation import compile_pipeline, version_name, version_tags
from pipelines.commands.cluster import PIPELINES
from pipelines.dataset import build

Builder = Callable[[Deployment], Any]
COMMAND = str(Path(sys.executable).parent / "speechmill")


def compiled(folder: Path, *arguments: str, **environment: str) -> dict[str, bytes]:
    command = [COMMAND, "compile", "--out", str(folder), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_files_are_the_same_byte_for_byte_whatever_the_environment(tmp_path: Path) -> None:
    first = compiled(tmp_path / "1", PYTHONHASHSEED="1")
    assert sorted(first) == ["dataset.yaml", "training.yaml"]
    assert compiled(tmp_path / "2", PYTHONHASHSEED="2", TZ="Asia/Seoul", LC_ALL="C") == first
    assert compiled(tmp_path / "3", PYTHONHASHSEED="3", KFP_DISABLE_EXECUTION_CACHING_BY_DEFAULT="true") == first
    assert not any(str(Path.cwd()).encode() in text for text in first.values())


def test_a_deployment_with_gpus_and_a_registry_is_another_file(tmp_path: Path) -> None:
    files = compiled(tmp_path, "--gpu", "--registry", "registry.example/team")
    assert sorted(files) == ["dataset-gpu.yaml", "training-gpu.yaml"]
    assert b"image: registry.example/team/speechmill/segment:" in files["dataset-gpu.yaml"]
    assert b"nvidia.com/gpu" in files["dataset-gpu.yaml"]


def test_with_azure_the_dataset_pipeline_is_another_one_and_the_others_are_not(tmp_path: Path) -> None:
    files = compiled(tmp_path, "--azure")
    assert sorted(files) == ["dataset-azure.yaml", "training.yaml"]
    assert b"secretName: speechmill-azure" in files["dataset-azure.yaml"]
    assert b"speechmill-azure" not in compiled(tmp_path / "without")["dataset.yaml"]


def test_labels_a_deadline_and_a_ttl_are_options(tmp_path: Path) -> None:
    labels = ("--label", "kueue.x-k8s.io/queue-name=speech", "--label", "team=")
    files = compiled(tmp_path, *labels, "--deadline-hours", "48", "--ttl-hours", "0.5")
    ttl = {f"resourceTtlOn{end}": 1800 for end in ("Completion", "Success", "Failure")}
    for text in files.values():
        platform = list(yaml.safe_load_all(text))[1]["platforms"]["kubernetes"]
        assert platform["pipelineConfig"] == {"activeDeadlineSeconds": 172_800, **ttl}
        for pod in platform["deploymentSpec"]["executors"].values():
            assert pod["podMetadata"]["labels"].items() > {"kueue.x-k8s.io/queue-name": "speech", "team": ""}.items()


@pytest.mark.parametrize(
    ("label", "said"),
    [
        ("queue", "expected KEY=VALUE"),
        ("queue=two words", "expected KEY=VALUE"),
        ("Kueue/queue=a", "expected KEY=VALUE"),
        (f"queue={'a' * 64}", "expected KEY=VALUE"),
        ("speechmill/network=internet", "expected a label outside speechmill/"),
    ],
)
def test_what_is_no_label_or_not_the_person_s_is_refused(label: str, said: str) -> None:
    done = subprocess.run([COMMAND, "compile", "--label", label], capture_output=True, text=True)
    assert done.returncode == 2 and said in " ".join(done.stderr.split())


@pytest.mark.parametrize("build", PIPELINES)
@pytest.mark.parametrize("azure", [False, True], ids=["", "azure"])
@pytest.mark.parametrize("gpu", [False, True], ids=["cpu", "gpu"])
def test_what_is_compiled_has_no_fault(build: Builder, gpu: bool, azure: bool) -> None:
    assert lint(compile_pipeline(build, Deployment(gpu=gpu, azure=azure)).text) == []


@pytest.mark.parametrize("build", PIPELINES)
def test_no_task_carries_what_explains_its_settings(build: Builder) -> None:
    """A run's object in Kubernetes has little room, and would hold it once for every pod."""
    specification = next(yaml.safe_load_all(compile_pipeline(build, LOCAL).text))
    for component in specification["components"].values():
        if "executorLabel" in component:
            assert not [p for p in component["inputDefinitions"].get("parameters", {}).values() if "description" in p]


def test_a_version_is_named_by_the_commit_and_by_what_it_holds(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    one, other = compile_pipeline(build, LOCAL), compile_pipeline(build, Deployment(registry="registry.example/"))
    assert one.digest != other.digest
    assert version_name(one).endswith(f"-{one.digest}") or version_name(one) == one.digest
    monkeypatch.setattr(compilation, "ROOT", tmp_path)  # no repository, as in an archive of the code
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert version_name(one) == one.digest and version_tags(one) == {"hash": one.digest}
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@example.org"]
    for arguments in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "first"], ["tag", "v1.2"]):
        subprocess.run([*git, *arguments], check=True)
    assert version_name(one) == f"v1.2-{one.digest}"
    assert version_tags(one) == {"commit": "v1.2", "hash": one.digest}
