"""Bringing the flow into NiFi for a data set, and bringing a changed one back into its file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from courant.domain.contract import Contract
from courant.errors import NifiFlowError
from courant.nifi.flow import FLOW, POLL, as_kept, for_dataset, group_name, read_flow
from courant.nifi.parameters import SHIFT, flow_parameters, input_folder
from courant.settings import Settings
from courant.stores.kafka.topics import ensure_named
from courant.stores.nifi import GroupState, Nifi
from courant.stores.portal import newest_rows_url

_PORTAL = "portal"  # in the settings: the portal's own export


@dataclass(frozen=True, slots=True)
class Deployment:
    """What a deployment did."""

    dataset: str
    is_new: bool
    flow_changed: bool  # the group's flow was another one, and was replaced in place
    parameters_changed: tuple[str, ...]
    folder: Path  # where files are dropped
    weeks: int  # by which slots are shifted
    polled: str  # the address; empty where the data set is not polled


def deploy(settings: Settings, contract: Contract, *, weeks: int | None = None, place: int = 0) -> Deployment:
    """Make or renew a data set's group in NiFi, and start it. Deploying twice changes nothing.

    A group that is there is changed in place, so what is queued in it stays.

    Parameters
    ----------
    weeks
        By which all slots are shifted; None leaves it as it was, at first 0.
    place
        Where a new group stands in its row on the canvas.

    Raises
    ------
    NifiDownError, KafkaDownError
        If NiFi or the broker does not answer.
    NifiFlowError
        If NiFi refuses the flow, or a part of it is not valid.
    """
    nifi, name = Nifi(settings), group_name(contract.name)
    ensure_named(settings, {contract.topic, settings.nifi.dead_letter_topic})
    folder = input_folder(settings, contract)
    if not folder.exists():
        folder.mkdir(parents=True)
        # NiFi may be another user, of a group that the parent is open to: it moves what it has taken.
        folder.chmod(folder.parent.stat().st_mode)
    known, address = nifi.parameters(name), _poll_url(settings, contract)
    shift = int(known.get(SHIFT, 0)) if weeks is None else weeks
    parameters = flow_parameters(settings, contract, weeks=shift, poll_url=address or settings.portal.url)
    definition = for_dataset(read_flow(), contract.name, parameters)
    group = nifi.find(name)
    is_new, flow_changed = group is None, False
    if group is None:
        group = nifi.create(definition, place=place)
    elif as_kept(nifi.definition(group)) != FLOW.read_text(encoding="utf-8"):
        flow_changed = True
        nifi.replace(group, definition)
    changed = nifi.set_parameters(name, parameters)
    nifi.idle(group, POLL, is_idle=not address)
    nifi.start(group)
    return Deployment(contract.name, is_new, flow_changed, changed, folder, shift, address)


def export(settings: Settings, dataset: str, to: Path = FLOW) -> bool:
    """Write the flow of a data set's group into the file; say whether that changed it.

    Raises
    ------
    NifiFlowError
        If NiFi has no such group.
    """
    nifi = Nifi(settings)
    text = as_kept(nifi.definition(_group(nifi, dataset)))
    is_other = not to.exists() or to.read_text(encoding="utf-8") != text
    if is_other:
        to.write_text(text, encoding="utf-8")
    return is_other


def stop(settings: Settings, dataset: str) -> None:
    """Stop a data set's group; what is queued in it stays. Raises as `export`."""
    nifi = Nifi(settings)
    nifi.stop(_group(nifi, dataset))


def state(settings: Settings, dataset: str) -> GroupState | None:
    """Say how a data set's group stands; None where NiFi has none."""
    nifi = Nifi(settings)
    group = nifi.find(group_name(dataset))
    return None if group is None else nifi.state(group)


def _group(nifi: Nifi, dataset: str) -> str:
    group = nifi.find(group_name(dataset))
    if group is None:
        raise NifiFlowError(
            f"NiFi has no group named {group_name(dataset)}",
            remedy=f"courant nifi deploy --dataset {dataset}",
        )
    return group


def _poll_url(settings: Settings, contract: Contract) -> str:
    chosen = settings.nifi.polled.get(contract.name, "")
    rows = settings.nifi.poll_rows
    return newest_rows_url(settings, contract, rows=rows) if chosen == _PORTAL else chosen
