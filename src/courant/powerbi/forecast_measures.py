"""The measures of forecasts: what was forecast, what happened, how far apart they were."""

from __future__ import annotations

from courant.powerbi.values import Measure, Table
from courant.powerbi.words import SERIES, SLOTS

FORECASTS, ERRORS = "Prévision", "Erreur"
_TENTHS = "#,0.0"
_SERIES = f"'{SERIES}'[Série]"
#: How forecasts name the national series.
BALANCE_SERIES = "balance"


def forecast_measures(table: Table, *, has_balance: bool, has_regions: bool) -> list[Measure]:
    """Give the measures of one series' forecast; where several are chosen, they are blank rather than wrong."""
    shown = [
        _of_one_series(table, "power_w", "Prévision (MW)", "Forecast mean power."),
        _of_one_series(table, "low_w", "Prévision, borne basse (MW)", "Lower end of the 80 % interval."),
        _of_one_series(table, "high_w", "Prévision, borne haute (MW)", "Upper end of the 80 % interval."),
    ]
    return [*shown, *([_actual(has_balance, has_regions), _error()] if has_balance or has_regions else [])]


def score_measures(table: Table) -> list[Measure]:
    """Give the measures of scored days: a day counts as much as another."""

    def mean(source: str) -> str:
        return f"AVERAGE({table.ref(source)})"

    squares = f"AVERAGEX({table.dax_name}, {table.ref('rmse_w')} * {table.ref('rmse_w')})"
    return [
        Measure("MAPE des prévisions", f"{mean('mape_percent')} / 100", "0.00 %", ERRORS, "Mean of the days' MAPE."),
        Measure("MAE des prévisions (MW)", f"{mean('mae_w')} / 1000000", _TENTHS, ERRORS, "Mean of the days' MAE."),
        Measure(
            "RMSE des prévisions (MW)", f"SQRT({squares}) / 1000000", _TENTHS, ERRORS,
            "Root of the mean of the days' squared RMSE.",
        ),
        Measure(
            "Part dans l'intervalle prévu", mean("inside_interval"), "0.0 %", ERRORS,
            "Share of half hours inside the interval; 80 % are meant to be.",
        ),
    ]  # fmt: skip


def _of_one_series(table: Table, source: str, name: str, description: str) -> Measure:
    dax = f"IF(HASONEVALUE({table.ref('series')}), AVERAGE({table.ref(source)}) / 1000000)"
    return Measure(name, dax, _TENTHS, FORECASTS, f"{description} Of one series at a time.")


def _actual(has_balance: bool, has_regions: bool) -> Measure:
    """Say what happened to the chosen series, which is the balance or a region's profile."""
    region = "[Puissance soutirée (MW)]"
    if not has_regions:
        happened = f'IF(SELECTEDVALUE({_SERIES}) = "{BALANCE_SERIES}", [Consommation totale (MW)])'
    elif not has_balance:
        happened = region
    else:
        happened = (
            f'IF(\n        SELECTEDVALUE({_SERIES}) = "{BALANCE_SERIES}",\n'
            f"        [Consommation totale (MW)],\n        {region}\n    )"
        )
    dax = f"IF(\n    HASONEVALUE({_SERIES}),\n    {happened}\n)"
    return Measure(
        "Réalisé de la série (MW)", dax, _TENTHS, FORECASTS, "What happened to the series that is chosen."
    )


def _error() -> Measure:
    """Compare half hours of which both are known."""
    dax = (
        "VAR half_hours =\n"
        f'    ADDCOLUMNS(VALUES(\'{SLOTS}\'[Début (UTC)]), "@forecast", [Prévision (MW)], "@actual", '
        "[Réalisé de la série (MW)])\n"
        "RETURN\n"
        "    AVERAGEX(\n"
        "        FILTER(half_hours, NOT ISBLANK([@forecast]) && NOT ISBLANK([@actual])),\n"
        "        [@forecast] - [@actual]\n"
        "    )"
    )
    return Measure(
        "Écart de prévision (MW)",
        dax,
        "+#,0.0;-#,0.0;0.0",
        ERRORS,
        "Mean of forecast less what happened; above 0: too high.",
    )
