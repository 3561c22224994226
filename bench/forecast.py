"""How far each model's day-ahead forecast of the national total lies from what happened, on the real published years.

python bench/forecast.py [--train-until 2023-09-30] [--last 2023-12-31]

Needs no server, and the files of COURANT_REAL_DATA. Each model learns once, from all days up to the first date, and
forecasts each day after it at its midnight, with the weather of that day unknown, and known.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from datetime import date, timedelta
from pathlib import Path
from typing import get_args

from machine import console, describe_engine
from rich.table import Table

from courant.ml.contest import recipes
from courant.ml.engines.sklearn import SklearnRidge
from courant.ml.scores import mae, mape, r2, rmse
from courant.session import CONF, get_spark
from courant.transforms.day_variables import Weather
from courant.transforms.features import to_features

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))
from feature_documents import real_documents


def main() -> None:
    arguments = _arguments()
    console.print(describe_engine())
    os.environ |= {
        "SPARK_CONF_DIR": str(CONF),
        "PYSPARK_PYTHON": sys.executable,
        "PYSPARK_SUBMIT_ARGS": f"--master local[*] --properties-file {CONF / 'spark-measure.conf'}"
        " --driver-memory 4g pyspark-shell",
    }
    spark = get_spark("bench of forecasts")
    documents = real_documents()
    days = [date.fromisoformat(document["day"]) for document in documents]
    table = Table("model", "weather", "MAPE %", "MAE MW", "RMSE MW", "R²", "fit s", title=_title(arguments))
    for recipe in recipes(SklearnRidge, spark):
        for weather in get_args(Weather):
            rows = to_features(documents, days=days, weather=weather)
            train = rows.between(date.min, arguments.train_until).trainable()
            test = rows.between(arguments.train_until + timedelta(days=1), arguments.last).trainable()
            forecaster, begun = recipe.make(), time.monotonic()
            forecaster.fit(train)
            seconds = time.monotonic() - begun
            found = forecaster.forecast_w(test)
            errors = [score(test.target_w, found) for score in (mape, mae, rmse, r2)]
            shown = [
                f"{errors[0]:.2f}",
                f"{errors[1] / 1e6:,.0f}",
                f"{errors[2] / 1e6:,.0f}",
                f"{errors[3]:.4f}",
            ]
            table.add_row(recipe.name, weather, *shown, f"{seconds:.1f}")
            console.print(recipe.name, weather, *shown, f"{seconds:.1f} s")
    console.print(table)


def _title(arguments: argparse.Namespace) -> str:
    return f"Learnt up to {arguments.train_until}, judged from then to {arguments.last}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, default in (("--train-until", date(2023, 9, 30)), ("--last", date(2023, 12, 31))):
        parser.add_argument(name, type=date.fromisoformat, default=default, help="default: %(default)s")
    return parser.parse_args()


if __name__ == "__main__":
    main()
