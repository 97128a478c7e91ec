"""`speechmill review`: people correct clips on a Label Studio server, and their word makes a new version."""

import dataclasses
import hashlib
import json
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import click
from rich.table import Table

from components.publish.reviews import Lost, review_of
from components.report.agreement import agreements
from pipelines.commands.corrections import publish_correction
from pipelines.commands.shared import print_out, store_option
from pipelines.commands.versions import version_option
from pipelines.datasets.review.answers import answers_of
from pipelines.datasets.review.choice import DISAGREEMENT, ORDERS, offered
from pipelines.datasets.review.page import SPEAKER, TONE, choices_of, configuration
from pipelines.datasets.review.server import Json, ReviewError, Server
from pipelines.datasets.review.tasks import LINK_DAYS, files, key_of, links, needs_new_link, tasks_of
from store.datasets import DatasetStore, Version, audio_key, speaker_names
from store.interface import Store
from store.minio import MinioStore
from store.objects import LocalStore, open_store
from store.reviews import ReviewStore

_BATCH_TASKS = 200
_MOST_SHOWN = 20


@click.group("review")
def command() -> None:
    """Let people correct clips on a Label Studio server, and take over what they say.

    The server's address and a token come from LABEL_STUDIO_URL and LABEL_STUDIO_API_KEY.
    """


@command.command("push")
@click.argument("name")
@version_option
@click.option("--where", default="", metavar="SQL", help='Only clips for which it is true, such as "text_agreement < 0.8".')
@click.option("--limit", default=200, show_default=True, type=click.IntRange(1, 100_000), metavar="N", help="The first N clips.")
@click.option(
    "--order",
    type=click.Choice(ORDERS),
    default=DISAGREEMENT,
    show_default=True,
    help="disagreement: first the clips whose correction is worth most, by disagreement of the engines, seconds and rarity of voice or "
    "tone; time: by recording and start.",
)
@click.option(
    "--clips",
    "marks",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Only these clips, kept or not: ids, one a line, as `dataset browse --marks` writes them.",
)
@click.option("--all-clips", is_flag=True, help="Rejected clips, too.")
@click.option("--annotators", default=1, show_default=True, type=click.IntRange(1, 20), help="Number of people who review each clip.")
@click.option(
    "--files-root",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Of a store in a folder: LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT of the server. Default: the store.",
)
@store_option
def push_clips(
    name: str,
    number: int | str | None,
    where: str,
    limit: int,
    order: str,
    marks: Path | None,
    all_clips: bool,
    annotators: int,
    files_root: Path | None,
    store_uri: str,
) -> None:
    """Offer clips of dataset NAME to reviewers, in the project `speechmill NAME` of the server.

    Clips that the project has, and clips that were reviewed, are not offered again.
    """
    server, store = Server(), open_store(store_uri)
    dataset = DatasetStore(store, name)
    version = dataset.version(number)
    ids = _ids(marks) if marks else None
    clips = offered(dataset, version, where, order, limit, ids, all_clips)
    if not clips:
        raise ReviewError(
            f"expected clips to review in version {version.number} of dataset {name}, found none: see --where and --all-clips"
        )
    if ids and (missing := sorted(ids - {c["clip"] for c in clips})) and len(clips) < limit:
        print_out(f"not in version {version.number}: {len(missing)} of the clips, the first one {missing[0]}")
    project = _project(server, dataset, version, [c["speaker"] for c in clips], annotators)
    sound = _sound(server, project, store, name, files_root)
    there = {key: task for task in server.tasks(project) if (key := key_of(task["data"]))}
    renewed = _renew(server, list(there.values()), dataset, version, sound)
    new = [t for t in tasks_of(dataset, version, clips, sound) if key_of(t) not in there]
    for first in range(0, len(new), _BATCH_TASKS):
        server.add(project, new[first : first + _BATCH_TASKS])
    had = f"; {len(clips) - len(new)} were there" if len(clips) > len(new) else ""
    again = f"; {renewed} links to sound made anew" if renewed else ""
    print_out(f"offered {len(new)} clips of version {version.number} of dataset {name}{had}{again}: {server.page_of(project)}")
    if isinstance(store, MinioStore):
        print_out(f"the links to sound hold {LINK_DAYS} days: push again to make them anew")


def _ids(file: Path) -> set[str]:
    lines = (line.strip() for line in file.read_text(encoding="utf-8-sig").splitlines())
    return {line for line in lines if line and not line.startswith("#")}


def _named(dataset: DatasetStore) -> tuple[str, str]:
    """Title and description of a dataset's project. The description tells datasets of one name in several stores apart."""
    store = hashlib.sha256(dataset.store.uri.encode()).hexdigest()[:8]
    return f"speechmill {dataset.name}", f"Clips of dataset {dataset.name} of store {store}, offered by Speechmill."


