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

    The filters are a chain of your choice: pass and notch filters, removal of whistles and hums, removal of known
    effects, noise reduction, loudness. docs/denoise.md explains each filter, docs/effects.md known effects.

    Args:
        chain: Filters in their order, e.g. "lowpass:5000:36:2, notch:6000:30, loudness:-23" (cutoff in Hz, slope of a
            pass in dB per octave, passes; frequency in Hz, Q; loudness in LUFS), or "none". highpass is like lowpass.
            tones finds steady whistles and hums by itself and takes them out. profile turns down by 12 dB what is no louder
            than the quietest noise where nobody speaks, profile:START:END than a span in seconds. deepfilter is a network that
            takes away what is no speech, deepfilter:DB turns it down by no more than DB; rnnoise is a coarser one; nothing is left
            above 20 kHz. sfx finds the known effects, wherever they lie, and subtracts them.
            best:CHAIN|CHAIN, last before the loudness, hears every chain in the recording's own speech and keeps the best or none.
        threads: CPU threads of the networks; 0 for one a core.
    """
