"""Command-line options made of stages' settings: named, typed, defaulted and explained as the stages declare them."""

from collections.abc import Callable

import click
import docstring_parser

from components.stage import Stage


class GroupedCommand(click.Command):
    """A command whose help lists the options of every stage under the stage's name."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        groups: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            if record := parameter.get_help_record(ctx):
                groups.setdefault(getattr(parameter, "group", "Options"), []).append(record)
        for title, records in groups.items():
            with formatter.section(title):
                formatter.write_dl(records)


class StageOption(click.Option):
    """An option that stands for one setting of one stage."""

    def __init__(self, stage: Stage, setting: str, *, prefixed: bool, shows_default: bool = True) -> None:
        parameter = stage.signature.parameters[setting]
        text = docstring_parser.parse(stage.doc)
        explained = {p.arg_name: p.description or "" for p in text.params}
        name = f"{stage.name}_{setting}" if prefixed else setting
        flag = name.replace("_", "-")
        declarations = [f"--{flag}/--no-{flag}" if parameter.annotation is bool else f"--{flag}", name]
        self.group = f"{stage.name}: {(text.short_description or '').removesuffix('.')}"
        super().__init__(
            declarations,
            type=parameter.annotation,
            default=parameter.default if shows_default else None,
            show_default=shows_default,
            help=explained.get(setting, ""),
            metavar=None if parameter.annotation is bool else {float: "NUMBER", int: "INTEGER", str: "TEXT"}[parameter.annotation],
        )


def with_settings(*stages: Stage, prefixed: bool = True, shows_default: bool = True) -> Callable[[click.Command], click.Command]:
    """Adds the settings of these stages to a command. Without defaults an option that is not given is None."""

    def decorate(command: click.Command) -> click.Command:
        command.params += [StageOption(s, name, prefixed=prefixed, shows_default=shows_default) for s in stages for name in s.settings]
        return command

    return decorate
