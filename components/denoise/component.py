"""Interface of `denoise`."""

from kfp.dsl import Dataset, Input, Output

from components.stage import stage


@stage(cpu="500m", timeout_hours=24)
def denoise(
    voices: Input[Dataset],
    segments: Input[Dataset],
    effects: Input[Dataset],
    clean: Output[Dataset],
    chain: str = "tones, sfx, deepfilter:4, loudness:-23",
    threads: int = 0,
) -> None:
    """Mixes the recordings to mono, filters them and normalizes their loudness. Length and timeline stay the same.

    A chain lists the filters: low-pass, high-pass and notch filters, removal of steady tones and of known effects, noise
    reduction, loudness. docs/denoise.md explains each filter, docs/effects.md known effects.

    Args:
        chain: Filters in order, e.g. "lowpass:5000:36:2, notch:6000:30, loudness:-23" (cutoff in Hz, slope of a pass in dB per octave,
            passes; frequency in Hz, Q; loudness in LUFS), or "none". highpass is like lowpass. tones removes steady whistles and hums.
            sfx subtracts the known effects. profile attenuates by 12 dB all sound no louder than the quietest noise without speech, or
            than the noise in the seconds START to END (profile:START:END). deepfilter is a network that removes all sound but speech,
            or attenuates it by at most DB (deepfilter:DB). rnnoise is a simpler network; it removes everything above 20 kHz.
            best:CHAIN|CHAIN, last before loudness, scores each chain on the recording's speech and keeps the best one, or none.
        threads: CPU threads of the DNSMOS network of best; 0 is one per core.
    """
