"""Reads labeled recordings, writes a tone model, a page with its scores and a row for every recording."""

from pathlib import Path
from typing import Any

from components.shared.settings import takes
from components.shared.table import write_rows
from components.shared.task import Lineage, Outcome, run
from components.train_tone.rows import TrainingClip
from components.train_tone.settings import Settings, check_settings


@takes(Settings)
def main(dataset: str, store: str, sounds: Path, model: Path, page: Path, clips: Path, lineage: Lineage, **given: Any) -> Outcome:
    settings = check_settings(**given)
    from components.train_tone.train_tone import train_tone  # scikit-learn takes seconds, and a wrong setting none

    def keep(rows: list[TrainingClip]) -> None:
        write_rows(clips, TrainingClip, rows)

    return train_tone(settings, dataset, store, sounds, model, page, keep, lineage["train_tone"])


if __name__ == "__main__":
    run(main)
