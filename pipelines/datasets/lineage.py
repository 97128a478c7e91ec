"""Sends OpenLineage events where the environment says, and nowhere if it says nothing.

The environment variables are those of OpenLineage's Python client, which sends the events. It is imported only if they are set.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import click

from components.shared.network import public_text
from components.shared.task import StageError, one_line
from pipelines.datasets.facts import Facts, facts_of
from store.datasets import DatasetStore
from store.interface import Store

_SWITCHES = ("OPENLINEAGE_URL", "OPENLINEAGE_CONFIG", "OPENLINEAGE__TRANSPORT", "OPENLINEAGE__TRANSPORT__TYPE")
"""A file openlineage.yml in the current folder or in HOME alone switches nothing on: who runs the command may not know of it."""
NAMESPACE = "speechmill"
"""Namespace of the jobs, unless OPENLINEAGE_NAMESPACE names another one."""


class LineageError(StageError):
    """Events could not be sent."""


def configured() -> bool:
    """Whether the environment says where events go."""
    return any(os.environ.get(name) for name in _SWITCHES) and os.environ.get("OPENLINEAGE_DISABLED", "").strip().lower() != "true"


def namespace() -> str:
    """The namespace of the jobs."""
    return os.environ.get("OPENLINEAGE_NAMESPACE") or NAMESPACE


def log_version(facts: Facts) -> str:
    """Sends START and COMPLETE of the run that made a version; returns the UUID of the run.

    Raises:
        LineageError: The environment does not say where to, or the events were not taken.
    """
    if not configured():
        raise LineageError(
            "expected OPENLINEAGE_URL, OPENLINEAGE_CONFIG or OPENLINEAGE__TRANSPORT__TYPE to say where events go, found none of them: "
            "see docs/lineage.md"
        )
    from pipelines.datasets import events

    for event in events.of_version(namespace(), facts):
        _send(event)
    return events.run_uuid(facts.dataset, facts.version.run)


@contextmanager
def reported(store: Store, dataset: str, run: str, parameters: Mapping[str, Any]) -> Iterator[None]:
    """Sends the events of the run in the `with` block, if the environment says where to.

    START comes first; then COMPLETE with the version that the run made, FAIL, or ABORT after Ctrl-C. An event that cannot be sent is
    reported on stderr and does not harm the run.

    Args:
        store: The store.
        dataset: Name of the dataset.
        run: Id of the run, which the version will have.
        parameters: The run's settings by their pipeline names. They may hold no secrets.
    """
    if not configured():
        yield
        return
    from pipelines.datasets import events

    begun = events.started(run) or _now()
    _try_to_send(lambda: events.start(namespace(), store.uri, dataset, run, begun, parameters))
    try:
        yield
    except BaseException as error:
        aborted = isinstance(error, KeyboardInterrupt)
        message = "interrupted" if aborted else one_line(error) or type(error).__name__
        _try_to_send(lambda: events.failed(namespace(), dataset, run, _now(), message, aborted=aborted))
        raise
    _try_to_send(lambda: _completed(store, dataset, run))


def _completed(store: Store, dataset: str, run: str) -> Any:
    from pipelines.datasets import events

    datasets = DatasetStore(store, dataset)
    made = next((v for v in datasets.versions() if v.run == run), None)
    if not made:
        return events.complete_without_version(namespace(), dataset, run, _now())
    return events.complete(namespace(), facts_of(store.uri, datasets, made), _now())


def _try_to_send(make: Callable[[], Any]) -> None:
    try:
        _send(make())
    except Exception as error:  # whatever is wrong with the lineage service or its settings, the run goes on
        click.echo(f"an OpenLineage event was not sent: {one_line(public_text(str(error)))}", err=True)


def _send(event: Any) -> None:
    """Sends an event. Raises LineageError if it was not taken."""
    from openlineage.client import OpenLineageClient

    known = set(os.environ)
    try:
        client = OpenLineageClient()
        client.emit(event)
        client.close()
    except Exception as error:  # transports raise errors of their own libraries
        found = f"{type(error).__name__}: {one_line(public_text(str(error)))}"
        raise LineageError(f"expected the OpenLineage service to take an event, found {found}: check OPENLINEAGE_*") from None
    finally:
        for name in set(os.environ) - known:  # the client copies the key into variables of other names
            del os.environ[name]


def _now() -> datetime:
    return datetime.now(UTC)
