"""The kill test of runs/serve_kill.py, small: the real script, queue, store and processes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.serving import ROOT, surroundings


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="finding a server's processes takes /proc")
def test_every_job_ends_once_whoever_is_killed(tiny_weights: Path, tmp_path: Path):
    command = [sys.executable, str(ROOT / "runs" / "serve_kill.py"), "--jobs", "24", "--clients", "4", "--json"]
    command += ["--kills", "2", "--weights", str(tiny_weights)]
    done = subprocess.run(
        command, env=surroundings(tmp_path, tiny_weights), capture_output=True, text=True, timeout=300
    )
    assert done.stdout, done.stderr[-2000:]
    figures = json.loads(done.stdout)
    assert figures["held"] and (figures["lost"], figures["doubled"]) == (0, 0), figures
    assert figures["completed"] == figures["films_kept"] == 24
    assert figures["workers_killed"] == 2 and figures["api_restarts"] == 2
