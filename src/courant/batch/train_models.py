"""All ways to forecast a data set compete on its last weeks; the best learns from every day and is registered."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from py4j.protocol import Py4JError

from courant.batch.learning_data import LearningData
from courant.domain.feature_matrix import FeatureMatrix
from courant.ml.backtest import interval_of
from courant.ml.contest import Judged, Parameters, Recipe, choose, judge
from courant.ml.folds import folds_within
from courant.ml.forecasters import Forecaster
from courant.ml.model_set import ModelSet, save_models
from courant.registry.tracking import CHALLENGER, CHAMPION, OpenRun, Version

log = logging.getLogger(__name__)

SEARCH_EVERY = timedelta(days=7)
SEARCH, RECIPE, MODEL = "search", "recipe", "model"


@dataclass(frozen=True)
class Trained:
    """A data set's champion, fitted on all its days and registered, and how all recipes were judged."""

    models: ModelSet
    version: Version
    before: Version | None  # the champion until now
    judged: Sequence[Judged]  # with the weather of the day unknown
    known: Mapping[str, Judged]  # with the weather known, by recipe; empty where a data set has no weather

    @property
    def champion(self) -> Judged:
        """How the champion was judged."""
        return next(one for one in self.judged if one.recipe.name == self.version.recipe)

    @property
    def is_promoted(self) -> bool:
        """Whether another recipe has taken the champion's place."""
        return self.before is not None and self.before.recipe != self.version.recipe


def train_models(
    day: OpenRun, data: LearningData, contenders: Mapping[str, Recipe], now: datetime
) -> Trained:
    """Judge, choose, fit and register.

    Parameters
    ----------
    day
        The run of the day; each recipe gets a run below it.
    contenders
        By name.
    """
    parameters = {name: _parameters(day, data, recipe, now) for name, recipe in contenders.items()}
    log.info("%s: judging %s on %s series", data.dataset, ", ".join(contenders), len(data.series))
    judged = judge(contenders, parameters, data.each("unknown"))
    has_weather = any(one.has_weather for one in data.series)
    known = judge(contenders, parameters, data.each("known")) if has_weather else []
    by_name = {one.recipe.name: one for one in known}
    for one in judged:
        _keep(day, data, one, by_name.get(one.recipe.name), parameters[one.recipe.name])
    before = day.tracker.version(CHAMPION)
    champion, challenger = choose(judged, before.recipe if before else None)
    if challenger:
        _register(day, data, challenger, parameters[challenger.recipe.name], CHALLENGER)
    models, version = _register(day, data, champion, parameters[champion.recipe.name], CHAMPION)
    return Trained(models, version, before, judged, by_name)


def _parameters(day: OpenRun, data: LearningData, recipe: Recipe, now: datetime) -> Parameters:
    """Give what the last search found, and search again when that is a week old.

    The days that recipes are judged on have no say: a search looks at those before. Of a hundred series it takes the
    longest.
    """
    if recipe.search is None:
        return {}
    for found in day.tracker.runs(SEARCH):
        if found.tags["recipe"] == recipe.name and now - found.began < SEARCH_EVERY:
            return {name: float(value) for name, value in found.params.items()}
    rows = data.longest.rows("unknown")
    earlier = rows.between(date.min, folds_within(rows)[0].train_until)
    if not folds_within(earlier):
        return {}
    try:
        with day.below(f"search {recipe.name}", tags={"kind": SEARCH, "recipe": recipe.name}) as run:
            tried = recipe.search(earlier)
            run.log(params=tried[0])
    except Py4JError as error:
        log.warning("%s is not searched today: %s", recipe.name, str(error).splitlines()[0])
        return {}
    log.info("%s: of %s combinations for %s, %s is best", data.dataset, len(tried), recipe.name, tried[0])
    return tried[0]


def _keep(
    day: OpenRun,
    data: LearningData,
    judged: Judged,
    known: Judged | None,
    parameters: Parameters,
) -> None:
    """Make a run of how a recipe was judged."""
    tags = {"kind": RECIPE, "recipe": judged.recipe.name, "learnt_until": data.longest.last_day.isoformat()}
    with day.below(judged.recipe.name, tags=tags) as run:
        of_known = known.whole.scores() if known else {}
        run.log(
            metrics={**judged.whole.scores(), **{f"{name}_known": value for name, value in of_known.items()}},
            params={**parameters, "fingerprint": data.fingerprint, "series": len(data.series)},
        )


def _register(
    day: OpenRun, data: LearningData, judged: Judged, parameters: Parameters, alias: str
) -> tuple[ModelSet, Version]:
    """Fit a recipe on every day of every series, and register it."""
    log.info("%s: fitting %s, the %s, on all days", data.dataset, judged.recipe.name, alias)
    models = ModelSet(
        judged.recipe.name,
        {name: _fitted(judged.recipe, rows, parameters) for name, rows in data.each("unknown")},
        {name: interval_of(found) for name, found in judged.by_series.items()},
    )
    with TemporaryDirectory(prefix="models-") as folder:
        saved = Path(folder) / "models"
        save_models(models, saved)
        with day.below(
            f"{alias} {judged.recipe.name}", tags={"kind": MODEL, "recipe": judged.recipe.name}
        ) as run:
            return models, run.register(saved, recipe=judged.recipe.name, alias=alias)


def _fitted(recipe: Recipe, rows: FeatureMatrix, parameters: Parameters) -> Forecaster:
    forecaster = recipe.make(**parameters)
    forecaster.fit(rows.trainable())
    return forecaster
