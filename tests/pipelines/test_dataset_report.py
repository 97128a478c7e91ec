"""`speechmill dataset report` as a person uses it: where the page goes, who shows it, and what is said where there is none."""

import shlex
from pathlib import Path

import pytest

from store.datasets import DatasetStore
from store.objects import open_store
from tests import report_store
from tests.end_to_end.runs import speechmill
from tests.versions import put_version


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with two versions of a dataset, the second one without clips."""
    folder = tmp_path_factory.mktemp("store")
    made = open_store(str(folder))
    report_store.make(made, clips=4)
    put_version(DatasetStore(made, report_store.NAME), [], "emptied", report_store.LINEAGE)
    return folder


@pytest.fixture
def browser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a person's browser writes what it is asked to show."""
    program, shown = tmp_path / "browser", tmp_path / "shown"
    program.write_text(f'#!/bin/sh\necho "$1" > {shlex.quote(str(shown))}\n')
    program.chmod(0o755)
    monkeypatch.setenv("BROWSER", str(program))
    return shown


def test_the_page_of_a_version_lies_in_the_folder_one_stands_in_under_the_name_of_both(store: Path, tmp_path: Path) -> None:
    done = speechmill("dataset", "report", "show", "--version", 1, "--store", store, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["show-v1.html"]
    assert f"wrote version 1 of dataset show to {tmp_path / 'show-v1.html'}" in done.stdout
    page = (tmp_path / "show-v1.html").read_text(encoding="utf-8")
    assert "The newest version is 2." in page and page.count("<audio") >= 4


def test_the_newest_version_is_shown_in_the_browser(store: Path, tmp_path: Path, browser: Path) -> None:
    done = speechmill("dataset", "report", "show", "--open", "--store", store, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert browser.read_text().strip() == (tmp_path / "show-v2.html").as_uri()
    assert "no browser" not in done.stdout


def test_nobody_s_browser_is_started_unasked(store: Path, tmp_path: Path, browser: Path) -> None:
    assert speechmill("dataset", "report", "show", "--store", store, "--out", tmp_path / "new" / "page.html").returncode == 0
    assert (tmp_path / "new" / "page.html").exists() and not browser.exists()


def test_where_there_is_no_browser_one_is_told_what_to_open(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    done = speechmill("dataset", "report", "show", "--open", "--store", store, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == f"no browser could be started: open {(tmp_path / 'show-v2.html').as_uri()} in one"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ("show", "--version", "7"),
            "error: expected version 7 of dataset show in {store}, found versions 1 to 2: see `speechmill dataset list`\n",
        ),
        (
            ("nobody",),
            "error: expected a version of dataset nobody in {store}, found none: see `speechmill dataset list`\n",
        ),
    ],
)
def test_a_version_that_is_not_there_is_one_clear_line(store: Path, tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    done = speechmill("dataset", "report", *arguments, "--open", "--store", store, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", said.format(store=store))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--version",), "Option '--version' requires an argument."),
        (("--version", "0"), "Invalid value for '--version': expected a number from 1 on, or a tag, found 0"),
    ],
)
def test_a_version_that_is_no_number_is_told_so(store: Path, tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    done = speechmill("dataset", "report", "show", "--store", store, *arguments, cwd=tmp_path)
    assert done.returncode == 2 and said in done.stderr and "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []
