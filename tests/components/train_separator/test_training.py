"""Spleeter's graph as it is trained and measured here, and the course of a training."""

import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from components.shared.distortion import si_sdr
from components.shared.task import StageError
from components.shared.training import Batch, Plan, Point, State, Values, train
from components.shared.training_page import page
from components.shared.training_workers import batched, examples
from components.train_separator.settings import check_settings
from components.train_separator.sounds import MIX, SPEECH
from components.train_separator.sources import Examples, WindowSource, open_data
from components.train_separator.training import Graph, build, example, load_model, save_model, window_frames
from components.train_separator.validation import excerpts, mean_si_sdr, mean_si_sdr_of_mixtures, separated
from tests.components.train_separator.conftest import CONFIG

PLAN = Plan(max_steps=40, max_minutes=0, learning_rate=0.01, warmup_steps=2, validate_every_steps=10, patience=0)


@pytest.fixture(scope="module")
def built() -> tuple[Graph, Values]:
    """A graph, which takes seconds to build, and its first values; one thread, so that the same sums come out the same."""
    graph = build(CONFIG, 1, threads=1)
    return graph, graph.values()


@pytest.fixture
def graph(built: tuple[Graph, Values]) -> Graph:
    """The graph as it was built."""
    graph, values = built
    graph.load(values)
    return graph


@pytest.fixture
def source(songs: Path) -> WindowSource:
    return open_data(songs, CONFIG, 0).training


def batches(source: WindowSource, first_step: int = 0, size: int = 2) -> Iterator[Batch]:
    return batched((example(source.window(index), CONFIG) for index in range(first_step * size, 10_000)), size)


def run(graph: Graph, source: WindowSource, plan: Plan, state: State, scores: Iterator[float] | None = None, stop_after: int = 0) -> str:
    """A training whose measurements are given, or are the number of steps."""

    def measure() -> float:
        return next(scores) if scores else float(state.steps)

    return train(graph, batches(source, state.steps), 1.0, measure, plan, state, lambda: None, lambda: 0 < stop_after <= state.steps)


def spleeter_s(config: dict[str, Any], folder: Path, sound: NDArray[np.float32]) -> NDArray[np.float32]:
    """The vocals that Spleeter's own prediction makes of a sound with a model."""
    import tensorflow.compat.v1 as tf
    from spleeter.model import EstimatorSpecBuilder

    with tf.Graph().as_default(), tf.Session() as session:
        features = {"waveform": tf.placeholder(tf.float32, (None, 2)), "audio_id": tf.placeholder(tf.string)}
        vocals = EstimatorSpecBuilder(dict(features), config).outputs["vocals"]
        tf.train.Saver().restore(session, str(folder / "model"))
        return session.run(vocals, {features["waveform"]: sound, features["audio_id"]: ""})


@pytest.mark.parametrize("extension", ["zeros", "average"])
def test_the_speech_that_is_measured_is_spleeter_s_own_vocals(graph: Graph, source: WindowSource, tmp_path: Path, extension: str) -> None:
    config = CONFIG | {"mask_extension": extension}
    for batch in islice(batches(source), 5):
        graph.train_on(batch, 0.01)
    save_model(graph, config, tmp_path / "model")
    assert {p.name for p in (tmp_path / "model").iterdir()} == {"config.json", "checkpoint", "model.index", "model.data-00000-of-00001"}
    step, length = CONFIG["frame_step"], CONFIG["frame_length"]
    # the second of Spleeter's segments of T frames: it begins T frames after the silence of one frame_length that Spleeter puts first
    before = CONFIG["T"] * step - length
    mix = source.window(0)[MIX]
    sound = np.concatenate([np.zeros((before, 2), np.float32), mix, np.zeros((CONFIG["T"] * step, 2), np.float32)])
    theirs = spleeter_s(config, tmp_path / "model", sound).mean(axis=1)[before : before + len(mix)]
    ours = separated(graph, config, mix)
    assert np.abs(theirs[length:-length]).max() > 1e-3
    assert np.abs((theirs - ours)[length:-length]).max() < 1e-5


def test_training_lowers_the_loss_and_finds_the_speech(graph: Graph, songs: Path) -> None:
    data = open_data(songs, CONFIG, 0)
    held_out = excerpts(data.validation, 4)
    (batch,) = islice(batches(data.validation), 1)
    loss, state = graph.loss_on(batch), State()
    assert run(graph, data.training, PLAN, state) == "done"
    assert graph.loss_on(batch) < 0.7 * loss
    assert mean_si_sdr(graph, CONFIG, held_out) > mean_si_sdr_of_mixtures(CONFIG, held_out) + 3


