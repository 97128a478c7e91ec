"""Interface of `denoise`."""

from kfp.dsl import Dataset, Input, Output

from components.stage import stage


@stage(cpu="500m", timeout_hours=24)
def denoise(
    voices: Input[Dataset],
    segments: Input[Dataset],
    clean: Output[Dataset],
    chain: str = "loudness:-23",
    threads: int = 0,
) -> None:
    """Mixes the recordings to mono, filters them and normalizes their loudness. Length and timeline stay the same.

    A chain lists the filters in order. There are low-pass, high-pass and notch filters, noise reduction, and loudness
    normalization. docs/denoise.md explains each filter.

    Args:
        chain: Filters in order, e.g. "lowpass:5000:36:2, notch:6000:30, loudness:-23", or "none". lowpass and highpass
            take the cutoff in Hz, the slope of one pass in dB per octave, and the number of passes. notch takes the frequency in Hz and
            Q. loudness takes the target in LUFS. profile takes the
            quietest noise without speech, or the noise from second START to END (profile:START:END), and attenuates by 12 dB all sound that
            is no louder. deepfilter is a network that removes all sound but speech, or attenuates it by at most DB
            (deepfilter:DB). rnnoise is a simpler network; it removes everything above 20 kHz.
            best:CHAIN|CHAIN scores each chain on the recording's speech and applies the best one, or none; only loudness may follow it.
        threads: CPU threads of the DNSMOS network that scores the chains of best; 0 for one per core.
    """
