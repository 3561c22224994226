"""The tables of days and of slots. M has no time zones, so Paris's changes of the clock are written into the query."""

from __future__ import annotations

from datetime import date, datetime

from courant.domain.calendar import SLOT_MINUTES, clock_periods, holidays_of
from courant.powerbi.queries import let, table_type, text_list
from courant.powerbi.values import Column, Kind, Table
from courant.powerbi.words import CALENDAR, MONTHS, SEASONS, SLOTS, WEEKDAYS

#: The years whose clock changes and holidays the queries know.
FIRST_YEAR, LAST_YEAR = 2015, 2040
#: Slots go on so many days after a refresh: the next day is forecast, and a week leaves room.
_DAYS_AHEAD = 8

_DAY_COLUMNS = (
    Column("Date", "date", Kind.DAY, "Day in Paris.", is_key=True, format="Short Date"),
    Column("Année", "year", Kind.WHOLE, "Year.", format="0"),
    Column("Mois", "month", Kind.TEXT, "Month and year.", sorted_by="month_order"),
    Column(
        "Ordre du mois", "month_order", Kind.WHOLE, "Year and month as 202601.", is_hidden=True, format="0"
    ),
    Column("Jour de semaine", "weekday", Kind.TEXT, "Day of the week.", sorted_by="weekday_order"),
    Column("Ordre du jour", "weekday_order", Kind.WHOLE, "From 1, Monday.", is_hidden=True, format="0"),
    Column("Férié", "is_holiday", Kind.FLAG, "A public holiday of metropolitan France."),
    Column("Type de jour", "day_type", Kind.TEXT, "Working day, Saturday, or Sunday and holiday."),
    Column("Saison", "season", Kind.TEXT, "Meteorological season; winter is December to February."),
)
_SLOT_COLUMNS = (
    Column("Début (UTC)", "slot_start_utc", Kind.INSTANT, "First instant of the slot, in UTC.", is_key=True,
           format="General Date"),
    Column("Début (Paris)", "slot_start_paris", Kind.INSTANT,
           "First instant by the clocks of Paris; in autumn an hour comes twice.", format="General Date"),
    Column("Jour", "paris_day", Kind.DAY, "Day in Paris.", is_hidden=True, format="Short Date"),
    Column("Heure", "clock", Kind.TEXT, "Half hour of the clock in Paris; lacking in spring, twice in autumn."),
)  # fmt: skip


def calendar_table() -> Table:
    """Make the table of days: whole years, as time intelligence needs, to the end of the refresh's year."""
    first, last = "#date(Date.Year(ImportFrom), 1, 1)", f"Date.EndOfYear({_last_day()})"
    return Table(
        name=CALENDAR,
        description="Days in Paris, whole years: what all facts are filtered by.",
        columns=_DAY_COLUMNS,
        m=let([
            ("Holidays", _holidays()),
            ("Weekdays", text_list(WEEKDAYS)),
            ("Months", text_list(MONTHS)),
            ("Seasons", text_list(SEASONS)),
            ("First", first),
            ("Count", f"Duration.Days({last} - First) + 1"),
            ("Row", _day_row()),
            ("Days", f"#table({table_type(_DAY_COLUMNS)}, List.Transform(List.Dates(First, Count, "
                     "#duration(1, 0, 0, 0)), Row))"),
        ]),
        is_date_table=True,
    )  # fmt: skip


def slot_table(step_minutes: int) -> Table:
    """Make the table of slots, each with its time in Paris; half hours unless a data set needs finer ones."""
    return Table(
        name=SLOTS,
        description=f"Slots of {step_minutes} minutes: from instants in UTC, which facts have, to Paris.",
        columns=_SLOT_COLUMNS,
        m=let([
            ("Periods", _periods()),
            ("Last", f"DateTime.From({_last_day()})"),
            ("Step", f"#duration(0, 0, {step_minutes}, 0)"),
            ("Starts", "(period) => let from = List.Max({period{0}, ImportFrom}), to = List.Min({period{1}, Last}) in "
                       "List.DateTimes(from, List.Max({0, Number.RoundUp((to - from) / Step)}), Step)"),
            ("Row", "(utc, ahead) => let paris = utc + #duration(0, 0, ahead, 0) in {utc, paris, DateTime.Date(paris), "
                    'DateTime.ToText(#datetime(2000, 1, 1, Time.Hour(paris), '
                    f"Number.IntegerDivide(Time.Minute(paris), {SLOT_MINUTES}) * {SLOT_MINUTES}, 0), "
                    '[Format = "HH:mm", Culture = "fr-FR"])}'),
            ("Rows", "List.Combine(List.Transform(Periods, (period) => "
                     "List.Transform(Starts(period), (utc) => Row(utc, period{2}))))"),
            ("Slots", f"#table({table_type(_SLOT_COLUMNS)}, Rows)"),
        ]),
    )  # fmt: skip


def _last_day() -> str:
    return f"Date.AddDays(DateTime.Date(DateTime.FixedLocalNow()), {_DAYS_AHEAD})"


def _day_row() -> str:
    return (
        "(day) => let number = Date.DayOfWeek(day, Day.Monday) + 1, month = Date.Month(day), "
        "holiday = List.Contains(Holidays, day) in {day, Date.Year(day), "
        'Months{month - 1} & " " & Text.From(Date.Year(day)), Date.Year(day) * 100 + month, '
        "Weekdays{number - 1}, number, holiday, "
        'if holiday or number = 7 then "dimanche ou férié" else if number = 6 then "samedi" else "jour ouvré", '
        "Seasons{Number.IntegerDivide(Number.Mod(month, 12), 3)}}"
    )


def _holidays() -> str:
    """List the holidays, a line for each year; buffered, because each day looks in it."""
    years = (
        ", ".join(_date(day) for day in sorted(holidays_of(year)))
        for year in range(FIRST_YEAR, LAST_YEAR + 1)
    )
    lines = ",\n        ".join(years)
    return f"List.Buffer({{\n        {lines}\n    }})"


def _periods() -> str:
    """List the periods between changes of the clock: from, to, and the minutes ahead of UTC."""
    lines = ",\n        ".join(
        f"{{{_instant(start)}, {_instant(after)}, {ahead}}}"
        for start, after, ahead in clock_periods(FIRST_YEAR, LAST_YEAR)
    )
    return f"{{\n        {lines}\n    }}"


def _date(day: date) -> str:
    return f"#date({day.year}, {day.month}, {day.day})"


def _instant(instant: datetime) -> str:
    return f"#datetime({instant.year}, {instant.month}, {instant.day}, {instant.hour}, {instant.minute}, 0)"
