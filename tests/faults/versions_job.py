"""A job that says which Python, Spark, jars and code of ours its driver and an executor have."""

from __future__ import annotations

import json
import sys
from typing import Any

from courant.session import get_spark


def facts(_rows: object = None) -> list[dict[str, Any]]:
    """Look at the process that runs this."""
    import platform  # noqa: PLC0415 - an executor gets this function alone
    from pathlib import Path  # noqa: PLC0415

    import pyspark  # noqa: PLC0415

    import courant  # noqa: PLC0415

    return [
        {
            "python": platform.python_version(),
            "spark": pyspark.__version__,
            "code": courant.__file__,
            "jars": sorted(path.name for path in Path().glob("*.jar")),  # an executor's folder
        }
    ]


def main() -> int:
    """Print both as JSON."""
    spark = get_spark("versions")
    driver = facts()[0]
    executor = spark.sparkContext.parallelize([0], 1).mapPartitions(facts).first()
    names = sorted(jar.rpartition("/")[2] for jar in spark.conf.get("spark.jars", "").split(","))
    sys.stdout.write(json.dumps({"driver": driver | {"jars": names}, "executor": executor}) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
