"""How NiFi is reached, and what its client's exceptions become."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import nipyapi
from nipyapi.nifi.rest import ApiException
from urllib3.exceptions import HTTPError

from courant.errors import AccessDeniedError, CourantError, NifiDownError, NifiFlowError
from courant.settings import Settings

_REFUSED = {401, 403}


def connect(settings: Settings) -> str:
    """Point the client at the NiFi of the settings, and give the id of its outermost canvas.

    Raises
    ------
    NifiDownError
        If none answers there.
    AccessDeniedError
        If it does not take the user and password.
    """
    nipyapi.config.nifi_config.host = f"{address(settings)}/nifi-api"
    nipyapi.config.nifi_config.api_client = None  # it would keep the address that it was made with
    nipyapi.config.nifi_config.retries = False
    with our_errors(settings):
        if settings.nifi.username:
            password = settings.nifi.password.get_secret_value()
            nipyapi.security.service_login("nifi", settings.nifi.username, password)
        try:
            return str(nipyapi.canvas.get_flow("root").process_group_flow.id)
        except (ApiException, ValueError) as error:
            if getattr(error, "status", None) in _REFUSED:
                raise
            raise NifiDownError(
                f"{address(settings)} answers, but not as NiFi does", remedy="check COURANT_NIFI_URL"
            ) from error


def address(settings: Settings) -> str:
    """Give the address without a slash at its end."""
    return settings.nifi.url.rstrip("/")


@contextmanager
def our_errors(settings: Settings) -> Iterator[None]:
    """Turn the client's exceptions into ours; it gives NiFi's own words as a ValueError or an ApiException."""
    try:
        yield
    except (HTTPError, OSError) as error:
        raise NifiDownError(
            f"No NiFi answers at {address(settings)} ({type(error).__name__})",
            remedy="start NiFi (its own bin/nifi.sh start), or set COURANT_NIFI_URL to yours",
        ) from error
    except (ApiException, ValueError) as error:
        raise _refusal(settings, error) from error


def _refusal(settings: Settings, error: Exception) -> CourantError:
    answer = error if isinstance(error, ApiException) else error.__cause__
    if getattr(answer, "status", None) in _REFUSED:
        return AccessDeniedError(
            f"NiFi at {address(settings)} refused the user",
            remedy="check COURANT_NIFI_USERNAME and COURANT_NIFI_PASSWORD",
        )
    said = getattr(answer, "body", None) or str(error)
    return NifiFlowError(
        f"NiFi at {address(settings)} refused: {said}", remedy="see its canvas and its logs/nifi-app.log"
    )
