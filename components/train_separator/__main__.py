"""Reads training data, writes a model, and keeps checkpoints in the store so that an interrupted training can resume."""

import dataclasses
import hashlib
import json
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from components.shared.model import describe, read_model
from components.shared.rows import SAMPLE_RATE_HZ
from components.shared.settings import takes
from components.shared.task import Lineage, Outcome, report, run
from components.train_separator.configuration import Config, named, of_model
from components.train_separator.loop import Plan, State, train
from components.train_separator.page import page
from components.train_separator.settings import Settings, check_settings
from components.train_separator.sources import open_data
from components.train_separator.training import batched, build, load_model, save_model, window_frames
from components.train_separator.validation import excerpts, mean_si_sdr, mean_si_sdr_of_mixtures
from components.train_separator.workers import examples
from store.objects import open_store

ORIGIN = "trained by speechmill"
_MAKES_NO_DIFFERENCE = ("workers", "threads")


@takes(Settings)
def main(dataset: str, store: str, sounds: Path, model: Path, curve: Path, start: Path | None, lineage: Lineage, **given: Any) -> Outcome:
    settings = check_settings(**given)
    plan = Plan(**{f.name: getattr(settings, f.name) for f in dataclasses.fields(Plan)})
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
    target, key = open_store(store), f"runs/train_separator/{identity(own, config)}.npz"
    state = State()
    if target.exists(key):
        state, values = State.from_bytes(target.read(key))
        graph.load(values)
        report(f"resumes from step {state.steps}, saved in {target.uri}/{key}")

    def keep() -> None:
        target.write(key, state.to_bytes(graph.values()))

    keep()  # fails now if the store cannot be written
    batch_size = settings.batch_size
    with _stopping() as stopping, examples(data.training, config, state.steps * batch_size, settings.workers, stopping) as made:
        batch_seconds = batch_size * window_frames(config) / SAMPLE_RATE_HZ
        ended = train(graph, batched(made, batch_size), batch_seconds, measure, plan, state, keep, stopping)
    best = state.best_point
    if ended == "stopped" or best is None:
        report(f"stopped at step {state.steps}: run the same training again to resume from {target.uri}/{key}")
        sys.exit(143)
    graph.load(state.best)
    save_model(graph, config, model)
    describe(model, settings.name, "spleeter", settings.licence, ORIGIN, datetime.now(UTC).isoformat(timespec="seconds"))
    if best.si_sdr_db < before.get("start_si_sdr_db", mixtures_db):
        report(f"no validation was better than {'the model that the training started from' if start else 'the mixtures'}")
    figures = {
        "steps": state.steps,
        "best_step": best.step,
        "minutes": state.seconds / 60,
        "si_sdr_db": best.si_sdr_db,
        "mixtures_si_sdr_db": mixtures_db,
        "si_sdr_gain_db": best.si_sdr_db - mixtures_db,
        "loss": next(point.loss for point in state.points if point is best),
        "audio_seconds_per_second": state.steps * batch_seconds / max(state.seconds, 1e-9),
        "ended": ended,
        **before,
    }
    curve.write_text(page(settings.name, state.points, mixtures_db, figures | own["settings"] | own["data"]), encoding="utf-8")
    return figures


def identity(own: Mapping[str, Any], config: Config) -> str:
    """Returns the id of a training: a hash of everything that its result depends on, so that the same training resumes."""
    settings = {name: value for name, value in own["settings"].items() if name not in _MAKES_NO_DIFFERENCE}
    return hashlib.sha256(json.dumps([{**own, "settings": settings}, dict(config)], sort_keys=True).encode()).hexdigest()[:16]


@contextmanager
def _stopping() -> Iterator[Callable[[], bool]]:
    """Yields a function that returns whether Ctrl-C or SIGTERM asked this process to end after the current step."""
    asked: list[int] = []
    before = {number: signal.signal(number, lambda got, _: asked.append(got)) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(asked)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


if __name__ == "__main__":
    run(main)
