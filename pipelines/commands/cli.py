"""The `speechmill` command."""

import importlib
import subprocess
import sys

import click
from click.shell_completion import CompletionItem, get_completion_class

from components.shared.task import StageError

COMMANDS = {
    "run": "Make a version of a dataset from sources.",
    "estimate": "Say what a run will cost: time, cores, memory, disk.",
    "compare": "Make a dataset with each of several settings, and show them side by side.",
    "train": "Train models.",
    "stage": "Run one stage on a folder of audio files.",
    "dataset": "Show, compare, tag and export published datasets, and select their clips again.",
    "speakers": "List, name, merge and split a dataset's voices, and calibrate the similarity threshold that separates them.",
    "review": "Let people correct clips on a Label Studio server, and take over what they say.",
    "compile": "Write the pipelines as files for Kubeflow.",
    "upload": "Upload the pipelines to Kubeflow.",
    "submit": "Make a version of a dataset on a cluster.",
    "runs": "Show, follow and stop runs on a cluster, and prune what runs leave.",
    "schedule": "Start runs on a cluster at set times.",
    "effects": "Add and show sound effects to remove from recordings.",
    "references": "Add and show reference voices to compare clips with.",
    "models": "List, fetch, store and check the models that stages load.",
    "store": "Create a store for datasets, models and references.",
}


class LazyGroup(click.Group):
    """A group that imports a command when it is used: kfp takes seconds, and completion must be fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*COMMANDS, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in COMMANDS:
            return importlib.import_module(f"pipelines.commands.{cmd_name}").command  # type: ignore[no-any-return]
        return super().get_command(ctx, cmd_name)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        return [CompletionItem(name) for name in self.list_commands(ctx) if name.startswith(incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([*COMMANDS.items(), *((n, c.get_short_help_str(100)) for n, c in self.commands.items())])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(package_name="speechmill")
def speechmill() -> None:
    """Turns crawled audio into clean, single-speaker, versioned speech datasets."""


@speechmill.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script of a shell. Source it in the shell's start-up file."""
    found = get_completion_class(shell)
    assert found
    click.echo(found(speechmill, {}, "speechmill", "_SPEECHMILL_COMPLETE").source())


def main() -> None:
    """Runs the command; prints an error that the user can fix as one line, and exits with 130 after Ctrl-C."""
    try:
        speechmill(prog_name="speechmill", standalone_mode=False)
    except click.exceptions.Exit as end:
        raise SystemExit(end.exit_code) from None
    except click.ClickException as error:
        error.show()
        raise SystemExit(error.exit_code) from None
    except (click.Abort, KeyboardInterrupt):
        print("interrupted: finished work is kept for the next run", file=sys.stderr)
        raise SystemExit(130) from None
    except (StageError, OSError, subprocess.CalledProcessError) as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(1) from None
