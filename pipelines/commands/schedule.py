"""`speechmill schedule …`: manages recurring runs on a cluster."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import click
import yaml
from cronsim import CronSimError
from rich.table import Table

from components.deployment import Deployment
from components.shared.task import StageError, one_line
from pipelines.cluster.client import DELETED, Kubeflow, KubeflowError, pipeline_name
from pipelines.cluster.compilation import Compiled
from pipelines.cluster.cron import five_fields, next_times, six_fields, timezone
from pipelines.commands.cluster import arguments, compiled_for, connection_options, deployment_options, run_options, slot_uris, uploaded
from pipelines.commands.options import GroupedCommand
from pipelines.commands.runs import dataset_of, parameters_of
from pipelines.commands.shared import print_out
from pipelines.dataset import STORE
from pipelines.inputs.slots import AUTO, SLOTS

zone_option = click.option(
    "--cron-timezone",
    "zone",
    default="UTC",
    show_default=True,
    envvar="CRON_SCHEDULE_TIMEZONE",
    metavar="ZONE",
    help="Kubeflow's time zone for cron times, which its API does not report. [env var: CRON_SCHEDULE_TIMEZONE]",
)


@click.group("schedule")
def command() -> None:
    """Start runs on a cluster at set times. A schedule has one run at a time, and skips times that it missed."""


@run_options
@command.command("add", cls=GroupedCommand)
@click.argument("schedule")
@click.option("--cron", required=True, metavar="CRON", help="minute hour day-of-month month day-of-week: `0 3 * * MON`.")
@zone_option
@deployment_options
@connection_options
def add(
    schedule: str,
    cron: str,
    zone: str,
    sources: str,
    name: str,
    store_uri: str,
    allow_private: bool,
    deployment: Deployment,
    connected: Callable[[], Kubeflow],
    **settings: Any,
) -> None:
    """Add a schedule called SCHEDULE. Kubeflow stores the options of its runs and shows them, secrets in URLs included."""
    six = six_fields(cron)
    timezone(zone)
    given, models = arguments(sources, name, store_uri, allow_private, settings)
    kubeflow = connected()
    if _schedules_named(kubeflow, schedule):
        raise StageError(f"expected a new name, found a schedule called {schedule}: use schedule upgrade or remove, or another name")
    given |= slot_uris(given["store"], models)
    kubeflow.schedule(uploaded(kubeflow, compiled_for(deployment, given)), schedule, six, given)
    print_out(f"schedule {schedule}: {_next(six, zone)}")


@command.command("list")
@zone_option
@connection_options
def list_schedules(zone: str, connected: Callable[[], Kubeflow]) -> None:
    """List the schedules, with their next three times in your time zone."""
    timezone(zone)
    kubeflow = connected()
    table = Table("schedule", "cron", "state", "dataset", "pipeline", "next", box=None)
    for schedule in kubeflow.schedules():
        cron, active = _cron(schedule), schedule.status == "ENABLED"
        times = _next(cron, zone) if active else ""
        state = "active" if active else "paused"
        table.add_row(schedule.display_name, five_fields(cron), state, dataset_of(schedule), kubeflow.version_name(schedule), times)
    print_out(table if table.rows else "no schedules")


@command.command("pause")
@click.argument("schedule")
@connection_options
def pause(schedule: str, connected: Callable[[], Kubeflow]) -> None:
    """Pause SCHEDULE. It starts no runs until you resume it."""
    kubeflow = connected()
    kubeflow.enable(_one(kubeflow, schedule).recurring_run_id, False)
    click.echo(f"schedule {schedule} is paused; runs that it has started go on")


@command.command("resume")
@click.argument("schedule")
@zone_option
@connection_options
def resume(schedule: str, zone: str, connected: Callable[[], Kubeflow]) -> None:
    """Resume SCHEDULE, which was paused."""
    timezone(zone)
    kubeflow = connected()
    found = _one(kubeflow, schedule)
    kubeflow.enable(found.recurring_run_id, True)
    print_out(f"schedule {schedule}: {_next(_cron(found), zone)}")


@command.command("remove")
@click.argument("schedule")
@connection_options
def remove(schedule: str, connected: Callable[[], Kubeflow]) -> None:
    """Remove SCHEDULE; its runs and their results stay."""
    kubeflow = connected()
    kubeflow.remove(_one(kubeflow, schedule).recurring_run_id)
    click.echo(f"schedule {schedule} is removed")


@command.command("upgrade")
@click.argument("schedule")
@zone_option
@deployment_options
@connection_options
def upgrade(schedule: str, zone: str, deployment: Deployment, connected: Callable[[], Kubeflow]) -> None:
    """Make SCHEDULE run the pipeline of this code, with the same options and times.

    New settings get their defaults. The command leaves out settings that the pipeline no longer has, and names them.
    """
    timezone(zone)
    kubeflow = connected()
    old = _one(kubeflow, schedule)
    if not _cron(old):
        raise StageError(
            f"expected a schedule with cron times, found intervals in {schedule}: add one with schedule add, and remove this one"
        )
    compiled = compiled_for(deployment, parameters_of(old))
    if (made_with := kubeflow.pipeline_name(old)) not in ("", DELETED, pipeline_name(compiled)):
        raise StageError(
            f"expected the pipeline that schedule {schedule} was made with, {made_with}, found {pipeline_name(compiled)}: "
            "add --gpu or leave it out"
        )
    version = uploaded(kubeflow, compiled)
    if old.pipeline_version_reference and old.pipeline_version_reference.pipeline_version_id == version.pipeline_version_id:
        click.echo(f"schedule {schedule} runs this version already")
        return
    replace(kubeflow, old, version, _fitting(parameters_of(old), compiled))
    print_out(f"schedule {schedule}: {_next(_cron(old), zone) if old.status == 'ENABLED' else 'paused, as it was'}")


def _fitting(given: Mapping[str, Any], compiled: Compiled) -> dict[str, Any]:
    """Returns a schedule's parameters without those that the pipeline no longer has, which Kubeflow refuses.

    Adds the models that are missing: the pipeline's own defaults may be in another store.
    """
    known = next(yaml.safe_load_all(compiled.text))["root"]["inputDefinitions"]["parameters"]
    for name in given.keys() - known:
        click.echo(f"left out, because the pipeline no longer has this setting: {name} {one_line(given[name])}")
    missing = {parameter: AUTO for parameter in SLOTS if parameter not in given}
    return {n: value for n, value in given.items() if n in known} | slot_uris(given.get("store", STORE), missing)


def replace(kubeflow: Kubeflow, old: Any, version: Any, given: Mapping[str, Any]) -> None:
    """Replaces a schedule, because it cannot change its version. It adds the new one before it removes the old one."""
    new = kubeflow.schedule(version, old.display_name, _cron(old), given, enabled=False)
    try:
        kubeflow.remove(old.recurring_run_id)
    except BaseException as error:
        if _is_there(kubeflow, old, error):  # else only the answer was lost
            kubeflow.remove(new)
            raise
    if old.status == "ENABLED":
        kubeflow.enable(new, True)


def _is_there(kubeflow: Kubeflow, old: Any, error: BaseException) -> bool:
    """Returns whether a schedule still exists after an error of its removal."""
    try:
        return any(present.recurring_run_id == old.recurring_run_id for present in kubeflow.schedules())
    except KubeflowError:
        name = old.display_name
        raise StageError(
            f"{one_line(error)}; schedule {name} is upgraded, but the old one may still exist, and the new one is paused: "
            f"speechmill schedule list, remove the old one on Kubeflow's page if it lists two, and schedule resume {name}"
        ) from None


def _schedules_named(kubeflow: Kubeflow, name: str) -> list[Any]:
    return [schedule for schedule in kubeflow.schedules() if schedule.display_name == name]


def _one(kubeflow: Kubeflow, name: str) -> Any:
    found = _schedules_named(kubeflow, name)
    if len(found) != 1:
        raise StageError(f"expected one schedule called {name}, found {len(found)}: speechmill schedule list")
    return found[0]


def _cron(schedule: Any) -> str:
    trigger = schedule.trigger
    return str(trigger.cron_schedule.cron) if trigger and trigger.cron_schedule and trigger.cron_schedule.cron else ""


def _next(cron: str, zone: str) -> str:
    """Returns the next times as text. A schedule from Kubeflow's page may use a cron form that is not supported here."""
    try:
        return ", ".join(f"{time:%a %Y-%m-%d %H:%M %Z}" for time in next_times(cron, zone, datetime.now(UTC)))
    except CronSimError:
        return "see Kubeflow's page"
