"""French names of what no contract names: tables, and the columns that are our own. A contract's labels come first."""

from __future__ import annotations

CALENDAR, SLOTS, SERIES, DATASETS = "Calendrier", "Créneau", "Série", "Jeu de données"
BALANCE, CONSUMPTION, SEGMENTS = "Bilan", "Consommation", "Consommation par segment"
FORECAST, SCORES = "Prévision", "Qualité des prévisions"

#: Columns that the database adds, by their names there: French name, description.
OWN_COLUMNS = {
    "slot_start_utc": ("Début (UTC)", "First instant of the slot, in UTC; Créneau has its time in Paris."),
    "dataset": ("Jeu de données", "Data set that the row comes from."),
    "series": ("Série", "The curve: the national balance, or a data set, region and profile."),
    "steps": ("Pas publiés", "Published steps that the half hour is the mean of."),
    "energy_wh": (
        "Énergie soutirée (Wh)",
        "Energy of the half hour: the greater of the published totals and the sum of their parts.",
    ),
    "sites": ("Points de soutirage", "Number of sites."),
    "segments": ("Segments publiés", "Published rows that the half hour is made of."),
    "masked": ("Segments masqués", "Published rows without energy, because their curves are secret."),
    "lower_kva": ("Puissance minimale (kVA)", "Lower end of the range."),
    "upper_kva": ("Puissance maximale (kVA)", "Upper end of the range; empty where it is open."),
    "paris_day": ("Jour", "Day in Paris."),
    "power_w": ("Puissance prévue (W)", "Mean power forecast for the half hour."),
    "low_w": ("Borne basse (W)", "Lower end of the interval in which 80 % are expected."),
    "high_w": ("Borne haute (W)", "Upper end of the interval in which 80 % are expected."),
    "model": ("Modèle", "Recipe that made the forecast."),
    "model_version": ("Version du modèle", "Its version in the registry."),
    "made_at": ("Prévu le (UTC)", "When the forecast was made."),
    "mape_percent": ("MAPE (%)", "Mean of the errors' absolute values as a percentage of what happened."),
    "mae_w": ("MAE (W)", "Mean of the errors' absolute values."),
    "rmse_w": ("RMSE (W)", "Square root of the mean of the errors' squares."),
    "inside_interval": ("Part dans l'intervalle", "Share of the half hours that lay inside the interval."),
    "scored_at": ("Noté le (UTC)", "When the day was scored."),
}

WEEKDAYS = ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche")
MONTHS = (
    "janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre",
    "décembre",
)  # fmt: skip
#: As domain.calendar.SEASONS, which begin in December.
SEASONS = ("hiver", "printemps", "été", "automne")
