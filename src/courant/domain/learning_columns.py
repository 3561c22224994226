"""Columns that the lab's rows are made with and its models read: named once, for rooms that do not know each other."""

from __future__ import annotations

DAY, DAY_TYPE, HALF_HOUR = "paris_day", "day_type", "half_hour"
SHAPE = "shape"  # of a day: 48 half hours of the clock, each divided by their mean
POWER = "power_w"  # of one site, the mean of a half hour
HABIT = "habit"  # profile, kind of day and half hour as one text: what a site does then, whatever the weather
CATEGORIES = ("region_code", "profil", DAY_TYPE)  # what explains it
NUMBERS = (
    *(HALF_HOUR, "day_cos_1", "day_sin_1", "day_cos_2", "day_sin_2"),
    *("temperature_c", "heating_degrees"),
)
