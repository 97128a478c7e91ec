"""A Label Studio server: the few of its requests that reviews need. The address and the token come from the environment."""

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import requests

from components.shared.network import public_url
from components.shared.task import StageError, one_line

URL, KEY = "LABEL_STUDIO_URL", "LABEL_STUDIO_API_KEY"
_TIMEOUT_SECONDS = 120
_PAGE_TASKS = 500
_JWT_DOTS = 2
Json = dict[str, Any]


class ReviewError(StageError):
    """The review server cannot do what was asked. The message says what to do, and holds no token."""


class Server:
    """A connection to a server."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        """Raises ReviewError if a variable is missing."""
        if missing := [name for name in (URL, KEY) if not environment.get(name)]:
            raise ReviewError(
                f"expected the address and the token of Label Studio in {URL} and {KEY}, found no {' and no '.join(missing)}: "
                "set them; the token is under Account & Settings of its page (docs/review.md)"
            )
        self._url, self._key = environment[URL].rstrip("/"), environment[KEY].strip()
        self.shown = public_url(self._url)
        self._session = requests.Session()
        self._session.trust_env = False  # a login in ~/.netrc would take the place of the token
        self._session.headers["Authorization"] = f"Token {self._key}"
        if self._key.count(".") == _JWT_DOTS:  # a personal access token, which gives tokens of five minutes
            self._renew()

    def _renew(self) -> None:
        access = self._send("POST", "/api/token/refresh", {"refresh": self._key}).json()["access"]
        self._session.headers["Authorization"] = f"Bearer {access}"

    def project(self, title: str, description: str) -> Json | None:
        """The project with this title and description; None if there is none."""
        found = self._call("GET", "/api/projects", parameters={"title": title, "page_size": 100})["results"]
        return next((p for p in found if (p["title"], p["description"]) == (title, description)), None)

    def create(self, **fields: Any) -> Json:
        """Creates a project."""
        return self._call("POST", "/api/projects", fields)  # type: ignore[no-any-return]

    def change(self, project: int, **fields: Any) -> None:
        """Changes fields of a project."""
        self._call("PATCH", f"/api/projects/{project}", fields)

    def tasks(self, project: int) -> Iterator[Json]:
        """All tasks of a project, with their annotations."""
        page, left = 1, True
        while left:
            wanted = {"project": project, "page": page, "page_size": _PAGE_TASKS, "fields": "all"}
            found = self._call("GET", "/api/tasks", parameters=wanted)
            yield from found["tasks"]
            left, page = page * _PAGE_TASKS < found["total"], page + 1

    def add(self, project: int, tasks: Sequence[Json]) -> None:
        """Adds tasks to a project, in their order."""
        self._call("POST", f"/api/projects/{project}/import", [{"data": data} for data in tasks])

    def change_task(self, task: int, data: Json) -> None:
        """Replaces the data of a task."""
        self._call("PATCH", f"/api/tasks/{task}", {"data": data})

    def people(self) -> dict[int, str]:
        """The e-mail addresses of the people on the server, or else their names, by number."""
        return {p["id"]: p.get("email") or p.get("username") or str(p["id"]) for p in self._call("GET", "/api/users")}

    def folders(self, project: int) -> set[str]:
        """The folders of the server's machine from which a project may show files."""
        return {s["path"] for s in self._call("GET", "/api/storages/localfiles", parameters={"project": project})}

    def add_folder(self, project: int, path: str, title: str) -> None:
        """Lets a project show the files of a folder of the server's machine."""
        self._call("POST", "/api/storages/localfiles", {"project": project, "path": path, "title": title, "use_blob_urls": True})

    def page_of(self, project: int) -> str:
        """The address of a project's page."""
        return f"{self.shown}/projects/{project}/data"

    def _call(self, method: str, path: str, body: Any = None, parameters: Mapping[str, Any] | None = None) -> Any:
        answer = self._send(method, path, body, parameters)
        return answer.json() if answer.content else None

    def _send(self, method: str, path: str, body: Any = None, parameters: Mapping[str, Any] | None = None) -> requests.Response:
        url = self._url + path
        try:
            answer = self._session.request(method, url, json=body, params=parameters, timeout=_TIMEOUT_SECONDS)
            if answer.status_code == requests.codes.unauthorized and self._key.count(".") == _JWT_DOTS and "refresh" not in path:
                self._renew()
                answer = self._session.request(method, url, json=body, params=parameters, timeout=_TIMEOUT_SECONDS)
        except requests.RequestException as error:
            raise ReviewError(
                f"Label Studio at {self.shown} does not answer ({type(error).__name__}): start it, or set {URL} to its address"
            ) from None
        if answer.status_code in (requests.codes.unauthorized, requests.codes.forbidden):
            raise ReviewError(f"Label Studio at {self.shown} refuses the token in {KEY}: set it to a token of its page (docs/review.md)")
        if not answer.ok:
            said = one_line(answer.text.replace(self._key, "…"))[:300]
            raise ReviewError(f"Label Studio at {self.shown} refused {method} {path} with status {answer.status_code}: {said}")
        return answer