def test_a_training_that_goes_on_after_an_interruption_has_the_weights_of_one_that_was_not_interrupted(
    graph: Graph, source: WindowSource
) -> None:
    plan = Plan(max_steps=12, max_minutes=0, learning_rate=0.01, warmup_steps=2, validate_every_steps=4, patience=0)
    fresh, whole = graph.values(), State()
    assert run(graph, source, plan, whole) == "done"
    expected = graph.values()
    graph.load(fresh)
    first = State()
    assert run(graph, source, plan, first, stop_after=7) == "stopped"
    kept = first.to_bytes(graph.values())
    graph.load(fresh)
    state, values = State.from_bytes(kept)
    graph.load(values)
    assert state.steps == 7 and run(graph, source, plan, state) == "done"
    assert [(p.step, p.si_sdr_db) for p in state.points] == [(p.step, p.si_sdr_db) for p in whole.points]
    found = graph.values()
    assert all(np.abs(found[name] - expected[name]).max() <= 1e-6 for name in expected)
    assert all(np.abs(state.best[name] - whole.best[name]).max() <= 1e-6 for name in whole.best)
    assert any(np.abs(found[name] - fresh[name]).max() > 1e-3 for name in graph.network)


def test_it_ends_early_when_nothing_gets_better_and_keeps_the_best(graph: Graph, source: WindowSource) -> None:
    plan = Plan(max_steps=1000, max_minutes=0, learning_rate=0.01, warmup_steps=0, validate_every_steps=2, patience=3)
    state = State()
    seen: list[dict[str, NDArray[Any]]] = []

    def scores() -> Iterator[float]:
        for score in (1.0, 5.0, 4.0, 5.0, 3.0):
            seen.append(graph.values())
            yield score

    assert run(graph, source, plan, state, scores()) == "early"
    assert state.steps == 10
    assert state.best_point == state.points[1] and state.best_point.step == 4
    assert set(state.best) == graph.network
    assert all(np.array_equal(value, seen[1][name]) for name, value in state.best.items())
    assert any(not np.array_equal(seen[1][name], seen[4][name]) for name in state.best)
    assert run(graph, source, plan, state) == "early"  # nothing is done when it begins again


def test_a_time_limit_ends_it(graph: Graph, source: WindowSource) -> None:
    plan = Plan(max_steps=10_000, max_minutes=0.5 / 60, learning_rate=0.001, warmup_steps=0, validate_every_steps=10_000, patience=0)
    state = State()
    assert run(graph, source, plan, state) == "done"
    assert 0 < state.steps < 10_000 and len(state.points) == 1


def test_a_loss_that_is_no_number_is_an_error(graph: Graph, source: WindowSource) -> None:
    graph.load({name: np.full_like(value, np.nan) for name, value in graph.values().items() if name == "conv2d/kernel"})
    with pytest.raises(StageError, match="expected a finite loss at step 0, found nan: set a lower learning_rate"):
        run(graph, source, PLAN, State())


def test_the_learning_rate_rises_in_a_line_and_falls_along_a_cosine() -> None:
    plan = Plan(max_steps=1000, max_minutes=0, learning_rate=0.01, warmup_steps=100, validate_every_steps=1, patience=0)
    assert plan.rate(49, 0) == pytest.approx(0.005, rel=0.01)
    assert plan.rate(500, 0) == pytest.approx(0.005, rel=0.01)
    assert plan.rate(999, 0) == pytest.approx(0.0001)
    rates = [plan.rate(step, 0) for step in range(100, 1000)]
    assert rates == sorted(rates, reverse=True)


@pytest.mark.parametrize(
    "change",
    [{"max_steps": 0}, {"max_minutes": -1.0}, {"learning_rate": 0.0}, {"validate_every_steps": 0}, {"patience": -1}, {"workers": -1}],
)
def test_a_plan_that_cannot_be_is_rejected_with_the_parameter_s_name(change: dict[str, Any]) -> None:
    (name,) = change
    others = {"name": "separator", "licence": "", "configuration": "2stems-16kHz", "dataset_version": 0, "batch_size": 4}
    others |= {"validation_windows": 32, "seed": 0, "workers": 0, "threads": 0}
    with pytest.raises(StageError, match=f"parameter train_separator_{name}: expected"):
        check_settings(**others | PLAN.__dict__ | change)


