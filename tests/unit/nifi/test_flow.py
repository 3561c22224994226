"""The flow's file is free of what belongs to one NiFi, and takes each data set's values."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from courant.errors import NifiFlowError
from courant.nifi.flow import FLOW, POLL, as_kept, for_dataset, read_flow


def filled() -> dict[str, str]:
    return {
        one["name"]: f"value of {one['name']}"
        for one in read_flow()["parameterContexts"]["source"]["parameters"]
    }


def test_a_data_set_gets_the_flow_under_its_name_with_its_values() -> None:
    definition = for_dataset(read_flow(), "balance", filled())

    assert definition["flowContents"]["name"] == "courant balance"
    assert definition["flowContents"]["parameterContextName"] == "courant balance"
    (context,) = definition["parameterContexts"].values()
    assert {one["name"]: one["value"] for one in context["parameters"]} == filled()


def test_what_nifi_exports_of_any_data_set_becomes_the_same_file() -> None:
    definition = for_dataset(read_flow(), "balance", filled())
    definition["flowContents"] |= {"instanceIdentifier": "here", "position": {"x": 450.0, "y": 0.0}}
    definition["flowContents"]["processors"] = [
        one
        | {"instanceIdentifier": "there", "propertyDescriptors": {"a": {"name": "a"}}}
        | ({"scheduledState": "ENABLED"} if one["name"] == POLL else {})  # this data set is polled
        for one in reversed(definition["flowContents"]["processors"])
    ]
    for service in definition["flowContents"]["controllerServices"]:
        service["controllerServiceApis"].reverse()
    exported = json.dumps(definition).replace(definition["flowContents"]["identifier"], "another-id")

    assert as_kept(exported) == FLOW.read_text(encoding="utf-8")


def test_no_value_of_a_parameter_is_in_the_file() -> None:
    parameters = read_flow()["parameterContexts"]["source"]["parameters"]

    assert {one["value"] for one in parameters} == {""}


def test_a_parameter_that_only_one_side_knows_is_an_error() -> None:
    values = filled()
    del values["topic"]

    with pytest.raises(NifiFlowError, match=r"parameters topic and lacks more\n.*parameters\.py"):
        for_dataset(read_flow(), "balance", values | {"more": "1"})


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"parameterContexts": {}}'])
def test_a_file_that_is_no_flow_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "flow.json"
    path.write_text(text)

    with pytest.raises(NifiFlowError, match=r"flow\.json is no definition"):
        read_flow(path)
