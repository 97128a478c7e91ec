"""`speechmill compare`: makes a dataset with each of several settings, and shows them side by side."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
import soundfile
from rich.table import Table

from components.deployment import deployed
from components.report.listening import choose
from components.report.reading import sample
from components.shared.rows import DatasetRow
from components.shared.task import StageError
from pipelines.commands.options import GroupedCommand
from pipelines.commands.run import Place, Work, make_version, place_of, print_choices, run_options, settled
from pipelines.commands.shared import print_out
from pipelines.dataset import STAGES
from pipelines.datasets.comparison import Comparison, Values, Variant, grid_points, label, notes_of, variant
from pipelines.datasets.comparison_page import page, rows_of
from pipelines.datasets.downstream import BUDGET_SECONDS, SEEDS, Moments, Sound, judging, scores
from pipelines.datasets.export import AUDIO_SUFFIXES
from store.datasets import DatasetStore, Version, audio_key

MOST_POINTS = 64
"""Most variants: a comparison of more is a mistake in a grid."""
CLIPS = 6
"""Clips of each variant on the page."""


@dataclass(frozen=True)
class _Sounded:
    """Columns of DatasetRow."""

    clip: str
    audio_sha256: str
    start: float
    end: float
    kept: bool


@click.command("compare", cls=GroupedCommand)
@click.option(
    "--grid",
    "grids",
    multiple=True,
    required=True,
    metavar="SETTING=VALUE,VALUE…",
    help="A setting or a model of the run and its values, such as publish_min_seconds=0.3,1,1.5. Separate values that hold commas with ; "
    "instead. Given several times, all combinations are made.",
)
@click.option(
    "--judge",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Clean speech of other recordings. A small model is trained on the clips of each variant and judged on it.",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    show_default="NAME-compared.html",
    metavar="FILE",
    help="The page. A JSON file with the same figures is written beside it.",
)
def command(
    grids: tuple[str, ...],
    judge: Path | None,
    out: Path | None,
    sources: str,
    name: str,
    store_uri: str,
    runner: str,
    runs: Path | None,
    allow_private: bool,
    jobs: int,
    **options: Any,
) -> None:
    """Make a dataset of the same sources with each combination of some settings, and compare them.

    Each variant is a dataset of its own, NAME-HASH, where the hash is that of all settings, models and code. Stages whose settings do
    not differ run once, and a comparison that is repeated makes nothing again.
    """
    place = place_of(store_uri, runner, runs, jobs, allow_private)
    points = grid_points(parse_grids(grids))
    if len(points) > MOST_POINTS:
        raise click.UsageError(f"expected at most {MOST_POINTS} combinations, found {len(points)}: compare fewer values at a time")
    heard = judging(_sounds(judge)) if judge else None
    if judge and heard and not heard.count:
        raise StageError(f"expected speech in {judge}, found none: --judge takes a folder with audio files ({', '.join(AUDIO_SUFFIXES)})")
    works = [settled(place, sources, name, options | point) for point in points]
    print_choices(works[0])
    made = []
    for number, (point, work) in enumerate(zip(points, works, strict=True), 1):
        click.echo(f"\n{number} of {len(points)}: {label(point)}")
        made.append(_made(place, name, point, work))
    variants = [v for v, _ in made]
    if heard:
        variants = _judged(place, made, heard)
    found = Comparison(name, variants, notes_of(variants))
    _print(found)
    out = out or Path(f"{name}-compared.html")
    out.absolute().parent.mkdir(parents=True, exist_ok=True)
    out.write_text(page(found, [_examples(place, v, version) for v, version in made]), encoding="utf-8")
    out.with_suffix(".json").write_text(found.text(), encoding="utf-8")
    print_out(f"wrote {out}, {out.stat().st_size / 1e6:.1f} MB, and {out.with_suffix('.json').name}")


def parse_grids(grids: tuple[str, ...]) -> dict[str, list[Any]]:
    """Parses SETTING=VALUE,VALUE…; raises UsageError if a setting is unknown or a value is not of its type."""
    known = {str(p.name): p for p in command.params if isinstance(p, click.Option) and hasattr(p, "group")}
    found: dict[str, list[Any]] = {}
    for text in grids:
        name, equals, values = text.partition("=")
        name = name.strip().removeprefix("--").replace("-", "_")
        if not equals or name not in known:
            raise click.UsageError(
                f"expected --grid SETTING=VALUE,VALUE with a setting of the run, found {text!r}: `speechmill run --help`"
            )
        if name in found:
            raise click.UsageError(f"expected each setting in one --grid, found {name} twice")
        parts = [value.strip() for value in values.split(";" if ";" in values else ",")]
        found[name] = [known[name].type.convert(value, known[name], None) for value in parts]
        if len(set(found[name])) < len(parts):
            raise click.UsageError(f"expected different values of {name}, found {values}")
    return found


def variant_name(name: str, work: Work) -> str:
    """Returns the name of a variant's dataset: that of the comparison, and a hash of all that makes its clips but the sources."""
    models = {slot.parameter: model.version for slot, model in work.models.items()}
    with deployed(work.deployment):
        images = [stage.image for stage in STAGES]
    known = json.dumps([dict(work.settings), models, images], sort_keys=True, default=str)
    return f"{name[:54]}-{hashlib.sha256(known.encode()).hexdigest()[:8]}"


def _made(place: Place, name: str, point: Values, work: Work) -> tuple[Variant, Version]:
    own = variant_name(name, work)
    forecast = make_version(place, own, work)
    return variant(place.store, own, point, forecast.used_cpu_seconds if place.runner == "embedded" else None)


def _judged(place: Place, made: list[tuple[Variant, Version]], heard: Moments) -> list[Variant]:
    """Adds what a small model learns from each variant, all of them on the same number of seconds."""
    clips = [_kept(DatasetStore(place.store, v.dataset), version) for v, version in made]
    budget = min(BUDGET_SECONDS, *(sum(seconds for _, seconds in own) for own in clips))
    found = []
    for (v, _), own in zip(made, clips, strict=True):
        click.echo(f"training {SEEDS} small models on {budget:.0f} s of {label(v.values)}")
        keys = [(audio_key(v.dataset, sha256), seconds) for sha256, seconds in own]
        found.append(replace(v, downstream=scores(keys, place.store.read, heard, budget)) if budget else v)
    return found


def _kept(dataset: DatasetStore, version: Version) -> list[tuple[str, float]]:
    """Hash of the sound and seconds of each kept clip, in the order of the clips."""
    rows = dataset.columns(version, _Sounded).sort_by("clip").to_pylist()
    return [(row["audio_sha256"], row["end"] - row["start"]) for row in rows if row["kept"]]


def _examples(place: Place, v: Variant, version: Version) -> tuple[DatasetStore, list[DatasetRow]]:
    dataset = DatasetStore(place.store, v.dataset)
    return dataset, choose([row for row in sample(dataset, version) if row.kept], CLIPS)


def _sounds(folder: Path) -> Iterator[tuple[Sound, int]]:
    for path in sorted(p for p in folder.rglob("*") if p.suffix.casefold() in AUDIO_SUFFIXES):
        pcm, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
        yield pcm.mean(axis=1), rate_hz


def _print(found: Comparison) -> None:
    table = Table("", *(label(v.values) for v in found.variants), box=None)
    for name, texts, best in rows_of(found):
        table.add_row(name, *(f"{text} *" if i in best else text for i, text in enumerate(texts)))
    print_out("")
    print_out(table)
    for note in ("* the best", *found.notes):
        print_out(note)


run_options(command)
