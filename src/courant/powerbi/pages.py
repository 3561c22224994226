"""The report's pages: what is shown where. A page is left out where its tables are not in the model."""

from __future__ import annotations

from courant.powerbi.forecast_measures import BALANCE_SERIES
from courant.powerbi.values import Model
from courant.powerbi.visuals import Page, Visual, by, card, chart, measure, slicer, table, title
from courant.powerbi.words import (
    BALANCE,
    CALENDAR,
    CONSUMPTION,
    DATASETS,
    FORECAST,
    SCORES,
    SEGMENTS,
    SERIES,
    SLOTS,
)

_DATE = by(CALENDAR, "Date")
_HOUR = by(SLOTS, "Heure")
_REGION, _PROFILE = by("Région", "Région"), by("Profil", "Profil")
_RANGE = by("Plage de puissance souscrite", "Plage de puissance souscrite")
_DATASET = by(DATASETS, "Jeu de données")
_NEEDS = {
    "overview": (BALANCE, CALENDAR),
    "load_curves": (BALANCE, CONSUMPTION, CALENDAR, SLOTS, "Profil"),
    "regions": (CONSUMPTION, SEGMENTS, "Région", "Profil", "Plage de puissance souscrite"),
    "forecast": (BALANCE, FORECAST, SCORES, SERIES),
}


def build_pages(model: Model) -> list[Page]:
    """Give the pages whose tables the model has, in reading order."""
    pages = (
        Page("overview", "Vue d'ensemble", _overview()),
        Page("load_curves", "Courbes de charge", _load_curves()),
        Page("regions", "Régions", _regions()),
        Page("forecast", "Prévision", _forecast()),
    )
    return [page for page in pages if model.has(*_NEEDS[page.name])]


def _overview() -> tuple[Visual, ...]:
    energies = ("Consommation totale (GWh)", "Production totale (GWh)", "Injection RTE (GWh)", "Pertes (GWh)")
    sources = (
        "Injection RTE (GWh)", "Production photovoltaïque (GWh)", "Production éolien (GWh)",
        "Production cogénération (GWh)", "Production autre (GWh)",
    )  # fmt: skip
    return (
        title("Vue d'ensemble du bilan national"),
        slicer("days", _DATE, "Période", box=(980, 16, 284, 84)),
        card(
            "energies", [measure(BALANCE, name) for name in energies], "Énergies de la période",
            box=(16, 112, 824, 120),
        ),
        card(
            "powers",
            [measure(BALANCE, "Consommation totale, pointe (MW)"), measure(BALANCE, "Complétude du bilan")],
            "Pointe et complétude",
            box=(856, 112, 408, 120),
        ),
        chart(
            "stackedAreaChart", "sources", _DATE, [measure(BALANCE, name) for name in sources],
            "Ce qui alimente le réseau, par jour (GWh)", box=(16, 248, 824, 456),
        ),
        chart(
            "lineChart", "consumption", _DATE,
            [measure(BALANCE, "Consommation totale (MW)"), measure(BALANCE, "Consommation totale, pointe (MW)")],
            "Consommation, moyenne et pointe du jour (MW)", box=(856, 248, 408, 220),
        ),
        chart(
            "lineChart", "temperature", _DATE,
            [
                measure(BALANCE, "Température réelle lissée, moyenne (°C)"),
                measure(BALANCE, "Température normale lissée, moyenne (°C)"),
            ],
            "Températures, réelle et normale (°C)", box=(856, 484, 408, 220),
        ),
    )  # fmt: skip


def _load_curves() -> tuple[Visual, ...]:
    return (
        title("Courbes de charge, à l'heure de Paris"),
        slicer("days", _DATE, "Période", box=(980, 16, 284, 84)),
        slicer("season", by(CALENDAR, "Saison"), "Saison", box=(760, 16, 204, 84)),
        slicer("dataset", _DATASET, "Jeu de données (courbes par profil)", box=(460, 16, 284, 84)),
        chart(
            "lineChart", "national", _HOUR, [measure(BALANCE, "Consommation totale (MW)")],
            "Consommation nationale par type de jour (MW)", box=(16, 112, 616, 592),
            series=by(CALENDAR, "Type de jour"),
        ),
        chart(
            "lineChart", "profiles", _HOUR, [measure(CONSUMPTION, "Puissance soutirée (MW)")],
            "Puissance soutirée par profil (MW)", box=(648, 112, 616, 592), series=_PROFILE,
        ),
    )  # fmt: skip


def _regions() -> tuple[Visual, ...]:
    figures = (
        "Énergie soutirée (GWh)", "Puissance soutirée (MW)", "Puissance soutirée, pointe (MW)",
        "Points de soutirage (moyenne)", "Part non masquée",
    )  # fmt: skip
    energy = measure(CONSUMPTION, "Énergie soutirée (GWh)")
    return (
        title("Régions, profils et plages de puissance"),
        slicer("days", _DATE, "Période", box=(980, 16, 284, 84)),
        slicer("dataset", _DATASET, "Jeu de données", box=(760, 16, 204, 84)),
        chart("barChart", "by_region", _REGION, [energy], "Énergie par région (GWh)", box=(16, 112, 400, 592)),
        chart("barChart", "by_profile", _PROFILE, [energy], "Énergie par profil (GWh)", box=(432, 112, 400, 288)),
        chart(
            "barChart", "by_range", _RANGE, [measure(SEGMENTS, "Total énergie soutirée des segments (GWh)")],
            "Énergie par plage, sans les totaux (GWh)", box=(432, 416, 400, 288),
        ),
        table(
            "figures", [_REGION, *[measure(CONSUMPTION, name) for name in figures]], "Régions en chiffres",
            box=(848, 112, 416, 592),
        ),
    )  # fmt: skip


def _forecast() -> tuple[Visual, ...]:
    errors = (
        "MAPE des prévisions", "MAE des prévisions (MW)", "RMSE des prévisions (MW)", "Part dans l'intervalle prévu",
    )  # fmt: skip
    curves = (
        "Prévision (MW)",
        "Prévision, borne basse (MW)",
        "Prévision, borne haute (MW)",
        "Réalisé de la série (MW)",
    )
    return (
        title("Prévision du lendemain, et ce qui est arrivé"),
        slicer("series", by(SERIES, "Série"), "Série", box=(760, 16, 204, 84), only=BALANCE_SERIES),
        slicer("days", _DATE, "Période", box=(980, 16, 284, 84)),
        card("errors", [measure(SCORES, name) for name in errors], "Erreurs des jours notés", box=(16, 112, 1248, 120)),
        chart(
            "lineChart", "curves", by(SLOTS, "Début (Paris)"), [measure(FORECAST, name) for name in curves],
            "Prévision, son intervalle à 80 % et le réalisé (MW)", box=(16, 248, 824, 456),
        ),
        chart(
            "columnChart", "mape", _DATE, [measure(SCORES, "MAPE des prévisions")], "MAPE par jour et modèle",
            box=(856, 248, 408, 220), series=by(SCORES, "Modèle"),
        ),
        chart(
            "lineChart", "bias", _DATE, [measure(FORECAST, "Écart de prévision (MW)")],
            "Écart moyen du jour, prévu moins réalisé (MW)", box=(856, 484, 408, 220),
        ),
    )  # fmt: skip
