"""A registered model as MLflow loads it in any process: documents of `features_daily` in, a day's forecast out."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd

from courant.ml.model_set import load_models
from courant.registry.tracking import ARTIFACT
from courant.transforms.day_grid import until_whole
from courant.transforms.features import to_features


class ForecastModel(mlflow.pyfunc.PythonModel):  # type: ignore[misc,name-defined] # typed in part
    """All forecasters of a data set."""

    def load_context(self, context: mlflow.pyfunc.PythonModelContext) -> None:  # type: ignore[name-defined]
        """Read the forecasters; those of MLlib start a Spark session."""
        self.models = load_models(Path(context.artifacts[ARTIFACT]))

    def predict(
        self,
        context: mlflow.pyfunc.PythonModelContext,  # type: ignore[name-defined] # noqa: ARG002 - MLflow's signature
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,  # noqa: ARG002
    ) -> pd.DataFrame:
        """Forecast the day after each series' last whole one.

        Parameters
        ----------
        model_input
            A document of `features_daily` a row, of one series or several, of the last 90 days at least.

        Returns
        -------
        pandas.DataFrame
            `series`, `day`, `slot`, and in W `power_w`, `low_w`, `high_w` (80 % lie between).
        """
        parts = []
        for series, given in model_input.sort_values("day").groupby("series"):
            documents = until_whole(_records(given))
            day = date.fromisoformat(documents[-1]["day"]) + timedelta(days=1)
            made = self.models.forecast(to_features(documents, days=[day], weather="unknown"), str(series))
            columns = {
                "slot": made.slots,
                "power_w": made.power_w,
                "low_w": made.low_w,
                "high_w": made.high_w,
            }
            parts.append(pd.DataFrame({"series": series, "day": day.isoformat(), **columns}))
        return pd.concat(parts, ignore_index=True)


def _records(documents: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in documents.to_dict("records")]


mlflow.models.set_model(ForecastModel())
