"""The flow's definition: one file for all data sets, as NiFi exports it, without what is an instance's own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from courant.errors import NifiFlowError
from courant.settings import PROJECT_ROOT

FLOW = PROJECT_ROOT / "nifi" / "source.json"
POLL = "Poll HTTP"  # the processor that idles where a data set is not polled

_NAME = "source"  # of the group and of its parameter context, in the file
_GROUP_ID = "5e1f0a52-0d0c-5a4e-9d0b-c0a7a27f1022"  # any, but the same in each export
_OF_AN_INSTANCE = ("instanceIdentifier", "instanceGroupId")
_EMPTIED = "propertyDescriptors"  # NiFi's own knowledge of its processors; it must be there, and may be empty
_APIS = "controllerServiceApis"  # NiFi gives them in another order after each start
_LISTS = ("controllerServices", "processors", "connections", "labels", "funnels")


def group_name(dataset: str) -> str:
    """Name a data set's group in NiFi, and its parameter context."""
    return f"courant {dataset}"


def read_flow(path: Path = FLOW) -> dict[str, Any]:
    """Read the definition.

    Raises
    ------
    NifiFlowError
        If the file is missing or no definition of a flow.
    """
    try:
        definition: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        definition["parameterContexts"][_NAME], definition["flowContents"]["processors"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NifiFlowError(
            f"{path} is no definition of the flow: {type(error).__name__} {error}",
            remedy="`courant nifi export` writes it; `git checkout nifi/source.json` brings it back",
        ) from error
    return definition


def for_dataset(definition: dict[str, Any], dataset: str, parameters: Mapping[str, str]) -> dict[str, Any]:
    """Give the definition under the data set's name, with its parameters' values.

    Raises
    ------
    NifiFlowError
        If the flow's parameters are not those that are given.
    """
    context = definition["parameterContexts"][_NAME]
    asked = {parameter["name"] for parameter in context["parameters"]}
    if asked != set(parameters):
        raise NifiFlowError(
            f"The flow has the parameters {', '.join(sorted(asked - set(parameters))) or 'it is given'}"
            f" and lacks {', '.join(sorted(set(parameters) - asked)) or 'none'}",
            remedy="a parameter must be in nifi/source.json and in src/courant/nifi/parameters.py",
        )
    name = group_name(dataset)
    valued = [one | {"value": parameters[one["name"]]} for one in context["parameters"]]
    return definition | {
        "flowContents": definition["flowContents"] | {"name": name, "parameterContextName": name},
        "parameterContexts": {name: context | {"name": name, "parameters": valued}},
    }


def as_kept(exported: str) -> str:
    """Turn what NiFi exports of any data set's group into the text of the file: the same flow, the same bytes."""
    group_id = json.loads(exported)["flowContents"]["identifier"]
    definition = json.loads(exported.replace(group_id, _GROUP_ID))
    contents = _without_instances(definition["flowContents"])
    contents |= {"name": _NAME, "parameterContextName": _NAME, "position": {"x": 0.0, "y": 0.0}}
    for name in _LISTS:
        contents[name] = sorted(
            contents.get(name, []), key=lambda one: (one.get("name", ""), one["identifier"])
        )
    for processor in contents["processors"]:
        if processor["name"] == POLL:  # whether it idles is the deployment's choice
            processor["scheduledState"] = "DISABLED"
    (context,) = definition["parameterContexts"].values()
    kept = {
        "flowContents": contents,
        "flowEncodingVersion": definition["flowEncodingVersion"],
        "parameterContexts": {_NAME: _without_values(context)},
    }
    return json.dumps(kept, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _without_values(context: dict[str, Any]) -> dict[str, Any]:
    names = sorted((one["name"], one.get("description") or "") for one in context["parameters"])
    parameters = [
        {"description": text, "name": name, "provided": False, "sensitive": False, "value": ""}
        for name, text in names
    ]
    kept: dict[str, Any] = _without_instances(context)
    return kept | {"name": _NAME, "parameters": parameters}


def _without_instances(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """Drop what differs from NiFi to NiFi, and properties that have no value."""
    if isinstance(value, list):
        return (
            sorted(map(_without_instances, value), key=str)
            if _are_texts(value)
            else [*map(_without_instances, value)]
        )
    if not isinstance(value, dict):
        return value
    kept = {
        name: {} if name == _EMPTIED else _without_instances(part)
        for name, part in value.items()
        if name not in _OF_AN_INSTANCE and part is not None
    }
    if apis := kept.get(_APIS):
        kept[_APIS] = sorted(apis, key=lambda api: api["type"])
    return kept


def _are_texts(values: list[Any]) -> bool:
    return all(isinstance(value, str) for value in values)
