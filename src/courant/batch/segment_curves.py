"""Load curves put into segments of one shape each, for whoever wants to know which profiles are alike."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import numpy as np

from courant.batch.learning_data import LearningData
from courant.ml.engines.interface import Array
from courant.stores.mongo import Document


def to_segments(data: LearningData, centres: Array, now: datetime) -> list[Document]:
    """Give a document for each segment that has a day, the largest first.

    Parameters
    ----------
    centres
        (segments, 48), as k-means found them.

    Returns
    -------
    list
        `shape`: 48 shares of the day's mean, by half hour of the clock; `days` of all series in it; `series`: the
        names and days of each series.
    """
    members: dict[int, Counter[str]] = {}
    for name, shapes in data.shapes.items():
        distances = ((shapes[:, None, :] - centres[None, :, :]) ** 2).sum(axis=2)
        for segment, days in Counter(np.argmin(distances, axis=1).tolist()).items():
            members.setdefault(segment, Counter())[name] = days
    ordered = sorted(members.items(), key=lambda one: -one[1].total())
    return [
        {
            "_id": f"{data.dataset}|{number}",
            "dataset": data.dataset,
            "segment": number,
            "shape": centres[segment].tolist(),
            "days": counts.total(),
            "series": [{"series": name, "days": days} for name, days in counts.most_common()],
            "made_at_utc": now.astimezone(UTC),
        }
        for number, (segment, counts) in enumerate(ordered, start=1)
    ]
