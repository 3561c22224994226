"""Groups on NiFi's canvas, their parameters, and how they stand."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import nipyapi
from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

from courant.errors import NifiFlowError
from courant.settings import Settings
from courant.stores.nifi.client import address, connect, our_errors

_SETTLED_WITHIN_S = 60  # NiFi changes a group's content, or stops it
_VALID_WITHIN_S = 15  # what is not valid by then will not become so by itself
_LOOK_EVERY_S = 0.3


@dataclass(frozen=True, slots=True)
class GroupState:
    """How a group on the canvas stands."""

    running: int  # processors
    stopped: int
    invalid: int
    queued: int  # flow files on their way; each holds a piece of a file
    complaints: tuple[str, ...]  # what its processors warned of in the last five minutes, the newest first


class Nifi:
    """One NiFi that answers.

    Raises
    ------
    NifiDownError
        If none answers at the address of the settings.
    AccessDeniedError
        If it does not take the user and password.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._root = connect(settings)

    def find(self, name: str) -> str | None:
        """Give the id of the group of this name on the outermost canvas; None where there is none."""
        with our_errors(self._settings):
            flow = nipyapi.canvas.get_flow(self._root).process_group_flow.flow
        return next((one.id for one in flow.process_groups if one.component.name == name), None)

    def create(self, definition: Mapping[str, Any], *, place: int) -> str:
        """Make a group of a definition, at the n-th place of a row on the canvas; give its id."""
        contents = definition["flowContents"]
        with our_errors(self._settings):
            made = nipyapi.nifi.ProcessGroupsApi().upload_process_group(
                id=self._root,
                file=json.dumps(definition).encode(),
                group_name=contents["name"],
                position_x=str(450.0 * place),
                position_y="0.0",
                client_id="courant",
            )
        return str(made.id)

    def replace(self, group: str, definition: Mapping[str, Any]) -> None:
        """Change a group into another definition, in place: queues that the new one has keep what is in them.

        Raises
        ------
        NifiFlowError
            If NiFi refuses, as it does where a queue that would go is not empty.
        """
        api = nipyapi.nifi.ProcessGroupsApi()
        with our_errors(self._settings):
            body = {
                "processGroupRevision": self._revision(group),
                "versionedFlowSnapshot": definition,
            }
            asked = api.initiate_replace_process_group(body=body, id=group).request.request_id
            nipyapi.utils.wait_for_request(
                lambda: api.get_replace_process_group_request(asked),
                lambda: api.delete_replace_process_group_request(asked),
                nipyapi_delay=_LOOK_EVERY_S,
                nipyapi_max_wait=_SETTLED_WITHIN_S,
            )

    def definition(self, group: str) -> str:
        """Export a group's definition, as NiFi writes it."""
        with our_errors(self._settings):
            return str(nipyapi.nifi.ProcessGroupsApi().export_process_group(group))

    def parameters(self, name: str) -> dict[str, str]:
        """Give the parameters of the context of this name; none where there is no such context."""
        context = self._context(name)
        if context is None:
            return {}
        return {one.parameter.name: one.parameter.value or "" for one in context.component.parameters}

    def set_parameters(self, name: str, values: Mapping[str, str]) -> tuple[str, ...]:
        """Set the parameters that differ; NiFi stops and starts what uses them. Gives their names."""
        known = self.parameters(name)
        changed = {one: value for one, value in values.items() if known.get(one) != value}
        if changed:
            context = self._context(name)
            with our_errors(self._settings):
                context.component.parameters = [
                    nipyapi.parameters.prepare_parameter(one, value) for one, value in changed.items()
                ]
                nipyapi.parameters.update_parameter_context(context)
        return tuple(sorted(changed))

    def idle(self, group: str, processor: str, *, is_idle: bool) -> None:
        """Take a processor out of those that start, or put it back among them."""

        def found() -> Any:  # noqa: ANN401 - the client has no types
            listed = nipyapi.canvas.list_all_processors(group)
            return next(one for one in listed if one.component.name == processor)

        def set_state(wanted: str) -> None:
            body = {"revision": found().revision, "state": wanted}
            nipyapi.nifi.ProcessorsApi().update_run_status5(body=body, id=found().id)
            self._until(lambda: found().component.state == wanted, group)

        with our_errors(self._settings):
            if (found().component.state == "DISABLED") != is_idle:
                set_state("STOPPED")
                if is_idle:
                    set_state("DISABLED")

    def start(self, group: str) -> None:
        """Enable a group's services and start its processors, and wait until they run.

        Raises
        ------
        NifiFlowError
            If one is not valid; the message has NiFi's own reasons.
        """
        flow = nipyapi.nifi.FlowApi()
        with our_errors(self._settings):
            flow.activate_controller_services(body={"id": group, "state": "ENABLED"}, id=group)
            self._until(lambda: not self._faults(group), group, within_s=_VALID_WITHIN_S)
            flow.schedule_components(body={"id": group, "state": "RUNNING"}, id=group)
            self._until(lambda: self.state(group).stopped == 0, group)

    def stop(self, group: str) -> None:
        """Stop a group's processors, and wait until none runs. Queues keep what is in them."""
        with our_errors(self._settings):
            nipyapi.nifi.FlowApi().schedule_components(body={"id": group, "state": "STOPPED"}, id=group)
            self._until(lambda: self.state(group).running == 0, group)

    def state(self, group: str) -> GroupState:
        """Say how a group stands."""
        with our_errors(self._settings):
            entity = nipyapi.nifi.ProcessGroupsApi().get_process_group(group)
            board = nipyapi.nifi.FlowApi().get_bulletin_board(group_id=group).bulletin_board
        return GroupState(
            running=entity.running_count,
            stopped=entity.stopped_count,
            invalid=entity.invalid_count,
            queued=entity.status.aggregate_snapshot.flow_files_queued,
            complaints=tuple(
                f"{one.bulletin.source_name}: {one.bulletin.message}"
                for one in reversed(board.bulletins)
                if one.bulletin
            ),
        )

    def _context(self, name: str) -> Any:  # noqa: ANN401 - the client has no types
        with our_errors(self._settings):
            contexts = nipyapi.nifi.FlowApi().get_parameter_contexts().parameter_contexts
        return next((one for one in contexts if one.component.name == name), None)

    def _revision(self, group: str) -> Any:  # noqa: ANN401
        return nipyapi.nifi.ProcessGroupsApi().get_process_group(group).revision

    def _faults(self, group: str) -> list[str]:
        """List what is not ready to run, with NiFi's reasons."""
        services = nipyapi.canvas.list_all_controllers(group)
        processors = [p for p in nipyapi.canvas.list_all_processors(group) if p.component.state != "DISABLED"]
        return [
            f"{one.component.name}: {'; '.join(one.component.validation_errors or ['not ready'])}"
            for one in (*services, *processors)
            if one.component.validation_status != "VALID"
        ] + [
            f"{one.component.name}: {one.component.state}"
            for one in services
            if one.component.state != "ENABLED"
        ]

    def _until(self, holds: Callable[[], object], group: str, *, within_s: float = _SETTLED_WITHIN_S) -> None:
        retrying = Retrying(
            retry=retry_if_result(lambda held: not held),
            stop=stop_after_delay(within_s),
            wait=wait_fixed(_LOOK_EVERY_S),
        )
        try:
            retrying(holds)
        except RetryError:
            raise NifiFlowError(
                f"The flow does not run: {' | '.join(self._faults(group)) or 'its processors do not change state'}",
                remedy=f"mend it in the canvas ({address(self._settings)}/nifi) or in nifi/source.json; deploy again",
            ) from None
