"""Reads training data, writes a model, and keeps checkpoints in the store so that an interrupted training can resume."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from components.shared.inference import load_voicefilter
from components.shared.model import describe
from components.shared.settings import takes
from components.shared.task import Lineage, Outcome, report, run
from components.shared.training import Batch, Plan, figures, fit, identity
from components.shared.training_page import page
from components.shared.training_workers import batched, examples
from components.shared.voicefilter import CONFIG, GRAPH, KIND, NETWORKS, STFT, Config
from components.train_voicefilter.mixing import Mixture, Mixtures
from components.train_voicefilter.settings import Settings, check_settings
from components.train_voicefilter.sources import PIECE_SECONDS, open_data
from components.train_voicefilter.validation import Masks, real_time_factor, scores
from store.objects import open_store

ORIGIN = "trained by speechmill"
AGREEMENT = 1e-4
"""Largest difference of two masks that count as equal: ONNX Runtime adds in another order."""


@takes(Settings)
def main(dataset: str, store: str, sounds: Path, model: Path, curve: Path, lineage: Lineage, **given: Any) -> Outcome:
    from components.train_voicefilter.network import Trainer  # imports PyTorch, which the control side lacks

    settings = check_settings(**given)
    config = Config(NETWORKS[settings.configuration], settings.engine)
    data = open_data(sounds, dataset, settings.dataset_version, store)
    own = lineage["train_voicefilter"]
    own["data"] = dict(data.facts)
    report("trains on " + ", ".join(f"{what} {value}" for what, value in data.facts.items()))
    trained = Mixtures(settings.seed, data.training, settings.engine, data.noises, data.music)
    unheard = Mixtures(settings.seed, data.validation, settings.engine, plain=True)
    held_out = [unheard.mixture(index) for index in range(settings.validation_mixtures)]
    before = scores(held_out)
    trainer = Trainer(config, settings.seed, settings.loss_power, settings.threads)
    report(f"measures on {len(held_out)} mixtures of held-out speakers, {before.si_sdr_db:.2f} dB SI-SDR; trains on {trainer.device}")
    batch_seconds = settings.batch_size * PIECE_SECONDS

    @contextmanager
    def batches(step: int, stopping: Callable[[], bool]) -> Iterator[Iterator[Batch]]:
        with examples(trained, step * settings.batch_size, settings.workers, stopping) as made:
            yield batched(made, settings.batch_size)

    def measure() -> float:
        return scores(held_out, trainer.mask).si_sdr_db

    name = identity(own, asdict(config))
    plan, where = Plan.of(settings), open_store(store)
    state, ended = fit("train_voicefilter", name, trainer, batches, batch_seconds, measure, plan, where)
    (model / GRAPH).write_bytes(trainer.to_onnx())
    (model / CONFIG).write_text(config.to_text(), encoding="utf-8")
    exported = load_voicefilter(model / GRAPH, settings.threads)
    check_export(held_out[0], trainer.mask, exported)
    describe(model, settings.name, KIND, settings.licence, ORIGIN, datetime.now(UTC).isoformat(timespec="seconds"))
    after = scores(held_out, exported)
    found = figures(state, ended, before.si_sdr_db, batch_seconds)
    found |= {"sdr_db": after.sdr_db, "mixtures_sdr_db": before.sdr_db, "real_time_factor": real_time_factor(held_out, exported)}
    if found["si_sdr_db"] < before.si_sdr_db:
        report("no validation was better than the mixtures")
    curve.write_text(page(settings.name, state.points, before.si_sdr_db, found | own["settings"] | own["data"]), encoding="utf-8")
    return found


def check_export(mixture: Mixture, masks: Masks, exported: Masks) -> None:
    """Raises ValueError if the exported network gives another mask than the trained one."""
    magnitudes = np.abs(STFT.spectrum(mixture.mixture))
    difference = float(np.abs(masks(magnitudes, mixture.vector) - exported(magnitudes, mixture.vector)).max())
    if not difference <= AGREEMENT:
        raise ValueError(f"expected masks of the exported network within {AGREEMENT} of the trained one's, found {difference:.2g}")


if __name__ == "__main__":
    run(main)
