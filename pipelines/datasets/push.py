"""Uploads an export, a finished folder, to the Hugging Face hub or to a bucket."""

import importlib.util
import os
import re
from pathlib import Path

from components.shared.task import one_line
from pipelines.datasets.folders import INCOMPLETE, MANIFEST, ExportError
from store.objects import open_store

HUB = "hf://datasets/"
_HUB_URI = re.compile(r"hf://datasets/(?P<name>[\w.-]+/[\w.-]+)")
_BUCKET_URI = re.compile(r"(?P<store>s3://[^/]+)(?:/(?P<prefix>[^/].*))?")
_DESCRIPTIONS = (".md", ".json")


def check(uri: str) -> None:
    """Raises ExportError or StoreError unless `uri` is a place to upload to, and the environment has what that takes."""
    if found := _HUB_URI.fullmatch(uri):
        if not os.environ.get("HF_TOKEN"):
            raise ExportError(f"expected a token that may write {found['name']} in the environment variable HF_TOKEN, found none: set it")
        if not importlib.util.find_spec("huggingface_hub"):
            raise ExportError(
                "expected the package huggingface_hub, found none: install it with `.venv/bin/uv pip install huggingface_hub`"
            )
    elif found := _BUCKET_URI.fullmatch(uri):
        open_store(found["store"])
    else:
        raise ExportError(f"expected hf://datasets/USER/NAME or s3://BUCKET/PREFIX to upload to, found {uri!r}")


def push(folder: Path, uri: str) -> str:
    """Uploads all files of an export; returns where they are. Files that are there with the same name are replaced.

    Args:
        folder: The export.
        uri: hf://datasets/USER/NAME, a dataset of the hub, which is made, private, if there is none; or s3://BUCKET/PREFIX.

    Raises:
        ExportError: The folder is not a complete export, other files are at the place, or the hub refuses the upload.
        StoreError: The server of the bucket does not answer or refuses.
    """
    check(uri)
    if not (folder / MANIFEST).is_file() or (folder / INCOMPLETE).exists():
        raise ExportError(f"expected a complete export with {MANIFEST} in {folder}, found none")
    files = sorted((p for p in folder.rglob("*") if p.is_file()), key=lambda p: (p.name == MANIFEST, p))
    if found := _HUB_URI.fullmatch(uri):
        return _push_to_hub(folder, files, found["name"])
    place = _BUCKET_URI.fullmatch(uri)
    assert place
    return _push_to_bucket(folder, files, place["store"], (place["prefix"] or "").rstrip("/"))


def _push_to_hub(folder: Path, files: list[Path], name: str) -> str:
    """Uploads as one commit, without the files of other versions: a reader takes all shards of a folder."""
    from huggingface_hub import HfApi

    kinds = sorted({f"*{path.suffix}" for path in files if path.suffix not in _DESCRIPTIONS})
    hub = HfApi(token=os.environ["HF_TOKEN"])
    try:
        hub.create_repo(name, repo_type="dataset", private=True, exist_ok=True)
        hub.upload_folder(repo_id=name, repo_type="dataset", folder_path=folder, delete_patterns=kinds, commit_message=_first_line(folder))
    except (OSError, ValueError) as error:
        raise ExportError(f"could not upload {folder} to {HUB}{name}: {one_line(error)}") from None
    return f"{hub.endpoint}/datasets/{name}"


def _first_line(folder: Path) -> str:
    """The title of an export's card."""
    text = (folder / "README.md").read_text(encoding="utf-8")
    return next((line[2:] for line in text.splitlines() if line.startswith("# ")), "Export")


def _push_to_bucket(folder: Path, files: list[Path], store_uri: str, prefix: str) -> str:
    store = open_store(store_uri)
    keys = {f"{prefix}/{path.relative_to(folder).as_posix()}".lstrip("/"): path for path in files}
    if others := [key for key in store.keys(f"{prefix}/" if prefix else "") if key not in keys]:
        raise ExportError(
            f"expected no objects but those of this export in {store.uri}/{prefix}, found {others[0]}"
            + (f" and {len(others) - 1} others" if others[1:] else "")
            + ": choose another prefix, or delete them"
        )
    for key, path in keys.items():
        store.write_file(key, path)
    return f"{store.uri}/{prefix}".rstrip("/")