def _project(server: Server, dataset: DatasetStore, version: Version, offered_speakers: Sequence[str], annotators: int) -> int:
    """The number of the dataset's project, which is made or gets the tones and speakers that it lacks."""
    title, about = _named(dataset)
    names, project = speaker_names(version.lineage), server.project(title, about)
    tones = {t for table in dataset.tables(version, ("clip", "tone")) for t in table["tone"].unique().to_pylist()}
    speakers = set(offered_speakers)
    if project:
        tones |= set(choices_of(project["label_config"], TONE))
        speakers |= set(choices_of(project["label_config"], SPEAKER))
    page = configuration(tones, {s: names.get(s, "") for s in speakers})
    wanted = {"label_config": page, "maximum_annotations": annotators}
    if not project:
        return int(server.create(title=title, description=about, sampling="Sequential sampling", **wanted)["id"])
    if any(project.get(name) != value for name, value in wanted.items()):
        server.change(project["id"], **wanted)
    return int(project["id"])


def _sound(server: Server, project: int, store: Store, name: str, root: Path | None) -> Callable[[str], str]:
    """Returns a function that gives the address of a clip's sound by its hash."""
    if isinstance(store, MinioStore):
        return links(store, name)
    assert isinstance(store, LocalStore)
    folder = Path(store.uri)
    found = files(root or folder, folder, name)
    audio = str((folder / audio_key(name, "00")).parent.parent)
    if audio not in server.folders(project):
        server.add_folder(project, audio, f"audio of {name}")
    return found


def _renew(server: Server, tasks: Sequence[Json], dataset: DatasetStore, version: Version, sound: Callable[[str], str]) -> int:
    """Renews the links to sound of unfinished tasks that expire soon. Returns the number of renewed links."""
    old = [t for t in tasks if not t.get("is_labeled") and needs_new_link(t["data"].get("audio", ""))]
    if not old:
        return 0
    hashes: dict[str, str] = {}
    for table in dataset.tables(version, ("clip", "audio_sha256")):
        hashes |= dict(zip(table["clip"].to_pylist(), table["audio_sha256"].to_pylist(), strict=True))
    own = [t for t in old if t["data"]["clip"] in hashes]
    for task in own:
        server.change_task(task["id"], task["data"] | {"audio": sound(hashes[task["data"]["clip"]])})
    return len(own)


@command.command("pull")
@click.argument("name")
@store_option
def pull_answers(name: str, store_uri: str) -> None:
    """Take over what people said of clips of dataset NAME, as a new version.

    Texts, speakers, tones and rejections of people stay in all later versions, also if a run cuts the recordings elsewhere. What has
    no place then is said.
    """
    server, store = Server(), open_store(store_uri)
    dataset = DatasetStore(store, name)
    dataset.version()
    title, about = _named(dataset)
    project = server.project(title, about)
    if not project:
        raise ReviewError(f"expected a project `{title}` of this store at {server.shown}, found none: run `speechmill review push {name}`")
    found, foreign = answers_of(project["id"], server.tasks(project["id"]), server.people())
    if foreign:
        print_out(f"{foreign} reviewed tasks of the project are not from Speechmill, and are left out")
    reviews = ReviewStore(store, name)
    new = reviews.add(found)
    print_out(f"{len(new)} new answers of {len({a.by for a in new})} people on {len({a.clip for a in new})} clips")
    version = dataset.version()
    media = {r.recording: r.media_sha256 for r in dataset.recordings(version)}
    lost: list[Lost] = []

    def say(left: Sequence[Lost]) -> None:
        lost[:] = left  # the correction may be made again if another writer commits first

    done = publish_correction(store_uri, name, review_of(reviews.answers(), media, say))
    for left in lost[:_MOST_SHOWN]:
        print_out(f"no place for the {', '.join(left.fields)} that {left.answer.by} gave {left.answer.clip}: {left.why}")
    if len(lost) > _MOST_SHOWN:
        print_out(f"no place for something of {len(lost) - _MOST_SHOWN} more answers")
    if not done.made:
        print_out(f"nothing changes: dataset {name} stays at version {version.number}")
        return
    said, seconds = done.made.lineage["correction"], done.made.lineage["seconds"].get("rejected_human_seconds", 0.0)
    print_out(
        f"version {done.made.number} of dataset {name} has a person's word on {said['clips']} clips; {seconds:.1f} s are rejected by people"
    )


@command.command("agreement")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@store_option
def show_agreement(name: str, as_json: bool, store_uri: str) -> None:
    """Say how far people agree who reviewed the same clips of dataset NAME."""
    store = open_store(store_uri)
    DatasetStore(store, name).version()
    answers = ReviewStore(store, name).answers()
    pairs = agreements(answers)
    by = Counter(a.by for a in answers)
    if as_json:
        said = {"dataset": name, "answers": dict(sorted(by.items())), "pairs": [dataclasses.asdict(p) for p in pairs]}
        click.echo(json.dumps(said, indent=2, ensure_ascii=False))
        return
    if not pairs:
        print_out(f"{sum(by.values())} answers of {len(by)} people, and no clip that two of them reviewed: push with --annotators 2")
        return
    table = Table("people", "clips", "CER", "kappa of tones", "of speakers", "of rejections", box=None)
    for p in pairs:
        kappas = (p.tone_kappa, p.speaker_kappa, p.reject_kappa)
        cer = "" if p.cer is None else f"{p.cer:.1%}"
        table.add_row(f"{p.first}, {p.second}", str(p.clips), cer, *("" if k is None else f"{k:.2f}" for k in kappas))
    print_out(table)
