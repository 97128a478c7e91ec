"""Command-line options of the stages' settings. Names, types, defaults and help come from the stages' interfaces."""

from collections.abc import Callable

import click
import docstring_parser

from components.stage import Stage, choices
from pipelines.inputs.slots import AUTO, SLOTS, Slot
from pipelines.inputs.transcription import ENGINE
from store.models import REFERENCES


class GroupedCommand(click.Command):
    """A command whose help groups the options by stage."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        groups: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            if record := parameter.get_help_record(ctx):
                groups.setdefault(getattr(parameter, "group", "Options"), []).append(record)
        for title, records in groups.items():
            with formatter.section(title):
                formatter.write_dl(records)


_METAVARS = {bool: None, float: "NUMBER", int: "INTEGER", str: "TEXT"}


class StageOption(click.Option):
    """Option for one setting of a stage."""

    def __init__(self, stage: Stage, setting: str, *, prefixed: bool, shows_default: bool = True) -> None:
        parameter = stage.signature.parameters[setting]
        text = docstring_parser.parse(stage.doc)
        explained = {p.arg_name: p.description or "" for p in text.params}
        name = f"{stage.name}_{setting}" if prefixed else setting
        flag = name.replace("_", "-")
        declarations = [f"--{flag}/--no-{flag}" if parameter.annotation is bool else f"--{flag}", name]
        self.group = _title(stage)
        left_open = (AUTO,) if f"{stage.name}_{setting}" == ENGINE else ()
        super().__init__(
            declarations,
            type=click.Choice([*choices(parameter), *left_open]) if parameter.annotation not in _METAVARS else parameter.annotation,
            default=parameter.default if shows_default else None,
            show_default=shows_default,
            help=explained.get(setting, ""),
            metavar=_METAVARS.get(parameter.annotation),
        )


def _title(stage: Stage) -> str:
    """Returns the heading of a stage's options in the help."""
    return f"{stage.name}: {(docstring_parser.parse(stage.doc).short_description or '').removesuffix('.')}"


class SlotOption(click.Option):
    """Option for the model of a slot, listed with the settings of its stage."""

    def __init__(self, slot: Slot, stage: Stage, *, prefixed: bool) -> None:
        self.group = _title(stage)
        name = slot.parameter if prefixed else slot.input
        folder = "" if slot.folder == REFERENCES else "|FOLDER"
        super().__init__(
            [f"--{name.replace('_', '-')}", slot.parameter],
            default=AUTO,
            show_default=True,
            metavar=f"NAME[/VERSION]{folder}|URI",
            help=slot.help,
        )


def with_settings(*stages: Stage, prefixed: bool = True, shows_default: bool = True) -> Callable[[click.Command], click.Command]:
    """Adds the settings of stages to a command. Without `shows_default`, an option that is not given is None."""

    def decorate(command: click.Command) -> click.Command:
        for stage in stages:
            command.params += [SlotOption(slot, stage, prefixed=prefixed) for slot in SLOTS.values() if slot.stage == stage.name]
            command.params += [StageOption(stage, name, prefixed=prefixed, shows_default=shows_default) for name in stage.settings]
        return command

    return decorate
