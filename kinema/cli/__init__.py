"""The terminal's door: one file per group of verbs, each imported only when it is called.

Every error that a person can put right is one line on stderr. Exit codes: 0 done, 1 it could not be done, 2 the request
was wrong, 3 it is refused, 130 stopped by Ctrl-C.
"""

from __future__ import annotations

import sys
from difflib import get_close_matches
from importlib import import_module

import click

from kinema import __version__
from kinema.cli.terminal import speak_plainly
from kinema.errors import KinemaError

VERBS = {
    "generate": "kinema.cli.generate:generate",
    "still": "kinema.cli.tasks:still",
    "animate": "kinema.cli.tasks:animate",
    "extend": "kinema.cli.tasks:extend",
    "fill": "kinema.cli.tasks:fill",
    "loop": "kinema.cli.tasks:loop",
    "blend": "kinema.cli.tasks:blend",
    "remix": "kinema.cli.tasks:remix",
    "storyboard": "kinema.cli.tasks:storyboard",
    "recut": "kinema.cli.tasks:recut",
    "make": "kinema.cli.tasks:make",
    "show": "kinema.cli.show:show",
    "verify": "kinema.cli.verify:verify",
    "detect": "kinema.cli.detect:detect",
    "report": "kinema.cli.report:report",
    "energy": "kinema.cli.energy:energy",
    "doctor": "kinema.cli.doctor:doctor",
    "model": "kinema.cli.model:model",
    "world": "kinema.cli.world:world",
    "data": "kinema.cli.data:data",
    "evaluate": "kinema.cli.evaluate:command",
    "policy": "kinema.cli.policy:policy",
    "review": "kinema.cli.review:review",
    "bench": "kinema.cli.bench:bench",
    "watermark": "kinema.cli.watermark:watermark",
    "redteam": "kinema.cli.redteam:redteam",
    "serve": "kinema.cli.serve:serve",
    "keys": "kinema.cli.keys:keys",
    "conformance": "kinema.cli.conformance:conformance",
}
STOPPED = 130


class Verbs(click.Group):
    """A group whose verbs are imported when they are called, so that the terminal answers at once."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in VERBS:
            return None
        module, _, verb = VERBS[name].partition(":")
        return getattr(import_module(module), verb)

    def resolve_command(
        self, context: click.Context, arguments: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = arguments[0]
        if name not in VERBS and not name.startswith("-"):
            near = get_close_matches(name, VERBS, n=1)
            raise click.UsageError(f"there is no verb '{name}'" + (f"; nearest: {near[0]}" if near else ""), context)
        return super().resolve_command(context, arguments)

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Every verb with the whole of its first sentence."""
        verbs = [(name, self.get_command(context, name)) for name in self.list_commands(context)]
        with formatter.section("Verbs"):
            formatter.write_dl([(name, verb.get_short_help_str(200)) for name, verb in verbs if verb])


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="kinema")
def kinema() -> None:
    """A sentence in, a film out.

    \b
    Examples:
      kinema generate "a red dog jumps in a snowy forest at night"
      kinema doctor
    """


def main(arguments: list[str] | None = None) -> None:
    """Runs the terminal's request and exits with its code."""
    sys.exit(run(arguments))


def run(arguments: list[str] | None = None) -> int:
    """Runs the terminal's request; its exit code."""
    speak_plainly()
    try:
        code = kinema.main(arguments, prog_name="kinema", standalone_mode=False)
    except KinemaError as error:
        return _complain(str(error), error.exit_code)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return error.exit_code
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        hint = f" (see {context.command_path} --help)" if context else ""
        return _complain(f"{error.format_message()}{hint}", error.exit_code)
    except (click.Abort, KeyboardInterrupt) as stop:
        return _complain(str(stop) or "stopped", STOPPED)
    return code if isinstance(code, int) else 0


def _complain(message: str, code: int) -> int:
    click.echo(f"kinema: {' '.join(message.split())}", err=True)
    return code
