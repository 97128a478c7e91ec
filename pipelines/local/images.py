"""Builds the stages' images with Docker's BuildKit, and pushes them to a registry.

`python -m pipelines.local.images [--gpu] [--push HOST/PREFIX] [STAGE …]` builds the images of these stages; without names,
those of all stages and `models`, which holds all that is bundled. `minio` is the MinIO server, which takes minutes to build. An
image's name ends in a hash of its contents, so an image that exists is not built again.

All stages share one recipe, dockerfiles/stage.Dockerfile. Environment variables that a build uses: BASE (debian:bookworm-slim by
default), proxies (HTTP_PROXY etc.), UV_DEFAULT_INDEX (another package index).
"""

import argparse
import hashlib
import importlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from components.deployment import ROOT, Deployment, deployed, image_of, pins
from components.shared.task import MODEL
from components.stage import Stage
from pipelines.local.environments import stages
from store.bundled import BUNDLED, FETCHED, SPLEETER

_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")
"""Build arguments that Docker does not keep in the image."""

LICENSES = "Apache-2.0 AND GPL-3.0-or-later"
"""SPDX expression of an image with the shared requirements: this project, and the ffmpeg in imageio-ffmpeg's wheel. See NOTICE."""


class ImageError(Exception):
    """The user must fix something before images can be built or pushed."""


@cache
def docker() -> str:
    """Returns the first docker command on PATH with BuildKit: new versions need a plug-in for it, old ones include it."""
    found = [shutil.which("docker", path=folder) for folder in os.get_exec_path()]
    for command in filter(None, found):
        asked = subprocess.run([command, "build", "--help"], env=_environment(), capture_output=True, text=True)
        if "--secret" in asked.stdout:
            engine = subprocess.run([command, "version"], capture_output=True, text=True)
            if engine.returncode:
                raise ImageError(f"expected a Docker engine that this user may use: {_last_line(engine.stderr)}")
            return command
    raise ImageError(
        "expected a docker command with BuildKit on PATH, found "
        + (f"{', '.join(filter(None, found))} without it: install docker's buildx plug-in" if any(found) else "none: install docker.io")
    )


def exists(name: str) -> bool:
    """Returns whether the engine has an image."""
    return not _docker("image", "inspect", name, check=False).returncode


def size(name: str) -> int:
    """Returns the size of an image in bytes, including layers that it shares with others."""
    return int(_docker("image", "inspect", "--format", "{{.Size}}", name).stdout)


def base_name() -> str:
    """Returns the name of the base image, a hash of its recipe and its pins."""
    digest = hashlib.sha256()
    for file in (
        "dockerfiles/base.Dockerfile",
        "dockerfiles/install.sh",
        "components/shared/requirements.txt",
        "requirements.bootstrap.txt",
    ):
        digest.update((ROOT / file).read_bytes())
    return f"speechmill/base:{digest.hexdigest()[:16]}"


def stage_image(stage: str) -> str:
    """Returns the name of a stage's image in the current deployment."""
    return _interface(stage).image


def debian() -> str:
    """Returns the image that all others build on; pulls it if it is missing."""
    start = os.environ.get("BASE") or "debian:bookworm-slim"
    if not exists(start):
        pulled = _docker("pull", "--quiet", start, check=False)
        if pulled.returncode:
            reason = _last_line(pulled.stderr)
            raise ImageError(f"expected the image {start}, found none ({reason}): make it with sudo dockerfiles/make-debian.sh {start}")
    return start


def build_base() -> str:
    """Returns the name of the base image; builds it, and the image with the installer, if one is missing."""
    name = base_name()
    if not exists(name) or not exists(f"{name}-uv"):
        start = debian()
        for target, tag in (("uv", f"{name}-uv"), ("base", name)):
            _build("base", tag, {"BASE": start}, target=target)
    return name


def minio_name() -> str:
    """Returns the name of the MinIO server's image; its tag is the revision of MinIO's source."""
    recipe = (ROOT / "dockerfiles" / "minio.Dockerfile").read_text(encoding="utf-8")
    (revision,) = re.findall(r"^ARG MINIO=\S+-(\w+)$", recipe, re.MULTILINE)
    return f"speechmill/minio:{revision}"


def build_minio() -> str:
    """Builds the MinIO server's image if it is missing; returns its name."""
    name = minio_name()
    with _report_size(name):
        if not exists(name):
            _build("minio", name, {"BASE": debian()}, licenses="AGPL-3.0-or-later")
    return name


def build(stage: str, gpu: bool, base: str) -> str:
    """Builds a stage's image if it is missing; returns its name."""
    with deployed(Deployment(gpu=gpu)):
        name = stage_image(stage)
    with _report_size(name):
        if not exists(name):
            _build("stage", name, build_arguments(stage, gpu, base), licenses=stage_licenses(stage, gpu))
    return name


def build_arguments(stage: str, gpu: bool, base: str) -> dict[str, str]:
    """Returns the build arguments of stage.Dockerfile for one stage."""
    given = {"BASE": base, "STAGE": stage, "PINS": pins(stage, gpu).name}
    if _interface(stage).needs.store:
        given["STORE"] = "yes"
    return given


