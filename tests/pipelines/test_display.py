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


def test_the_state_of_the_run_is_a_bar_in_a_terminal_and_a_line_elsewhere() -> None:
    terminal, log = io.StringIO(), io.StringIO()
    with Display(Console(file=terminal, force_terminal=True, width=120)) as display:
        for share, text in ((0.2, "20% done, about 4 min left"), (0.4, "40% done, about 3 min left")):
            display.overall(share, text)
        display.line("cut", "progress 5.0 of 10.0 s, 1.0 s/s")
        display._progress.refresh()
        assert [task.description for task in display._progress.tasks] == ["run", "cut"]
    assert "40% done, about 3 min left" in terminal.getvalue()
    with Display(Console(file=log)) as display:
        display.overall(0.2, "20% done, about 4 min left")
    assert log.getvalue() == "         run | 20% done, about 4 min left\n"


def test_progress_lines_are_heard_outside_a_terminal_as_well() -> None:
    heard = []
    with Display(Console(file=io.StringIO())) as display:
        display.heard = lambda *progress: heard.append(progress)
        display.line("cut 2", "progress 5.0 of 10.0 s, 1.0 s/s")
        display.line("cut 2", "clips 3")
    assert heard == [("cut 2", 5.0, 10.0)]
