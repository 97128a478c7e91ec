"""The network, its export, and the way a training resumes."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import numpy as np
import pytest

from components.shared.encoders import ENCODERS
from components.shared.inference import load_voicefilter
from components.shared.training import Batch, Plan, State, train
from components.shared.training_workers import batched
from components.shared.voicefilter import BINS, NETWORKS, Config, Network
from components.train_voicefilter.__main__ import AGREEMENT
from components.train_voicefilter.mixing import Mixtures
from components.train_voicefilter.network import Trainer
from components.train_voicefilter.sources import open_data
from components.train_voicefilter.validation import scores
from tests.components.train_voicefilter.conftest import TINY

FORWARD = Config(Network(4, 2, (2, 2, 1, 2, 1, 1, 2, 1), 8, False, 16), "resemblyzer")


@pytest.fixture(scope="module")
def mixtures(library: Path) -> Mixtures:
    data = open_data(library)
    return Mixtures(1, data.training, "campplus", data.noises, data.music)


def batches(mixtures: Mixtures, step: int = 0) -> Iterator[Batch]:
    return batched((mixtures(index) for index in count(2 * step)), 2)


@pytest.mark.parametrize("config", [TINY, FORWARD], ids=["both-ways", "forward"])
def test_the_exported_network_gives_the_masks_of_the_trained_one(config: Config, tmp_path: Path) -> None:
    rng, numbers, trainer = np.random.default_rng(0), ENCODERS[config.voice_by].numbers, Trainer(config, 1, 0.3, threads=1)
    batch = {name: rng.random((2, 60, BINS), np.float32) for name in ("mixture", "target")}
    batch["voice"] = rng.standard_normal((2, numbers)).astype(np.float32) / np.float32(np.sqrt(numbers))
    for _ in range(3):
        trainer.train_on(batch, 0.01)
    path = tmp_path / "network.onnx"
    path.write_bytes(trainer.to_onnx())
    exported = load_voicefilter(path, threads=1)
    for frames in (1, 7, 200):
        magnitudes = 3 * rng.random((frames, BINS), np.float32)
        mask = exported(magnitudes, batch["voice"][0])
        assert mask.shape == (frames, BINS) and mask.min() >= 0 and mask.max() <= 1
        assert np.abs(mask - trainer.mask(magnitudes, batch["voice"][0])).max() < AGREEMENT
    other = exported(magnitudes, batch["voice"][1])
    assert np.abs(mask - other).max() > 1e-4, "the mask depends on the voice"


def test_the_full_network_is_the_paper_s_and_the_small_one_is_small() -> None:
    full, small = (Trainer(Config(NETWORKS[name], "resemblyzer"), 0, 0.3).model for name in ("full", "small"))
    assert [tuple(c.kernel_size) for c in full.convolutions] == [(1, 7), (7, 1), *[(5, 5)] * 5, (1, 1)]
    assert [c.dilation[0] for c in full.convolutions] == [1, 1, 1, 2, 4, 8, 16, 1]
    assert [c.out_channels for c in full.convolutions] == [64] * 7 + [8]
    assert (full.lstm.input_size, full.lstm.hidden_size) == (8 * 601 + 256, 400)
    assert [d.out_features for d in full.dense] == [600, 601]
    assert sum(p.numel() for p in small.parameters()) < 2_000_000


def test_a_training_that_goes_on_after_an_interruption_has_the_weights_of_one_that_was_not_interrupted(mixtures: Mixtures) -> None:
    plan = Plan(max_steps=6, max_minutes=0, learning_rate=0.01, warmup_steps=2, validate_every_steps=2, patience=0)

    def run(state: State, trainer: Trainer, stop_after: int = 0) -> str:
        made = batches(mixtures, state.steps)
        return train(trainer, made, 1.0, lambda: float(state.steps), plan, state, lambda: None, lambda: 0 < stop_after <= state.steps)

    whole, trainer = State(), Trainer(TINY, 3, 0.3, threads=1)
    assert run(whole, trainer) == "done"
    first, interrupted = State(), Trainer(TINY, 3, 0.3, threads=1)
    assert run(first, interrupted, stop_after=3) == "stopped" and first.steps == 3
    state, values = State.from_bytes(first.to_bytes(interrupted.values()))
    resumed = Trainer(TINY, 99, 0.3, threads=1)  # its own first weights are overwritten
    resumed.load(values)
    assert run(state, resumed) == "done"
    expected, found = trainer.values(), resumed.values()
    assert expected.keys() == found.keys() and any("adam" in name for name in found)
    assert all(np.array_equal(found[name], expected[name]) for name in expected), "bit for bit"
    assert all(np.array_equal(state.best[name], whole.best[name]) for name in whole.best)


@pytest.mark.parametrize("power", [0.3, 1.0])
def test_training_takes_a_voice_out_of_two(library: Path, power: float) -> None:
    plain = Mixtures(1, open_data(library).training, "campplus", plain=True)
    known = [plain.mixture(index) for index in range(4)]
    (batch,) = batched((plain(index) for index in range(4)), 4)
    trainer = Trainer(Config(Network(8, 4, (2, 2, 2, 2, 1, 1, 1, 1), 48, True, 64), "campplus"), 1, power, threads=1)
    before = scores(known)
    assert before.si_sdr_db == pytest.approx(0, abs=1) and before.sdr_db == pytest.approx(0, abs=1)
    losses = [trainer.train_on(batch, 0.004) for _ in range(60)]
    assert losses[-1] < 0.7 * losses[0]
    after = scores(known, trainer.mask)
    assert after.si_sdr_db > before.si_sdr_db + 3 and after.sdr_db > before.sdr_db + 3
