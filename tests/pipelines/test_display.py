"""What the terminal shows of a run."""

import io

from rich.console import Console

from pipelines.local.display import Display


def test_a_terminal_shows_the_megabytes_of_a_long_transfer_in_the_bar_of_its_stage() -> None:
    text = io.StringIO()
    with Display(Console(file=text, force_terminal=True, width=120)) as display:
        display.line("download", "progress 0.0 of 3600.0 s, 0.0 s/s, 12.3 of 340.0 MB")
        display._progress.refresh()
        display.ended("download")
    assert "0 of 3600 s of audio, 0.0 s/s, 12.3 of 340.0 MB" in text.getvalue()
    assert "progress" not in text.getvalue()
