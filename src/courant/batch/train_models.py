"""All ways to forecast a data set compete on its last weeks; the best learn from every day and are registered."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from py4j.protocol import Py4JError

from courant.batch.learning_data import LearningData
from courant.domain.feature_matrix import FeatureMatrix
from courant.errors import JobError
from courant.ml.backtest import interval_of
from courant.ml.challengers import Parameters
from courant.ml.contest import Judged, Recipe, choose, judge
from courant.ml.folds import folds_within
from courant.ml.forecasters import Forecaster
from courant.ml.model_set import ModelSet, save_models
from courant.registry.tracking import CHALLENGER, CHAMPION, OpenRun, Version

log = logging.getLogger(__name__)

SEARCH_EVERY = timedelta(days=7)
SEARCH, RECIPE, MODEL = "search", "recipe", "model"


@dataclass(frozen=True)
class Contest:
    """How the ways to forecast a data set did, and who wins."""

    judged: Sequence[Judged]  # with the weather of the day unknown
    known: Mapping[str, Judged]  # with the weather known, by recipe; empty where a data set has no weather
    parameters: Mapping[str, Parameters]  # by recipe
    before: str | None  # the recipe of the champion until now

    @property
    def champion(self) -> Judged:
        """The recipe that forecasts from now on."""
        return choose(self.judged, self.before)

    @property
    def is_promoted(self) -> bool:
        """Whether another recipe takes the champion's place."""
        return self.before is not None and self.before != self.champion.recipe.name

    @property
    def in_order(self) -> list[Judged]:
        """The champion, then the others from the best on: the first of them challenges it."""
        champion = self.champion.recipe.name
        return sorted(self.judged, key=lambda one: (one.recipe.name != champion, one.mape))


@dataclass(frozen=True)
class Trained:
    """A data set's champion, fitted on all its days and registered."""

    models: ModelSet
    version: Version


def hold_contest(day: OpenRun, data: LearningData, contenders: Mapping[str, Recipe]) -> Contest:
    """Judge recipes on the last weeks, after a search for their parameters.

    Parameters
    ----------
    day
        The run of the day; each recipe gets a run below it.
    contenders
        By name.
    """
    parameters = {name: _parameters(day, data, recipe) for name, recipe in contenders.items()}
    log.info("%s: judging %s on %s series", data.dataset, ", ".join(contenders), len(data.series))
    judged = judge(contenders, parameters, data.each("unknown"))
    has_weather = any(one.has_weather for one in data.series)
    known = judge(contenders, parameters, data.each("known")) if has_weather else []
    by_name = {one.recipe.name: one for one in known}
    for one in judged:
        _keep(day, data, one, by_name.get(one.recipe.name), parameters[one.recipe.name])
    before = day.tracker.version(CHAMPION)
    return Contest(judged, by_name, parameters, before.recipe if before else None)


def register_winners(day: OpenRun, data: LearningData, contest: Contest, scratch: Path) -> Trained:
    """Fit the champion and its challenger on every day of every series, and register them.

    A recipe whose JVM fails on all days, for memory as a rule, leaves its place to the next.

    Parameters
    ----------
    scratch
        A folder for models on their way to the registry; what is made in it is deleted.

    Raises
    ------
    JobError
        If no recipe can be fitted.
    """
    made: list[Trained] = []
    for one in contest.in_order:
        alias = CHALLENGER if made else CHAMPION
        try:
            made.append(_register(day, data, one, contest.parameters[one.recipe.name], alias, scratch))
        except Py4JError as error:
            log.warning("%s cannot be fitted on all days: %s", one.recipe.name, _first_line(error))
        if len(made) == len((CHAMPION, CHALLENGER)):
            break
    if not made:
        raise JobError(
            f"No way to forecast {data.dataset} could be fitted on all its days",
            exit_code=JobError.exit_code,
            remedy="give the driver more memory (spark.driver.memory in conf/spark-model.conf)",
        )
    return made[0]


def _parameters(day: OpenRun, data: LearningData, recipe: Recipe) -> Parameters:
    """Give what the last search found, and search again when that is a week of data old.

    The days that recipes are judged on have no say: a search looks at those before, and one that looked at later days
    does not count. Of a hundred series it takes the longest.
    """
    if recipe.search is None:
        return {}
    rows = data.longest.rows("unknown")
    until = folds_within(rows)[0].train_until
    for found in day.tracker.runs(SEARCH):
        searched = date.fromisoformat(found.tags.get("searched_until", date.max.isoformat()))
        if found.tags["recipe"] == recipe.name and until - SEARCH_EVERY < searched <= until:
            return {name: float(value) for name, value in found.params.items()}
    return _searched(day, data, recipe, rows.between(date.min, until), until)


def _searched(
    day: OpenRun, data: LearningData, recipe: Recipe, earlier: FeatureMatrix, until: date
) -> Parameters:
    if recipe.search is None or not folds_within(earlier):
        return {}
    tags = {"kind": SEARCH, "recipe": recipe.name, "searched_until": until.isoformat()}
    try:
        with day.below(f"search {recipe.name}", tags=tags) as run:
            tried = recipe.search(earlier)
            run.log(params=tried[0])
    except Py4JError as error:
        log.warning("%s is not searched today: %s", recipe.name, _first_line(error))
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


def _register(  # noqa: PLR0913, PLR0917 - private, called once
    day: OpenRun, data: LearningData, judged: Judged, parameters: Parameters, alias: str, scratch: Path
) -> Trained:
    log.info("%s: fitting %s, the %s, on all days", data.dataset, judged.recipe.name, alias)
    fitted = {name: _fitted(judged.recipe, rows, parameters) for name, rows in data.each("unknown")}
    intervals = {name: interval_of(found) for name, found in judged.by_series.items()}
    models = ModelSet(judged.recipe.name, fitted, intervals)
    tags = {"kind": MODEL, "recipe": judged.recipe.name}
    with (
        TemporaryDirectory(dir=scratch) as folder,
        day.below(f"{alias} {judged.recipe.name}", tags=tags) as run,
    ):
        saved = Path(folder) / "models"
        save_models(models, saved)
        return Trained(models, run.register(saved, recipe=judged.recipe.name, alias=alias))


def _fitted(recipe: Recipe, rows: FeatureMatrix, parameters: Parameters) -> Forecaster:
    forecaster = recipe.make(**parameters)
    forecaster.fit(rows.trainable())
    return forecaster


def _first_line(error: Py4JError) -> str:
    return str(error).splitlines()[0]
