"""The slots of the dataset pipeline for models, references and effects: finds them by name and puts them into the store before a run."""

import os
import re
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from components.shared.model import Model, parse, read_model
from components.shared.task import MODEL, StageError, report
from pipelines.inputs.registry import Progress, entry, fetch
from store.bundled import BUNDLED, FETCHED, SPLEETER
from store.interface import Store, StoreError
from store.models import EFFECTS, MODELS, REFERENCES, ModelStore, place

AUTO = "auto"
NONE = "none"
"""Name of the bundled model, reference and kit that contain nothing."""
_NAMED = re.compile(r"([a-z0-9][a-z0-9_-]*)(?:/([0-9a-f]{12}))?")


@dataclass(frozen=True)
class Slot:
    """A parameter of the dataset pipeline that takes a model, a reference or a kit of effects."""

    parameter: str
    stage: str
    """Stage that uses it."""
    kinds: tuple[str, ...]
    bundled: str
    """Name of the bundled one."""
    help: str
    use: str
    """Text before the name of the chosen one."""
    no_use: str = ""
    """Text if none is chosen; empty if another line says so."""
    preferred: tuple[str, ...] = ()
    """AUTO chooses the first of these that the store or this machine has, else the bundled one."""
    advice: str = ""
    """Text after the name of the bundled one."""
    folder: str = MODELS

    @property
    def input(self) -> str:
        """Name of the stage's input."""
        return self.parameter.removeprefix(f"{self.stage}_")

    @property
    def bundled_folder(self) -> Path:
        """Folder of the bundled one."""
        return BUNDLED / self.folder / self.bundled


SEPARATE = Slot(
    parameter="separate_model",
    stage="separate",
    kinds=("spleeter",),
    bundled="speech-2stems-small",
    help=f"Model that removes the music: a model in the store, or a folder. {AUTO} is {SPLEETER}, which `speechmill run` fetches once, "
    "or the small bundled model if the store lacks it and it cannot be fetched.",
    use="music is removed by",
    preferred=(SPLEETER,),
    advice=f"; {SPLEETER} separates better: speechmill models fetch {SPLEETER}, then models push {SPLEETER} --to the store",
)
EXTRACT = Slot(
    parameter="extract_model",
    stage="extract",
    kinds=("voicefilter", NONE),
    bundled=NONE,
    help=f"VoiceFilter of extract: a model in the store, or a folder. {AUTO} is {NONE}, with which extract cannot be enabled.",
    use="voices are extracted by",
)
TAG_TONE = Slot(
    parameter="tag_tone_model",
    stage="tag_tone",
    kinds=("tone", NONE),
    bundled="tone-4",
    help=f"Model that names the tones: a model in the store, or a folder. tone-4 and tone-2 are bundled; {AUTO} is tone-4. With {NONE}, "
    "clips are grouped into clusters instead.",
    use="tones are named by",
    no_use="tones are clusters, without a model",
)
TRANSCRIBE = Slot(
    parameter="transcribe_model",
    stage="transcribe",
    kinds=("whisper", "vosk", NONE),
    bundled=NONE,
    help=f"Model of the engine whisper or vosk: a model in the store, or a folder. {AUTO} is the engine's largest model in the store, or "
    f"{NONE} with other engines.",
    use="transcripts are written with",
)
TRANSCRIBE_SECOND = replace(
    TRANSCRIBE,
    parameter="transcribe_second_model",
    help=f"Model of the second engine, as for transcribe_model. {AUTO} is the engine's largest model in the store, or {NONE}.",
    use="the second engine transcribes with",
)
REFERENCE = Slot(
    parameter="reference",
    stage="diarize",
    kinds=("reference",),
    bundled=NONE,
    help=f"Reference that all voices are compared with, as `speechmill references add` put it into the store. {AUTO} is {NONE}.",
    use="voices are compared with the reference",
    no_use="voices are compared with no reference",
    folder=REFERENCES,
)
SEPARATE_EFFECTS = Slot(
    parameter="separate_effects",
    stage="separate",
    kinds=("effects",),
    bundled=NONE,
    help="Effects that are found and removed before the separation: a kit that `speechmill effects add` put into the store, or a folder. "
    f"{AUTO} is {NONE}.",
    use="known effects to search for:",
    no_use="no search for known effects",
    folder=EFFECTS,
)
SLOTS = {slot.parameter: slot for slot in (SEPARATE, EXTRACT, TAG_TONE, TRANSCRIBE, TRANSCRIBE_SECOND, REFERENCE, SEPARATE_EFFECTS)}


def bundled(slot: Slot) -> Model:
    """Returns the bundled model of a slot."""
    return parse(slot.bundled_folder / MODEL)


def uri(store: str, slot: Slot, model: Model) -> str:
    """Returns the URI of a model in a store."""
    return f"{store}/{place(model.name, model.version, slot.folder)}"


def own(slot: Slot, wanted: str) -> Path | None:
    """Returns the bundled folder that `wanted` names; None if the store decides."""
    if wanted in ("", AUTO):
        wanted = "" if slot.preferred else slot.bundled
    match = _NAMED.fullmatch(wanted)
    if not match or (Path(wanted) / MODEL).is_file():
        return None
    folder = BUNDLED / slot.folder / match[1]
    return folder if (folder / MODEL).is_file() and match[2] in (None, parse(folder / MODEL).version) else None