def stage_licenses(stage: str, gpu: bool) -> str:
    """Returns the SPDX expression of a stage's image, with NVIDIA's license if it contains CUDA."""
    pinned = pins(stage, gpu).read_text(encoding="utf-8")
    return LICENSES + (" AND LicenseRef-NVIDIA-Proprietary" if "\nnvidia-" in pinned else "")


def models_name() -> str:
    """Returns the name of the image that copies everything bundled, and the fetched default model, into a store: a hash of its contents."""
    fetched = ROOT / FETCHED / SPLEETER
    files = {p for folder in (BUNDLED, fetched) for p in folder.rglob("*") if p.is_file()} - {fetched / MODEL}  # it has a date
    return image_of("models", sorted({*files, ROOT / "dockerfiles" / "models.Dockerfile"}), stage_image("publish"))


def build_models(base: str) -> str:
    """Builds that image if it is missing; returns its name."""
    name = models_name()
    with _report_size(name):
        if not exists(name):
            publish = stage_image("publish")
            if not exists(publish):
                build("publish", False, base)
            _build("models", name, {"BASE": publish}, licenses=f"{LICENSES} AND CC-BY-4.0 AND CC0-1.0")
    return name


def push(name: str, registry: str) -> None:
    """Pushes an image to a registry."""
    target = f"{registry.rstrip('/')}/{name}"
    _docker("tag", name, target)
    _docker("push", target)
    print(target, flush=True)


@contextmanager
def _report_size(name: str) -> Iterator[None]:
    """Prints the size of an image, and how long its build took."""
    start, there = time.monotonic(), exists(name)
    yield
    note = "was there" if there else f"built in {time.monotonic() - start:.0f} s"
    print(f"{name:<44} {size(name) / 1e6:>6.0f} MB  {note}\n", end="", flush=True)  # one write, because builds run in parallel


def _interface(stage: str) -> Stage:
    return getattr(importlib.import_module(f"components.{stage}.component"), stage)


def _build(recipe: str, name: str, arguments: Mapping[str, str], target: str = "", licenses: str = LICENSES) -> None:
    labels = {"title": name.partition(":")[0], "licenses": licenses, "revision": _revision()}
    given = [f"--build-arg={key}={value}" for key, value in arguments.items()]
    given += [f"--build-arg={key}" for key in _PROXIES if key in os.environ]
    given += [f"--label=org.opencontainers.image.{key}={value}" for key, value in labels.items()]
    recipe_file = f"--file=dockerfiles/{recipe}.Dockerfile"
    with _index() as secrets:
        _docker("build", "--progress=plain", recipe_file, f"--tag={name}", f"--target={target}", *given, *secrets, ".")


@contextmanager
def _index() -> Iterator[list[str]]:
    """Yields the package index as secrets of a build, because its URL may contain a password."""
    index = os.environ.get("UV_DEFAULT_INDEX")
    with tempfile.TemporaryDirectory() as scratch:
        if not index:
            yield []
            return
        texts = {"pip": f"[global]\nindex-url = {index}\n", "uv": f'[[index]]\nurl = "{index}"\ndefault = true\n'}
        for name, text in texts.items():
            (Path(scratch) / name).write_text(text)
        yield [f"--secret=id={name},src={scratch}/{name}" for name in texts]


@cache
def _revision() -> str:
    described = subprocess.run(["git", "describe", "--always", "--dirty", "--abbrev=40"], cwd=ROOT, capture_output=True, text=True)
    return described.stdout.strip() or "unknown"


def _environment() -> dict[str, str]:
    return os.environ | {"DOCKER_BUILDKIT": "1"}


def _docker(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([docker(), *arguments], cwd=ROOT, env=_environment(), capture_output=True, text=True)
    if check and done.returncode:
        print(done.stdout + done.stderr, file=sys.stderr, flush=True)
        raise ImageError(f"docker {arguments[0]} {arguments[-1] if arguments[0] != 'build' else arguments[2]} failed: see the output above")
    return done


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["no reason given"])[-1]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m pipelines.local.images", description="Builds the stages' images.")
    parser.add_argument("--gpu", action="store_true", help="use the pins for GPUs if a stage has them")
    parser.add_argument("--push", metavar="HOST/PREFIX", help="push the images to this registry")
    parser.add_argument("stages", nargs="*", metavar="STAGE", help="default: all stages and models")
    options = parser.parse_args()
    try:
        known, wanted = [*stages(), "models", "minio"], options.stages or [*stages(), "models"]
        if unknown := set(wanted) - set(known):
            raise ImageError(f"expected names among {', '.join(known)}, found {', '.join(sorted(unknown))}")
        base = build_base() if set(wanted) != {"minio"} else ""
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            first = [name for name in wanted if name != "models"]  # it builds on a stage's image
            names = list(pool.map(lambda name: build_minio() if name == "minio" else build(name, options.gpu, base), first))
            names += [build_models(base)] if "models" in wanted else []
        for name in names if options.push else []:
            push(name, options.push)
    except ImageError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
