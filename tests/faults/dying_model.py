"""The real daily model, whose process dies by SIGKILL at one place.

    spark-submit … dying_model.py PLACE --dataset NAME …

PLACE is a key of `PLACES`.
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

from dying_ingest import dies_after, dies_before, place
from mlflow import MlflowClient

from courant.batch import daily_model
from courant.ml.engines.sklearn import SklearnRidge

JOB = Path(__file__).resolve().parents[2] / "jobs" / "ml" / "compare_engines.py"
PLACES = {
    "while_training": (SklearnRidge, "fit", dies_after, 2),
    "half_registered": (MlflowClient, "create_model_version", dies_after, 2),
    "before_the_forecast": (daily_model, "write_next_day", dies_before, 1),
}

if __name__ == "__main__":
    place(*PLACES[sys.argv[1]])
    sys.argv[1:] = sys.argv[2:]
    runpy.run_path(str(JOB), run_name="__main__")
