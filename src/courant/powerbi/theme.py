"""The report's theme: the colours of the dashboard, which people with any colour vision tell apart."""

from __future__ import annotations

from typing import Any

THEME_NAME = "Courant.json"  # of the file and of the theme in it: Power BI wants them equal
#: Okabe and Ito's, in the dashboard's order (`dashboard/charts.py`).
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#999999")
_INK, _PAPER, _PAGE = "#1F1F1F", "#FFFFFF", "#F5F6F8"


def _solid(colour: str) -> dict[str, Any]:
    return {"solid": {"color": colour}}


THEME: dict[str, Any] = {
    "name": THEME_NAME,
    "dataColors": list(COLOURS),
    "foreground": _INK,
    "background": _PAPER,
    "tableAccent": COLOURS[0],
    "good": COLOURS[2],
    "neutral": COLOURS[6],
    "bad": COLOURS[5],
    "maximum": COLOURS[0],
    "center": COLOURS[4],
    "minimum": "#D6EAF8",
    "textClasses": {
        "label": {"fontFace": "Segoe UI", "fontSize": 10, "color": _INK},
        "title": {"fontFace": "Segoe UI Semibold", "fontSize": 12, "color": _INK},
        "callout": {"fontFace": "Segoe UI Semibold", "fontSize": 22, "color": _INK},
    },
    "visualStyles": {
        "*": {
            "*": {
                "background": [{"show": True, "color": _solid(_PAPER), "transparency": 0}],
                "border": [{"show": False}],
            }
        },
        "page": {"*": {"background": [{"color": _solid(_PAGE), "transparency": 0}]}},
    },
}
