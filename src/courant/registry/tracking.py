"""MLflow: runs with their figures, and the registry of models; SQLite and a folder below `mlruns/`, no server."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from courant.settings import Settings

# It shows a bar for each file that it copies, and asks home how it is used.
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # its own uses of what pydantic and others deprecate
    import mlflow
    import mlflow.pyfunc
    from mlflow.entities import Metric, Param, RunStatus

for _talkative in ("mlflow", "alembic"):
    logging.getLogger(_talkative).setLevel(logging.ERROR)

CHAMPION, CHALLENGER = "champion", "challenger"
ARTIFACT = "models"  # of a registered model: the folder of `save_models`
_FORECAST_MODEL = Path(__file__).with_name("forecast_model.py")
_FINISHED = "finished"  # a version without this tag was left by a run that died
_PARENT = "mlflow.parentRunId"


@dataclass(frozen=True, slots=True)
class Version:
    """A registered model."""

    number: int
    recipe: str
    run_id: str


@dataclass(frozen=True, slots=True)
class TrackedRun:
    """A finished run."""

    run_id: str
    experiment_id: str
    parent: str  # the id of the run that it lies below; empty for none
    began: datetime
    tags: Mapping[str, str]
    params: Mapping[str, str]
    metrics: Mapping[str, float]


class Tracker:
    """Runs and models of one data set: the experiment and the registered model `courant-DATASET`."""

    def __init__(self, settings: Settings, dataset: str) -> None:
        settings.mlflow.root.mkdir(parents=True, exist_ok=True)
        mlflow.set_tracking_uri(settings.mlflow.tracking_uri)
        self.client = mlflow.MlflowClient()
        self.name = f"courant-{dataset}"
        self._artifacts = f"{settings.mlflow.artifacts_uri}/{self.name}"

    def clear_abandoned(self) -> int:
        """Mark the runs that a killed job left as killed, and delete the models it had half registered.

        Only for who holds the data set's lock: a run that goes on looks the same.
        """
        going = self._search("attributes.status = 'RUNNING'")
        for run in going:
            self.client.set_terminated(run.info.run_id, RunStatus.to_string(RunStatus.KILLED))
        for version in self._versions():
            if _FINISHED not in version.tags:
                self.client.delete_model_version(self.name, version.version)
        return len(going)

    @contextmanager
    def run(self, name: str, *, tags: Mapping[str, str], parent: str | None = None) -> Iterator[OpenRun]:
        """Open a run; it ends as finished, or as failed by what is raised."""
        nested = {_PARENT: parent} if parent else {}
        found = self.client.get_experiment_by_name(self.name)
        experiment = found.experiment_id if found else self._make_experiment()
        made = self.client.create_run(experiment, run_name=name, tags={**tags, **nested})
        run_id = str(made.info.run_id)
        try:
            yield OpenRun(self, run_id)
        except BaseException:
            self.client.set_terminated(run_id, RunStatus.to_string(RunStatus.FAILED))
            raise
        self.client.set_terminated(run_id, RunStatus.to_string(RunStatus.FINISHED))

    def runs(self, kind: str) -> list[TrackedRun]:
        """Give the finished runs of a kind, the newest first."""
        return [
            _tracked(run) for run in self._search(f"tags.kind = '{kind}' and attributes.status = 'FINISHED'")
        ]

    def register(self, run_id: str, folder: Path, *, recipe: str, alias: str) -> Version:
        """Make saved models the next version, and then what the alias names: the last step is all or nothing."""
        with mlflow.start_run(run_id=run_id), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            logged = mlflow.pyfunc.log_model(
                name="forecaster",
                python_model=str(_FORECAST_MODEL),
                artifacts={ARTIFACT: str(folder)},
                pip_requirements=["courant"],
            )
        if not self._is_registered():
            self.client.create_registered_model(self.name)
        made = self.client.create_model_version(
            self.name, logged.model_uri, run_id=run_id, model_id=logged.model_id, tags={"recipe": recipe}
        )
        self.client.set_model_version_tag(self.name, made.version, _FINISHED, "yes")
        self.client.set_registered_model_alias(self.name, alias, made.version)
        return Version(int(made.version), recipe, run_id)

    def version(self, alias: str = CHAMPION) -> Version | None:
        """Give what an alias names; None where nothing does yet."""
        if not self._is_registered():
            return None
        aliases = self.client.get_registered_model(self.name).aliases
        if alias not in aliases:
            return None
        found = self.client.get_model_version(self.name, aliases[alias])
        return Version(int(found.version), found.tags["recipe"], str(found.run_id))

    def _search(self, chosen: str) -> list[Any]:
        """Give the newest thousand runs that a filter chooses; none where nothing was ever run."""
        found = self.client.get_experiment_by_name(self.name)
        if found is None:
            return []
        newest = ["attributes.start_time DESC"]
        return list(
            self.client.search_runs([found.experiment_id], chosen, max_results=1_000, order_by=newest)
        )

    def _make_experiment(self) -> str:
        return str(self.client.create_experiment(self.name, artifact_location=self._artifacts))

    def _versions(self) -> Sequence[Any]:
        return list(self.client.search_model_versions(f"name = '{self.name}'"))

    def _is_registered(self) -> bool:
        return bool(self.client.search_registered_models(f"name = '{self.name}'"))


@dataclass(frozen=True, slots=True)
class OpenRun:
    """A run that figures, plots and models are kept in while it is open."""

    tracker: Tracker
    run_id: str

    def below(self, name: str, *, tags: Mapping[str, str]) -> AbstractContextManager[OpenRun]:
        """Open a run below this one."""
        return self.tracker.run(name, tags=tags, parent=self.run_id)

    def log(
        self, *, metrics: Mapping[str, float] | None = None, params: Mapping[str, Any] | None = None
    ) -> None:
        """Keep figures and parameters."""
        self.tracker.client.log_batch(
            self.run_id,
            metrics=[Metric(name, float(value), 0, 0) for name, value in (metrics or {}).items()],
            params=[Param(name, str(value)) for name, value in (params or {}).items()],
        )

    def plot(self, name: str, figure: Figure) -> None:
        """Keep a plot."""
        self.tracker.client.log_figure(self.run_id, figure, f"{name}.svg")

    def register(self, folder: Path, *, recipe: str, alias: str) -> Version:
        """Make saved models the next version, as `Tracker.register`."""
        return self.tracker.register(self.run_id, folder, recipe=recipe, alias=alias)


def _tracked(run: Any) -> TrackedRun:  # noqa: ANN401 - MLflow's
    began = datetime.fromtimestamp(run.info.start_time / 1000, UTC)
    data = run.data
    return TrackedRun(
        run.info.run_id,
        run.info.experiment_id,
        data.tags.get(_PARENT, ""),
        began,
        data.tags,
        data.params,
        data.metrics,
    )


def load_registered(settings: Settings, dataset: str, *, alias: str = CHAMPION) -> Any:  # noqa: ANN401 - MLflow's
    """Load a registered model, as any program can.

    Raises
    ------
    mlflow.exceptions.MlflowException
        If nothing is registered under the alias.
    """
    mlflow.set_tracking_uri(settings.mlflow.tracking_uri)
    return mlflow.pyfunc.load_model(f"models:/courant-{dataset}@{alias}")
