"""Reads training data, writes a model, and keeps checkpoints in the store so that an interrupted training can resume."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from components.shared.model import describe, read_model
from components.shared.rows import SAMPLE_RATE_HZ
from components.shared.settings import takes
from components.shared.task import Lineage, Outcome, report, run
from components.shared.training import Batch, Plan, figures, fit, identity
from components.shared.training_page import page
from components.shared.training_workers import batched, examples
from components.train_separator.configuration import named, of_model
from components.train_separator.settings import Settings, check_settings
from components.train_separator.sources import Examples, open_data
from components.train_separator.training import build, load_model, save_model, window_frames
from components.train_separator.validation import excerpts, mean_si_sdr, mean_si_sdr_of_mixtures
from store.objects import open_store

ORIGIN = "trained by speechmill"


@takes(Settings)
def main(dataset: str, store: str, sounds: Path, model: Path, curve: Path, start: Path | None, lineage: Lineage, **given: Any) -> Outcome:
    settings = check_settings(**given)
    if start:
        read_model(start, "spleeter")
    config = of_model(start) if start else named(settings.configuration)
    data = open_data(sounds, config, settings.seed, dataset, settings.dataset_version, store)
    own = lineage["train_separator"]
    own["data"] = dict(data.facts)
    report("trains on " + ", ".join(f"{what} {value}" for what, value in data.facts.items()))
    held_out = excerpts(data.validation, settings.validation_windows)
    mixtures_db = mean_si_sdr_of_mixtures(config, held_out)
    report(f"measures on {len(held_out)} held-out windows: speech {mixtures_db:.2f} dB SI-SDR in the mixtures")

    graph = build(config, settings.seed, settings.threads)

    def measure() -> float:
        return mean_si_sdr(graph, config, held_out)

    before: dict[str, float] = {}
    if start:
        load_model(graph, start)
        before["start_si_sdr_db"] = measure()
        report(f"starts from a model that reaches {before['start_si_sdr_db']:.2f} dB")
    batch_size = settings.batch_size
    batch_seconds = batch_size * window_frames(config) / SAMPLE_RATE_HZ

    @contextmanager
    def batches(step: int, stopping: Callable[[], bool]) -> Iterator[Iterator[Batch]]:
        make = Examples(data.training, config)
        with examples(make, step * batch_size, settings.workers, stopping) as made:
            yield batched(made, batch_size)

    plan, where = Plan.of(settings), open_store(store)
    state, ended = fit("train_separator", identity(own, config), graph, batches, batch_seconds, measure, plan, where)
    save_model(graph, config, model)
    describe(model, settings.name, "spleeter", settings.licence, ORIGIN, datetime.now(UTC).isoformat(timespec="seconds"))
    found = figures(state, ended, mixtures_db, batch_seconds) | before
    if found["si_sdr_db"] < before.get("start_si_sdr_db", mixtures_db):
        report(f"no validation was better than {'the model that the training started from' if start else 'the mixtures'}")
    curve.write_text(page(settings.name, state.points, mixtures_db, found | own["settings"] | own["data"]), encoding="utf-8")
    return found


if __name__ == "__main__":
    run(main)
