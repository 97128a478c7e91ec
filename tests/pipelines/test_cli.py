"""The command as a person meets it: help, completion, and what it refuses."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from components.shared.task import StageError
from pipelines.commands.run import read_sources
from pipelines.dataset import STAGES

COMMAND = str(Path(sys.executable).parent / "speechmill")
_TAGS = ("tag_speaker", "tag_tone", "tag_quality", "tag_events", "transcribe")
FOLDER_STAGES = ("download", "separate", "segment", "cut", "denoise", "extract", *_TAGS)
COMMANDS = (
    ["run"],
    ["stage"],
    *(["stage", name] for name in FOLDER_STAGES),
    ["train"],
    ["train", "separator"],
    ["train", "voicefilter"],
    ["dataset"],
    *(["dataset", name] for name in ("list", "versions", "show", "select", "export", "report", "truth", "repeats")),
    ["compile"],
    ["upload"],
    ["submit"],
    ["runs"],
    *(["runs", name] for name in ("list", "show", "logs", "wait", "stop")),
    ["schedule"],
    *(["schedule", name] for name in ("add", "list", "pause", "resume", "remove", "upgrade")),
    ["speakers"],
    *(["speakers", name] for name in ("calibrate", "list")),
    ["models"],
    *(["models", name] for name in ("list", "fetch", "push", "verify")),
    ["references"],
    *(["references", name] for name in ("add", "list", "show")),
    ["effects"],
    *(["effects", name] for name in ("add", "list", "show")),
    ["store"],
    ["store", "init"],
    ["completion"],
)


def speechmill(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([COMMAND, *arguments], capture_output=True, text=True, env=os.environ | environment)


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_every_command_explains_itself(arguments: list[str]) -> None:
    done = speechmill(*arguments, "--help")
    assert done.returncode == 0, done.stderr
    usage, _, body = done.stdout.partition("\n\n")
    assert f"speechmill {' '.join(arguments)}" in usage
    assert len(body.split("\n\n")[0].split()) >= 4


def test_help_of_run_lists_every_setting_under_its_stage() -> None:
    shown = speechmill("run", "--help").stdout
    for stage in STAGES:
        heading = shown.index(f"\n{stage.name}: ") if stage.settings else 0
        for setting in stage.settings:
            assert shown.index(f"--{stage.name}-{setting}".replace("_", "-")) > heading
    for option, stage in (
        ("separate-model", "separate"),
        ("reference", "diarize"),
        ("tag-tone-model", "tag_tone"),
        ("transcribe-model", "transcribe"),
    ):
        assert shown.index(f"--{option} NAME") > shown.index(f"\n{stage}: ")


@pytest.mark.parametrize(
    ("typed", "expected"),
    [("speechmill da", "dataset"), ("speechmill dataset ex", "export"), ("speechmill run --publish-g", "--publish-genders")],
)
def test_the_shell_completes_commands_and_options(typed: str, expected: str) -> None:
    word = str(len(typed.split()) - 1)
    done = speechmill(_SPEECHMILL_COMPLETE="bash_complete", COMP_WORDS=typed, COMP_CWORD=word)
    assert f"plain,{expected}" in done.stdout.splitlines()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script_for_the_shell(shell: str) -> None:
    assert "_SPEECHMILL_COMPLETE" in speechmill("completion", shell).stdout


def test_make_alone_prints_help() -> None:
    shown = subprocess.run(["make"], cwd=Path(COMMAND).parents[2], capture_output=True, text=True).stdout
    assert all(f"make {target}" in shown for target in ("run", "test", "check", "help"))


def test_sources_are_a_text_or_a_file_that_lists_them(tmp_path: Path) -> None:
    listed = tmp_path / "links.txt"
    listed.write_text("https://example.org/feed.xml\r\n", encoding="utf-8-sig")
    assert read_sources(str(listed)).strip() == "https://example.org/feed.xml"
    assert read_sources("https://example.org/a.mp3, b.mp3") == "https://example.org/a.mp3, b.mp3"
    recording = tmp_path / "recording.wav"
    recording.write_bytes(b"RIFF")
    assert read_sources(str(recording)) == str(recording)
    listed.write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(StageError, match=r"UTF-8 text in .*links.txt"):
        read_sources(str(listed))
