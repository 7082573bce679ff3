"""The decoders, under a fuzzer that sees which of their lines it reaches."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SECONDS = 600
HOW = "pip install 'elasticbench[fuzz]'"

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(SECONDS + 300)]


@pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason=f"no atheris: {HOW}")
def test_no_bytes_at_all_make_a_decoder_fall(tmp_path):
    argv = [sys.executable, "-m", "tests.pipeline.fuzzing", str(SECONDS)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(argv, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
