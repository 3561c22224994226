"""Several jobs' entry points one after the other in one driver: a start of Spark costs more than their work.

spark-submit … jobs_in_a_row.py --dataset NAME jobs/batch/build_silver.py jobs/batch/build_gold.py …
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def main(options: list[str], jobs: list[str]) -> int:
    """Run them; give the exit code of the first that fails."""
    for job in jobs:
        sys.argv = [job, *options]
        try:
            runpy.run_path(str(ROOT / job), run_name="__main__")
        except SystemExit as end:
            if end.code:
                return int(end.code)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:3], sys.argv[3:]))
