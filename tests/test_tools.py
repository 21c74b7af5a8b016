"""The benchmark and the refresh of the stored outputs: they run at all."""

import re
import subprocess
import sys

from notebooks import ROOT


def test_the_benchmark_measures_all_five_forms():
    done = subprocess.run(
        [sys.executable, "tests/benchmark.py", "1"],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr
    rows = re.findall(r"^\| [^|]+(?: \| \d+\.\d\d){4} \|$", done.stdout, re.M)
    assert len(rows) >= 5
