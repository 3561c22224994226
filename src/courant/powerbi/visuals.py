"""What a page can show, as values: boxes of a kind, with fields in roles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

Box = tuple[int, int, int, int]  # x, y, width, height on a page of PAGE_SIZE
PAGE_SIZE = (1280, 720)


@dataclass(frozen=True, slots=True)
class FieldRef:
    """A column or measure of the model, by the names that people read."""

    table: str
    name: str
    is_measure: bool

    @property
    def query_ref(self) -> str:
        """How a visual's query names it."""
        return f"{self.table}.{self.name}"


@dataclass(frozen=True, slots=True)
class Visual:
    """One visual: its type and roles are those of Power BI's catalog."""

    name: str
    type: str
    title: str
    box: Box
    roles: tuple[tuple[str, tuple[FieldRef, ...]], ...] = ()
    sort: tuple[FieldRef, str] | None = None  # the field and Ascending or Descending
    only: str | None = None  # of a slicer: the one value that it begins with

    @property
    def fields(self) -> tuple[FieldRef, ...]:
        """All fields it shows."""
        return tuple(field for _, fields in self.roles for field in fields)


@dataclass(frozen=True, slots=True)
class Page:
    """A page: its name in files, its name for people, its visuals in reading order."""

    name: str
    title: str
    visuals: tuple[Visual, ...]


def by(table: str, name: str) -> FieldRef:
    """Refer to a column."""
    return FieldRef(table, name, is_measure=False)


def measure(table: str, name: str) -> FieldRef:
    """Refer to a measure."""
    return FieldRef(table, name, is_measure=True)


def title(text: str) -> Visual:
    """Write the page's heading."""
    return Visual("heading", "textbox", text, (16, 16, 436, 84))


def slicer(name: str, field: FieldRef, text: str, *, box: Box, only: str | None = None) -> Visual:
    """Let people choose values; with `only`, one at a time."""
    return Visual(name, "slicer", text, box, (("Values", (field,)),), only=only)


def card(name: str, fields: Sequence[FieldRef], text: str, *, box: Box) -> Visual:
    """Show figures."""
    return Visual(name, "cardVisual", text, box, (("Data", tuple(fields)),))


def table(name: str, fields: Sequence[FieldRef], text: str, *, box: Box) -> Visual:
    """Show figures in rows."""
    return Visual(name, "tableEx", text, box, (("Values", tuple(fields)),), sort=(fields[1], "Descending"))


def chart(  # noqa: PLR0913 - a chart has so many parts
    kind: str,
    name: str,
    category: FieldRef,
    fields: Sequence[FieldRef],
    text: str,
    *,
    box: Box,
    series: FieldRef | None = None,
) -> Visual:
    """Draw measures along a category: bars by length, all else along the axis."""
    roles = [("Category", (category,)), ("Y", tuple(fields))]
    if series is not None:
        roles.insert(1, ("Series", (series,)))
    sort = (fields[0], "Descending") if kind == "barChart" else (category, "Ascending")
    return Visual(name, kind, text, box, tuple(roles), sort=sort)
