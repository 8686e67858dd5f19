"""Nothing is told to anybody unasked: OpenVINO's own reports of its use stay off."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
CODE = """
import os, sys
import kinema
import kinema.engine
from kinema.backends import find
os.fork = None  # the reports are sent by a forked process
import openvino
find("native")
print(*(name for name in sys.modules if name.startswith("openvino_telemetry.")))
print(sys.modules["openvino.tools.ovc.telemetry_utils"].tm.__name__)
"""


def test_openvino_reports_nothing(tiny_model: Path):
    done = subprocess.run([sys.executable, "-c", CODE], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.split() == ["openvino.tools.ovc.telemetry_stub"], done.stderr
