"""How the service is: for supervisors, load balancers and those who watch."""

from http import HTTPStatus

from fastapi import Request, Response

from chainwallet.api.metrics import Metrics
from chainwallet.api.parts import GivenParts
from chainwallet.api.readiness import readiness
from chainwallet.api.routing import Router
from chainwallet.api.schemas.health import Alive, ReadinessDocument

router = Router(tags=["operation"])


@router.get("/healthz")
async def healthz() -> Alive:
    """Whether the process answers."""
    return Alive()


@router.get(
    "/readyz",
    responses={HTTPStatus.SERVICE_UNAVAILABLE: {"model": ReadinessDocument, "description": "Not ready, and why"}},
)
def readyz(parts: GivenParts, response: Response) -> ReadinessDocument:
    """Whether the service can do its work, and what is behind: node, database, verified history, gas money."""
    document = ReadinessDocument.of(readiness(parts))
    if document.troubles:
        response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
    return document


@router.get(
    "/metrics",
    response_class=Response,
    responses={HTTPStatus.OK: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
def metrics(request: Request, parts: GivenParts) -> Response:
    """Counts and gauges in the text form of Prometheus."""
    kept: Metrics = request.app.state.metrics
    return Response(kept.text(readiness(parts)), media_type=kept.media_type)
