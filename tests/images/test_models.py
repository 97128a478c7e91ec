"""The image `models` puts everything bundled into a store, in a sealed container."""

from collections.abc import Mapping

from components.deployment import ROOT, Deployment, deployed
from components.shared.task import MODEL
from pipelines.local import images
from store.bundled import BUNDLED, FETCHED, SPLEETER
from store.models import EFFECTS, MODELS, REFERENCES
from tests.images.conftest import SEALED, config, docker


def test_the_image_puts_everything_bundled_into_a_store(built: Mapping[str, str]) -> None:
    name = images.build_models(images.build_base())
    said = docker("run", *SEALED, name, "python", "-m", "store.bundled", "/tmp/store")
    wanted = [path.parent for kind in (MODELS, REFERENCES, EFFECTS) for path in (BUNDLED / kind).glob(f"*/{MODEL}")]
    wanted += [path.parent for path in (ROOT / FETCHED).glob(f"{SPLEETER}/{MODEL}")]
    assert len(said.splitlines()) == len(wanted) >= 5
    for folder in wanted:
        assert f"/tmp/store/{folder.parent.name.removeprefix('fetched-')}/{folder.name}/" in said
    licenses = config(name)["Labels"]["org.opencontainers.image.licenses"]
    assert licenses == "Apache-2.0 AND GPL-3.0-or-later AND CC-BY-4.0 AND CC0-1.0"


def test_the_name_of_the_image_is_the_same_in_every_registry() -> None:
    name = images.models_name()
    with deployed(Deployment(registry="registry.example.org/team/", gpu=True)):
        assert images.models_name() == f"registry.example.org/team/{name}"