def find(store: Store, slot: Slot, wanted: str) -> Model | Path:
    """Finds a model of the run's store, or a folder that may not be in a store yet.

    `wanted` is AUTO or "" for the first preferred one that the store or this machine has, else the bundled one; NAME for its newest
    version in the store, else the fetched model; NAME/VERSION; the URI of one in the store; or a folder. Raises StageError if there
    is no such model, or if the stage cannot use it.
    """
    models = ModelStore(store, slot.folder)
    found: Model | Path
    if folder := own(slot, wanted):
        found = folder
    elif wanted in ("", AUTO):
        stored = (models.model(name) for name in slot.preferred if models.versions(name))
        fetched = (FETCHED / name for name in slot.preferred if (FETCHED / name / MODEL).is_file())
        found = next(stored, next(fetched, slot.bundled_folder))
    elif named := _named(wanted, f"{store.uri}/{slot.folder}/", slot):
        name, version = named
        is_fetched = slot.folder == MODELS and not version and (FETCHED / name / MODEL).is_file() and not models.versions(name)
        found = FETCHED / name if is_fetched else models.model(name, version)
    else:
        found = Path(os.path.expanduser(wanted))  # noqa: PTH111  # pathlib's raises for an unknown user
    model = parse(found / MODEL) if isinstance(found, Path) else found
    if model.kind not in slot.kinds:
        wanted_kind = " or ".join(slot.kinds)
        raise StageError(
            f"{slot.parameter}: expected a model of kind {wanted_kind}, found {model.name} of kind {model.kind}: choose another one"
        )
    return found


def fetch_preferred(store: Store, slot: Slot, wanted: str, progress: Progress) -> None:
    """Fetches the preferred model of a slot onto this machine, if AUTO would choose the bundled one; warns if it cannot be fetched."""
    if wanted not in ("", AUTO) or not slot.preferred or find(store, slot, AUTO) != slot.bundled_folder:
        return
    preferred = entry(slot.preferred[0])
    report(f"fetching {preferred.name} once, {preferred.total_bytes / 1e6:.0f} MB, into {FETCHED / preferred.name}")
    try:
        fetch(preferred, FETCHED / preferred.name, "", progress)
    except (StageError, OSError) as error:
        report(f"WARNING: {preferred.name} could not be fetched, so the small model {slot.bundled} is used, which separates worse: {error}")


def choose(store: Store, slot: Slot, wanted: str) -> Model:
    """Finds a model as `find` does, and puts it into the store.

    If AUTO finds a fetched model that this user may not put there, it warns and takes the bundled one.
    """
    found = find(store, slot, wanted)
    if isinstance(found, Model):
        return found
    try:
        return _push(store, slot, found)
    except StoreError as error:
        if wanted not in ("", AUTO) or found == slot.bundled_folder:
            raise
        report(f"WARNING: {slot.bundled} is used in place of {found}: {error}")
        return _push(store, slot, slot.bundled_folder)


def _push(store: Store, slot: Slot, folder: Path) -> Model:
    try:
        return ModelStore(store, slot.folder).push(folder)
    except StoreError as error:
        what = "" if folder == slot.bundled_folder else f"{folder} "  # without a name, all bundled ones are pushed
        raise StoreError(
            f"{slot.parameter}: expected {folder} in {store.uri}/{slot.folder}, could not copy it there ({error}): "
            f"as the store's root user, run speechmill models push {what}--to {store.uri}"
        ) from None


def describe_choice(slot: Slot, model: Model) -> str:
    """Returns the line to print about a choice."""
    if model.name == NONE:
        return slot.no_use
    line = f"{slot.use} {model.name} {model.version}"
    return f"{line}, bundled{slot.advice}" if model == bundled(slot) else line


def local_folder(store: Store, slot: Slot, model: Model, runs: Path) -> Path:
    """Returns the local folder of a verified model. One in a bucket is copied below `runs` once: local tasks cannot read buckets."""
    if "://" not in store.uri:
        folder = Path(uri(store.uri, slot, model))
        read_model(folder, model.kind)
        return folder
    folder = runs / place(model.name, model.version, slot.folder)
    try:
        read_model(folder, model.kind)
    except StageError:  # missing or damaged
        shutil.rmtree(folder, ignore_errors=True)
        ModelStore(store, slot.folder).fetch(model.name, model.version, folder)
    return folder


def _named(wanted: str, prefix: str, slot: Slot) -> tuple[str, str] | None:
    """Returns the name and the version, empty if not given, in a text; None if it is a path."""
    is_uri = "://" in wanted
    match = _NAMED.fullmatch(wanted.rstrip("/").removeprefix(prefix) if is_uri else wanted)
    if is_uri and not (match and match[2]):
        raise StageError(
            f"{slot.parameter}: expected {prefix}NAME/VERSION, since a run reads {slot.folder} from its own store only, found {wanted}: "
            f"speechmill {'models push NAME --to' if slot.folder == MODELS else f'{slot.folder} add NAME FILE … --store'} "
            f"{prefix.removesuffix(f'/{slot.folder}/')}"
        )
    return (match[1], match[2] or "") if match and not (Path(wanted) / MODEL).is_file() else None