def test_a_model_s_weights_are_taken_and_those_of_another_network_refused(graph: Graph, source: WindowSource, tmp_path: Path) -> None:
    before = graph.values()
    save_model(graph, CONFIG, tmp_path / "model")
    graph.train_on(next(batches(source)), 0.01)
    load_model(graph, tmp_path / "model")
    after = graph.values()
    assert all(np.array_equal(before[name], after[name]) for name in graph.network)

    import tensorflow.compat.v1 as tf

    with tf.Graph().as_default(), tf.Session() as session:
        tf.get_variable("conv2d/kernel", (1, 2))
        session.run(tf.global_variables_initializer())
        tf.train.Saver().save(session, str(tmp_path / "other" / "model"))
    with pytest.raises(StageError, match=r"missing or of another shape, .*belong together"):
        load_model(graph, tmp_path / "other")


@pytest.mark.parametrize("workers", [1, 3])
def test_examples_do_not_depend_on_how_many_processes_make_them(source: WindowSource, workers: int) -> None:
    with examples(Examples(source, CONFIG), 4, workers, lambda: False) as made:
        for index, found in zip(range(4, 9), made, strict=False):
            expected = example(source.window(index), CONFIG)
            assert all(np.array_equal(found[name], expected[name]) for name in expected)


def test_a_damaged_file_ends_the_training_by_its_name(library: Path) -> None:
    source = open_data(library, CONFIG, 0).training
    for path in (library / "speech").iterdir():
        path.write_bytes(path.read_bytes()[:2000])
    with examples(Examples(source, CONFIG), 0, 2, lambda: False) as made, pytest.raises(StageError, match=r"cannot read .*speech/.*\.flac"):
        list(islice(made, 20))


def test_the_measure_is_that_of_the_literature() -> None:
    rng = np.random.default_rng(0)
    truth, noise = rng.standard_normal((2, 44_100)).astype(np.float32)
    noise -= truth * (noise @ truth) / (truth @ truth)
    noise *= np.linalg.norm(truth) / np.linalg.norm(noise)
    assert si_sdr(truth + 0.1 * noise, truth) == pytest.approx(20, abs=0.01)
    assert si_sdr(7 * (truth + 0.1 * noise), truth) == pytest.approx(20, abs=0.01)
    assert si_sdr(truth, truth) > 90 and si_sdr(np.zeros_like(truth), truth) == pytest.approx(0)


def test_it_is_measured_on_windows_with_both_and_always_the_same(library: Path) -> None:
    source = open_data(library, CONFIG, 0).validation
    found, again = excerpts(source, 6), excerpts(source, 6)
    assert len(found) == 6 and all(np.array_equal(a.mix, b.mix) for a, b in zip(found, again, strict=True))
    assert all(np.abs(e.speech).max() > 1e-3 and len(e.mix) == window_frames(CONFIG) for e in found)


def test_sound_without_speech_is_nothing_to_measure_on(songs: Path) -> None:
    source = open_data(songs, CONFIG, 0).validation

    class Silent:
        def window(self, index: int) -> dict[str, NDArray[np.float32]]:
            return {name: sound * (name != SPEECH) for name, sound in source.window(index).items()}

    with pytest.raises(StageError, match="expected 2 held-out windows with speech and something else, found 0"):
        excerpts(Silent(), 2)


def test_the_page_shows_every_measurement_and_escapes_what_came_from_outside() -> None:
    points = [Point(100, 0.5, 3.0, 1e-3), Point(200, 0.25, 6.5, 5e-4)]
    text = page("<b>", points, 1.0, {"sounds": "<script>"})
    assert "<td>200<td>0.25000<td>6.50<td>5.50" in text and "class=best><td>200" in text
    assert "<script>" not in text and "<b>" not in text
    assert text == page("<b>", points, 1.0, {"sounds": "<script>"})


def test_the_page_draws_every_measurement_and_the_mixtures() -> None:
    points = [Point(100, 0.5, 3.0, 1e-3), Point(200, 0.25, 6.5, 5e-4), Point(300, 0.2, 6.0, 5e-4)]
    text = page("one", points, 1.0, {})
    speech, loss, mixtures = (drawn(text, name) for name in ("speech", "loss", "mixtures"))
    assert mixtures[0] == mixtures[1] > speech[0] > speech[2] > speech[1]  # in an SVG, 0 is at the top
    assert len(speech) == len(loss) == 3 and loss[0] < loss[1] < loss[2]
    assert ">step</text>" in text and ">loss</text>" in text and ">speech, dB SI-SDR</text>" in text
    assert not re.search(r'(src|href)="(?!#)', text)  # nothing outside the page
    assert len(drawn(page("one", points[:1], 3.0, {}), "speech")) == 1


def drawn(text: str, name: str) -> list[float]:
    """The y coordinates of the points on a line of the chart."""
    (path,) = re.findall(rf'<g id="{name}">\s*<path d="([^"]*)"', text)
    return [float(y) for y in re.findall(r"[ML] \S+ (\S+)", path)]
