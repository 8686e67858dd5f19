"""Verbs for the API keys of a server."""

from __future__ import annotations

from dataclasses import asdict
from time import localtime, strftime
from typing import TYPE_CHECKING

import click

from kinema.cli.serve import need_serve
from kinema.cli.terminal import echo_json

if TYPE_CHECKING:
    from kinema.serve.store import Store


def _store() -> Store:
    need_serve()
    from kinema.serve.store import open_store

    store = open_store()
    store.migrate()
    return store


@click.group(name="keys")
def keys() -> None:
    """Who may use the server: API keys, their scopes and limits.

    \b
    Examples:
      kinema keys create "our studio"
      kinema keys list
    """


@keys.command()
@click.argument("name")
@click.option("--scope", "scopes", multiple=True, help="films, read, provenance, metrics; else all but metrics.")
@click.option("--priority", type=click.IntRange(-100, 100), default=0, show_default=True, help="Higher goes first.")
@click.option("--per-minute", type=click.IntRange(1), help="Films that may be asked for in a minute.")
@click.option("--at-once", type=click.IntRange(1), help="Films that may wait or be made at once.")
@click.option("--seconds-a-day", type=click.FloatRange(0, min_open=True), help="Seconds of film in 24 hours.")
@click.option("--wh-a-day", type=click.FloatRange(0, min_open=True), help="Watt-hours in 24 hours.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def create(name: str, as_json: bool, scopes: tuple[str, ...], **limits: object) -> None:
    """Make a key for NAME and show it, this once.

    \b
    Examples:
      kinema keys create "our studio"
      kinema keys create guest --scope films --scope read --at-once 2 --seconds-a-day 600
    """
    from kinema.serve.keys import create as make

    key, secret = make(_store(), name, scopes=scopes, **limits)
    if as_json:
        echo_json(asdict(key) | {"key": secret})
        return
    click.echo(secret)
    click.echo(f"{key.id} for {name}; it is shown this once, and only its hash is kept", err=True)


@keys.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def list_keys(as_json: bool) -> None:
    """List all keys, without what opens them.

    \b
    Examples:
      kinema keys list
      kinema keys list --json
    """
    from kinema.serve.keys import listed

    for key in listed(_store()):
        if as_json:
            echo_json(asdict(key))
            continue
        day = strftime("%Y-%m-%d", localtime(key.created_at))
        ended = f", revoked {strftime('%Y-%m-%d', localtime(key.revoked_at))}" if key.revoked_at else ""
        click.echo(f"{key.id}  {day}  {','.join(key.scopes)}  {key.name}{ended}")


@keys.command()
@click.argument("key_id")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def revoke(key_id: str, as_json: bool) -> None:
    """Revoke KEY_ID: it opens nothing from now on; its films stay until they expire.

    \b
    Examples:
      kinema keys revoke key_0123456789abcdef
    """
    from kinema.serve.keys import revoke as end

    end(_store(), key_id)
    if as_json:
        echo_json({"id": key_id, "revoked": True})
    else:
        click.echo(f"{key_id} is revoked")
