"""Writes the files of the manifests that git does not have: secrets and the names of the images.

    python manifests/prepare.py [--registry HOST/PREFIX] [--minio IMAGE]

Generates secret keys in base/secrets/*.env; existing files stay. Writes the image names of this checkout to
images/kustomization.yaml.
"""

import argparse
import secrets
from pathlib import Path

from components.deployment import Deployment, deployed
from pipelines.local.images import minio_name, models_name, stage_image

HERE = Path(__file__).resolve().parent


def write_secrets(folder: Path) -> list[Path]:
    """Makes the missing env files from their examples, with random keys; returns their paths."""
    made = []
    for example in sorted(folder.glob("*.env.example")):
        path = example.with_suffix("")
        if not path.exists():
            path.touch(mode=0o600)
            path.write_text(example.read_text().rstrip() + secrets.token_hex(20) + "\n")
            made.append(path)
    return made


def images(registry: str, minio: str) -> str:
    """The text of a kustomization that sets the image names."""
    with deployed(Deployment(registry=registry)):
        names = {"speechmill/publish": stage_image("publish"), "speechmill/models": models_name(), "speechmill/minio": minio}
    lines = ["apiVersion: kustomize.config.k8s.io/v1alpha1", "kind: Component", "images:"]
    for name, image in names.items():
        path, _, tag = image.rpartition(":")
        lines.append(f'- {{name: {name}, newName: "{path}", newTag: "{tag}"}}')
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description="Writes missing secrets and the names of the images.")
    parser.add_argument(
        "--registry",
        default="",
        metavar="HOST/PREFIX",
        help="the registry of the images (default: none, for images that the nodes already have)",
    )
    parser.add_argument("--minio", metavar="IMAGE", help="another MinIO image, with its tag (default: the image of make image-minio)")
    options = parser.parse_args()
    registry = f"{options.registry.rstrip('/')}/" if options.registry else ""
    for path in write_secrets(HERE / "base" / "secrets"):
        print(f"made {path.relative_to(HERE)}: keep a copy in your password store")
    target = HERE / "images" / "kustomization.yaml"
    target.parent.mkdir(exist_ok=True)
    target.write_text(images(registry, options.minio or f"{registry}{minio_name()}"))
    print(f"wrote {target.relative_to(HERE)}")


if __name__ == "__main__":
    main()
