"""The verb that serves the Videos API."""

from __future__ import annotations

import click

from kinema.cli.terminal import echo_json
from kinema.errors import ExtraMissingError


def need_serve() -> None:
    """Raises ExtraMissingError where the parts of a server are not installed."""
    from importlib.util import find_spec

    parts = (
        "fastapi",
        "uvicorn",
        "sqlalchemy",
        "alembic",
        "fsspec",
        "python_multipart",
        "prometheus_client",
        "urllib3",
    )
    if any(find_spec(name) is None for name in parts):
        raise ExtraMissingError("serve", "serving")


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="Port; 0 takes a free one."
)
@click.option("--workers", type=click.IntRange(0, 256), default=1, show_default=True, help="Processes that make films.")
@click.option(
    "--keys/--no-keys", "with_keys", default=None, help="Ask for API keys; always, except on this machine alone."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line: what is said while serving.")
def serve(host: str, port: int, workers: int, with_keys: bool | None, as_json: bool) -> None:
    """Serve the Videos API: code written for Sora works when its base_url points here.

    Films and jobs are kept under KINEMA_HOME (SQLite and a folder), or where KINEMA_DATABASE and KINEMA_FILMS say.
    Without keys only this machine is answered; keys are made by 'kinema keys create'. Ctrl-C lets films be finished,
    twice gives them back to the queue.

    \b
    Examples:
      kinema serve
      kinema serve --workers 2 --port 8080
      kinema serve --host 0.0.0.0
    """
    need_serve()
    from kinema.serve.doors import is_loopback
    from kinema.serve.supervise import serve as run

    if with_keys is False and not is_loopback(host):
        said = f"--no-keys is for this machine alone, and {host} is reached from others; leave it out"
        raise click.UsageError(said)
    open = is_loopback(host) if with_keys is None else not with_keys

    def say(line: str) -> None:
        if as_json:
            echo_json({"said": line})
        else:
            click.echo(line)

    run(host, port, workers=workers, open=open, say=say)
