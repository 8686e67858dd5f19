"""The processes that the supervisor starts: `python -m kinema.serve api` and `python -m kinema.serve worker`."""

from __future__ import annotations

import argparse
import os
import signal
import socket
import sys
from threading import Thread
from time import sleep
from types import FrameType

from kinema.errors import KinemaError
from kinema.settings import read_settings


def main() -> int:
    """Runs one process; its exit code."""
    parser = argparse.ArgumentParser(prog="python -m kinema.serve")
    kinds = parser.add_subparsers(dest="kind", required=True)
    api = kinds.add_parser("api", help="the API, on a socket that listens already")
    api.add_argument("--fd", type=int, required=True)
    api.add_argument("--open", action="store_true", help="without keys")
    worker = kinds.add_parser("worker", help="makes films")
    worker.add_argument("--name")
    told = parser.parse_args()
    try:
        if told.kind == "worker":
            from kinema.serve.worker import main as work

            return work(told.name)
        return _serve(told.fd, told.open)
    except KinemaError as error:
        print(f"kinema: {error}", file=sys.stderr)
        return error.exit_code


def _serve(fd: int, open: bool) -> int:
    import uvicorn

    from kinema.serve.app import create_app
    from kinema.serve.connection import PatientProtocol

    Thread(target=_follow, args=(os.getppid(),), daemon=True).start()
    review = read_settings().review
    os.environ["KINEMA_REVIEW"] = "off"  # here only black stand-ins are settled; uploads are looked at by a child
    app = create_app(open=open, review=review)

    class Server(uvicorn.Server):
        """Event streams have no end of their own, so they are told that the server stops."""

        def handle_exit(self, number: int, frame: FrameType | None) -> None:
            app.state.pulse.close()
            super().handle_exit(number, frame)

    config = uvicorn.Config(
        app,
        http=PatientProtocol,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=15,
        ws="none",
    )
    Server(config).run(sockets=[socket.socket(fileno=fd)])
    return 0


def _follow(parent: int) -> None:
    """Stops this process when the one that started it is gone."""
    while os.getppid() == parent:
        sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
