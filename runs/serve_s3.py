"""Serves with its films at an S3 address, and looks there at what is kept: whole films, parts of them, nothing deleted.

    pip install 'kinema[serve]' s3fs openai
    moto_server -p 5000 &                                        # of moto[server]; or MinIO, or any other
    python runs/serve_s3.py http://127.0.0.1:5000
    python runs/serve_s3.py http://127.0.0.1:5000 --stop PID     # stops that process too: what is answered then?

Credentials are read from the environment, as usual (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY), and made up where there
are none. A bucket of a drawn name is made and removed again.
"""

from __future__ import annotations

import argparse
import os
import secrets
import signal
import sys
import tempfile
import warnings
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from serve_kill import served

FILM = {"prompt": "a red dog jumps in the snow", "seconds": "1"}
_failed: list[str] = []


def holds(what: str, work: Callable[[], bool]) -> None:
    """Says whether it does."""
    try:
        held = work()
    except Exception as error:  # whatever it is, the others are tried too
        held, what = False, f"{what} ({type(error).__name__}: {error})"
    print(f"{'ok' if held else 'FAILED':<8}{what}", flush=True)
    if not held:
        _failed.append(what)


def drive(client: Any, kept: Callable[[], list[str]]) -> None:
    """Films, files and their ends, by the official client."""
    import openai
    from PIL import Image

    picture = BytesIO()
    Image.new("RGB", (128, 72), (90, 120, 150)).save(picture, "PNG")
    file = client.files.create(file=("grey.png", picture.getvalue(), "image/png"), purpose="vision")
    holds("a file is kept there", lambda: len(kept()) == 1)
    holds("and given back", lambda: client.files.content(file.id).read() == picture.getvalue())
    begun = client.videos.create(**FILM, extra_body={"input_reference": {"file_id": file.id}})
    video = client.videos.poll(begun.id, poll_interval_ms=300)
    holds("a film is made of it", lambda: video.status == "completed")
    holds("the film is kept there", lambda: len(kept()) == 2)
    sheet = client.videos.download_content(video.id, variant="spritesheet").read()
    holds("a sprite sheet is made of it", lambda: Image.open(BytesIO(sheet)).format == "JPEG")
    holds("and kept there with a thumbnail", lambda: len(kept()) == 4)
    whole = client.videos.download_content(video.id).read()
    part = client.videos.download_content(video.id, extra_headers={"Range": "bytes=100-199"}).read()
    holds("a part is that part of the whole", lambda: part == whole[100:200])
    longer = client.videos.create(**FILM, extra_body={"task": "extend", "sources": [{"id": video.id}]})
    again = client.videos.poll(longer.id, poll_interval_ms=300)
    holds("a film goes on from one that is kept there", lambda: again.status == "completed")
    for each in (video, again):
        client.videos.delete(each.id)
    client.files.delete(file.id)
    holds("what is deleted is not there any more", lambda: kept() == [])
    status = 200
    try:
        client.videos.download_content(video.id)
    except openai.APIStatusError as error:
        status = error.status_code
    holds("a deleted film is not given", lambda: status == 404)


def after_the_end(client: Any, process: int) -> None:
    """What is answered where the place of the films is gone."""
    import openai

    video = client.videos.create_and_poll(**FILM)
    os.kill(process, signal.SIGKILL)
    status = 200
    try:
        client.videos.download_content(video.id)
    except openai.APIStatusError as error:
        status = error.status_code
    holds("a film whose place is gone is 503", lambda: status == 503)
    lost = client.videos.create_and_poll(**FILM)
    holds(
        "a film that cannot be kept fails with no_room", lambda: lost.error is not None and lost.error.code == "no_room"
    )


def main() -> int:
    """1 where something does not hold."""
    import fsspec
    import openai

    warnings.simplefilter("ignore", DeprecationWarning)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("endpoint", help="the address of an S3 service")
    parser.add_argument("--stop", type=int, metavar="PID", help="the service's process, to be stopped at the end")
    options = parser.parse_args()
    for name, value in (
        ("AWS_ACCESS_KEY_ID", "any"),
        ("AWS_SECRET_ACCESS_KEY", "any"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
    ):
        os.environ.setdefault(name, value)
    os.environ["AWS_ENDPOINT_URL"] = options.endpoint
    bucket = f"kinema-{secrets.token_hex(6)}"
    system = fsspec.filesystem("s3", use_listings_cache=False)
    system.mkdir(bucket)
    with tempfile.TemporaryDirectory(prefix="kinema-s3-") as home:
        environment = dict(os.environ) | {"KINEMA_HOME": home, "KINEMA_FILMS": f"s3://{bucket}/films"}
        with served(environment, 1) as (url, _), openai.OpenAI(base_url=url, api_key="none", max_retries=0) as client:
            drive(client, lambda: system.find(bucket))
            if options.stop:
                after_the_end(client, options.stop)
    if not options.stop:
        system.rm(bucket, recursive=True)
    return 1 if _failed else 0


if __name__ == "__main__":
    sys.exit(main())
