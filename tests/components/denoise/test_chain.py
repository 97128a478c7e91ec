"""What a chain's text may say, and what is said of one that is wrong."""

from pathlib import Path

import pytest

from components.denoise.__main__ import main
from components.denoise.chain import BUILDERS, Chain, build_chain
from components.denoise.settings import EXAMPLE, FILTERS
from components.shared.task import StageError


def test_none_is_a_chain() -> None:
    assert build_chain("none") == build_chain(" none ") == Chain()


def test_loudness_alone_needs_no_filter() -> None:
    assert build_chain("loudness:-23") == build_chain("none, loudness:-23") == Chain((), -23)


def test_what_listens_takes_passes_of_its_own() -> None:
    assert build_chain("profile, profile:1:2.5, rnnoise, deepfilter:6, loudness:-23").passes == 1 + 1 + 0 + 0 + 1


def test_the_example_that_errors_show_is_right() -> None:
    chain = build_chain(EXAMPLE)
    assert len(chain.steps) == 2
    assert chain.loudness_lufs == -23


def test_every_filter_that_a_chain_may_name_can_be_built() -> None:
    assert FILTERS.keys() == BUILDERS.keys()


def test_spaces_do_not_matter() -> None:
    chain = build_chain("highpass:80:24:1,notch:6000:30 ,  loudness:-16.5")
    assert len(chain.steps) == 2
    assert chain.loudness_lufs == -16.5


def test_best_takes_everything_up_to_the_loudness() -> None:
    chain = build_chain("highpass:80:24:1, best:lowpass:5000:36:2, notch:6000:30|notch:6000:30|none , loudness:-23")
    assert len(chain.steps) == 2
    assert chain.steps[1].passes == 3  # every candidate is heard once
    assert chain.loudness_lufs == -23
    assert len(build_chain("best:notch:6000:30|none").steps) == 1


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "''"),
        ("none, notch:6000:30", "'none'"),
        ("lowpas:5000:36:2", "'lowpas:5000:36:2'"),
        ("lowpass", "lowpass:HZ:SLOPE:PASSES, found 'lowpass'"),
        ("lowpass:5000:36", "lowpass:HZ:SLOPE:PASSES, found 'lowpass:5000:36'"),
        ("lowpass:5000:36:2:1", "lowpass:HZ:SLOPE:PASSES, found 'lowpass:5000:36:2:1'"),
        ("lowpass:5 kHz:36:2", "HZ of 1000 to 20000, found '5 kHz'"),
        ("lowpass:22050:36:2", "HZ of 1000 to 20000, found '22050'"),
        ("lowpass:nan:36:2", "found 'nan'"),
        ("lowpass:5000:35:2", "SLOPE of 6 to 96, a multiple of 6, found '35'"),
        ("lowpass:5000:36:1.5", "PASSES of 1 to 4, a multiple of 1, found '1.5'"),
        ("lowpass:5000:36:0", "found '0' in 'lowpass:5000:36:0'"),
        ("tones, loudness:-23", "filters (lowpass, highpass, notch, profile, deepfilter, rnnoise, best, loudness)"),
        ("profile:5", "profile or profile:START:END, found 'profile:5'"),
        ("profile:5:5", "profile:START:END with START before END, found 'profile:5:5'"),
        ("deepfilter:0", "DB of 1 to 60, found '0'"),
        ("deepfilter:6:1", "deepfilter or deepfilter:DB, found 'deepfilter:6:1'"),
        ("rnnoise:1", "rnnoise, found 'rnnoise:1'"),
        ("notch:6000:0", "Q of 5 to 200, found '0'"),
        ("notch:6000:inf", "found 'inf'"),
        ("loudness", "loudness:LUFS, found 'loudness'"),
        ("loudness:3", "LUFS of -60 to -5, found '3'"),
        ("loudness:-23, loudness:-23", "'loudness:-23' elsewhere"),
        ("loudness:-23, notch:6000:30", "'loudness:-23' elsewhere"),
        ("notch:6000:30,", "''"),
        ("best", "found ''"),
        ("best:", "found ''"),
        ("best:notch:6000:30|", "found ''"),
        (", best:none", "found ''"),
        ("notch:6000:30|none", "Q of 5 to 200, found '30|none'"),
        ("best:notch:6000:30|lowpas:5000:36:2", "'lowpas:5000:36:2'"),
        ("best:notch:6000:30, none|none", "'none'"),
        ("best:notch:6000:30, loudness:-23|none", "'loudness:-23' elsewhere"),
        ("best:none|notch:6000:30, loudness:-16|none, loudness:-23", "'loudness:-16' elsewhere"),
        ("best:none|loudness:-23", "'loudness:-23' elsewhere"),
        ("loudness:-23, best:notch:6000:30|none", "'loudness:-23' elsewhere"),
        ("best:none|notch:6000:30, best:none", "best once"),
        ("best:best:notch:6000:30|none", "best once"),
    ],
)
def test_what_is_wrong_is_named_before_anything_is_read(tmp_path: Path, text: str, found: str) -> None:
    with pytest.raises(StageError) as error:
        main(*[tmp_path / "there is nothing here"] * 2, tmp_path, text, 1)
    message = str(error.value)
    assert message.startswith("parameter denoise_chain: expected ")
    assert found in message
    assert EXAMPLE in message or "profile:1.5:3" in message
    assert "\n" not in message
