"""Large files of models: errors say what to do (components/shared/http.py is tested in tests/components/shared)."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.shared.task import StageError
from pipelines.inputs.transfer import ATTEMPTS, transfer
from tests.http_server import Server, serving

DATA = random.Random(1).randbytes(1_000_000)


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as server:
        yield server


def get(url: str, part: Path, expected_bytes: int = len(DATA)) -> list[tuple[int, int]]:
    told: list[tuple[int, int]] = []
    transfer(url, part, expected_bytes, lambda have, total: told.append((have, total)), pause_seconds=0.001)
    return told


def test_a_later_command_resumes_what_an_earlier_one_left(server: Server, tmp_path: Path) -> None:
    url = server.put("/f", DATA, cuts=[409_600, *[0] * ATTEMPTS])
    with pytest.raises(StageError, match=r"found 409600 bytes and then, 6 times in a row, .*run it again"):
        get(url, tmp_path / "part")
    told = get(url, tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == DATA
    assert server.asked[-1].range == "bytes=409600-" and told[0][0] > 409_600 and told[-1] == (len(DATA), len(DATA))


def test_a_file_that_changed_between_two_commands_is_never_mixed(server: Server, tmp_path: Path) -> None:
    url = server.put("/f", bytes(len(DATA)), cuts=[400_000, *[0] * ATTEMPTS])
    with pytest.raises(StageError):
        get(url, tmp_path / "part")
    get(server.put("/f", DATA), tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == DATA


def test_a_file_of_another_size_is_refused_before_it_comes(server: Server, tmp_path: Path) -> None:
    with pytest.raises(StageError, match=r"expected 1000000 bytes at .*f, found 1000001 bytes: it is another file.*--from"):
        get(server.put("/f", DATA + b"1"), tmp_path / "part")
    assert len(server.asked) == 1 and not (tmp_path / "part").exists()


def test_more_than_the_file_is_not_taken_from_a_server_that_states_no_length(server: Server, tmp_path: Path) -> None:
    with pytest.raises(StageError, match=r"expected 1000000 bytes at .*f, found more than 1000000 bytes"):
        get(server.put("/f", DATA + bytes(1 << 20), headers={"Content-Length": ""}), tmp_path / "part")
    assert (tmp_path / "part").stat().st_size == 0


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_what_a_server_refuses_is_not_asked_again(server: Server, tmp_path: Path, status: int) -> None:
    with pytest.raises(StageError, match=f"found HTTP {status}: .*--from"):
        get(server.put("/f", DATA, statuses=[status]), tmp_path / "part")
    assert len(server.asked) == 1


def test_errors_show_no_secrets_of_a_url(server: Server, tmp_path: Path) -> None:
    with pytest.raises(StageError) as error:
        get(server.url.replace("//", "//user:hidden@") + "/f?token=hidden", tmp_path / "part")
    assert "hidden" not in str(error.value) and "/f" in str(error.value)


@pytest.mark.parametrize("url", ["ftp://models.example/f", "file:///etc/passwd", "models.example/f"])
def test_what_is_no_web_address_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(StageError, match="begins with http"):
        get(url, tmp_path / "part")


def test_no_answer_at_all_ends(tmp_path: Path) -> None:
    with serving() as server:
        url = server.url
    with pytest.raises(StageError, match="6 times in a row, the connection failed: Connection refused"):
        get(f"{url}/f", tmp_path / "part")


def test_a_full_disk_says_what_to_do(server: Server, tmp_path: Path) -> None:
    """/dev/full is a disk without room."""
    (tmp_path / "part").symlink_to("/dev/full")
    with pytest.raises(StageError, match=r"expected room for 1000000 bytes of .*f in .*, found the disk full .*free some space"):
        get(server.put("/f", DATA), tmp_path / "part")
