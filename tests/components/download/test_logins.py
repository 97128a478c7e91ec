"""Episodes behind a password: the login comes from the environment, and leaves nothing behind."""

from pathlib import Path

import pytest
from conftest import Server, item, run_task

from tests.http_server import serving


@pytest.mark.parametrize("way", ["text", "file"])
def test_an_episode_on_the_host_of_the_login_is_fetched_and_others_do_not_see_it(
    server: Server, episode: bytes, tmp_path: Path, way: str
) -> None:
    login = server.url.replace("//", "//me:hidden@") + "/feed\n"
    (tmp_path / "logins").write_text(login)
    environment = {"SPEECHMILL_LOGINS": login} if way == "text" else {"SPEECHMILL_LOGINS_FILE": str(tmp_path / "logins")}
    with serving() as other:
        elsewhere = other.put("/2.mp3", episode + b"2")
        urls = [
            server.put("/1.mp3", episode, logins=("me:hidden",)),
            elsewhere,
            server.put("/away.mp3", b"", statuses=[302] * 9, headers={"Location": elsewhere}),
        ]
        task = run_task(tmp_path, [item(url) for url in urls], environment=environment | {"no_proxy": "*"})
        assert task.status == 0, task.log
        assert sorted(bool(row.samples) for row in task.rows) == [False, True, True], "the third is a duplicate"
        assert other.authorizations == ["", ""] and server.authorizations == ["me:hidden"] * 2
    assert "hidden" not in task.log + repr(task.rows) + repr(task.metadata)


def test_an_episode_that_wants_a_password_says_so(server: Server, episode: bytes, tmp_path: Path) -> None:
    paid = item(server.put("/1.mp3", episode, logins=("me:hidden",)))
    (row,) = run_task(tmp_path, [paid], environment={"SPEECHMILL_LOGINS": ""}).rows
    assert row.reason == "forbidden: HTTP 401: it wants a user name and password, and none is in SPEECHMILL_LOGINS"
    wrong = server.url.replace("//", "//me:wrong@")
    (row,) = run_task(tmp_path / "2", [paid], environment={"SPEECHMILL_LOGINS": wrong}).rows
    assert row.reason == "forbidden: HTTP 401: it wants a user name and password, and refuses those in SPEECHMILL_LOGINS"


def test_a_file_of_logins_that_is_not_there_is_an_error_of_the_run(server: Server, episode: bytes, tmp_path: Path) -> None:
    task = run_task(tmp_path, [item(server.put("/1.mp3", episode))], environment={"SPEECHMILL_LOGINS_FILE": str(tmp_path / "absent")})
    assert task.status == 2
    assert task.log.splitlines()[-1].startswith("error: expected SPEECHMILL_LOGINS_FILE to name a file that can be read")
