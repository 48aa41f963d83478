"""Entry point: finds the command, runs it, and turns errors into one line and an exit code.

Commands are imported when they are called, so that help answers at once.
"""

from __future__ import annotations

import errno
import sys
from importlib import import_module

import click

from maphc2f import __version__
from maphc2f.errors import Maphc2fError, UserError, one_line
from maphc2f.registry import near

COMMANDS: dict[str, tuple[str, str]] = {
    "plan": ("maphc2f.cli.plan", "Show counts, bytes and digests; write nothing."),
    "generate": ("maphc2f.cli.generate", "Make a dataset, or go on with one."),
    "finish": ("maphc2f.cli.finish", "End a dataset whose shares a job array made."),
    "status": ("maphc2f.cli.status", "Show how far a dataset is, and what works on it."),
    "preview": ("maphc2f.cli.preview", "Look at 24 samples before a long run."),
    "verify": ("maphc2f.cli.verify", "Check a dataset against what it says of itself."),
    "score": ("maphc2f.cli.score", "Give every sample of a dataset its learned score."),
    "reproduce": ("maphc2f.cli.reproduce", "Make one sample again and compare."),
    "simulate": ("maphc2f.cli.simulate", "Run the physics of one defect and show its fields."),
    "list": ("maphc2f.cli.catalogue", "List categories, materials, families or scenarios."),
    "categories": ("maphc2f.cli.categories", "Check manifests of your own."),
    "calibrate": ("maphc2f.cli.calibrate", "Fit the looks of a family to a few real defects."),
    "sqe": ("maphc2f.cli.sqe", "Train the learned quality estimator."),
    "foreground": ("maphc2f.cli.foreground", "Find the part in every picture of a folder."),
    "doctor": ("maphc2f.cli.doctor", "Check this installation and machine."),
}

EXIT_CODES = """\b
Exit codes: 0 done, 1 a bug, 2 wrong input or a full disk, 3 the dataset is
incomplete, 4 verification or reproduction found differences, 130 stopped by
Ctrl-C or a termination signal."""


class LazyGroup(click.Group):
    """A group whose commands are imported when called; their one-line help is known without."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of use."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(COMMANDS[cmd_name][0]).command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or name those that are meant.

        Raises:
            UsageError: There is no such command.
        """
        if args and not args[0].startswith("-") and args[0] not in COMMANDS:
            ctx.fail(f"no command '{args[0]}'; {near(args[0], list(COMMANDS))}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=LazyGroup, epilog=EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="maphc2f")
def cli() -> None:
    """Make synthetic industrial defects from good pictures alone.

    \b
    Start with:
      maphc2f preview --out sheet.png
      maphc2f generate --categories all --per-category 8 --out ds
    """  # noqa: D301  # \b is click's mark for a block that keeps its lines


def run(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    try:
        result = cli.main(args=arguments, prog_name="maphc2f", standalone_mode=False)
    except BrokenPipeError:
        return 0
    except (click.Abort, KeyboardInterrupt):
        click.echo("stopped; what was committed stays, run the same command to go on", err=True)
        return 130
    except (Maphc2fError, click.ClickException, OSError) as error:
        line, code = _explain(error)
        click.echo(f"error: {line}", err=True)
        return code
    return result if isinstance(result, int) else 0


def _explain(error: Exception) -> tuple[str, int]:
    """Return the one line and the exit code of an error that a user can mend; raise any other again."""
    if isinstance(error, Maphc2fError):
        return str(error), error.exit_code
    if isinstance(error, click.UsageError):
        path = error.ctx.command_path if error.ctx else "maphc2f"
        return f"{one_line(error.format_message()).rstrip('.')}; see '{path} --help'", 2
    if isinstance(error, click.ClickException):
        return one_line(error.format_message()), 2
    if isinstance(error, OSError) and (error.filename is not None or error.errno in (errno.ENOSPC, errno.EDQUOT)):
        return str(_of_system(error)), 2
    raise error


def _of_system(error: OSError) -> UserError:
    """Return the one-line error for a file or disk that the system refuses."""
    return UserError(
        (error.strerror or str(error)).lower(),
        where=str(error.filename or "disk"),
        rule="files and folders must be readable or writable, and the disk must have space",
        remedy="mend that or choose another place, then run the same command again",
    )


def main() -> None:
    """Run and exit."""
    sys.exit(run())


if __name__ == "__main__":
    main()
