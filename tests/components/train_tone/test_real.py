"""Real recordings by the file names of their collections."""

from pathlib import Path

import pytest

from tests.components.train_tone.test_main import train
from tests.places import DATA

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="needs real recordings")


@pytest.mark.parametrize(("collection", "speakers", "least"), [("emodb", 5, 0.8), ("ravdess", 12, 0.45)])
def test_tones_of_actors_who_were_left_out_are_told_apart(tmp_path: Path, collection: str, speakers: int, least: float) -> None:
    figures, rows, _ = train(tmp_path, DATA / collection, tones="angry,happy,neutral,sad")
    assert figures["speakers"] == speakers and figures["recall"] > least
    assert {r.reason for r in rows if not r.use} <= {
        f"the tone {t!r} is not to be learned" for t in ("calm", "bored", "fearful", "disgusted", "surprised")
    }
