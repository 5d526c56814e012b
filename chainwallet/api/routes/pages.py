"""The pages for people, and the OpenAPI document."""

from typing import Annotated, Any

from fastapi import Path, Request
from fastapi.responses import HTMLResponse

from chainwallet.api.kinds import KINDS
from chainwallet.api.openapi import document_of, refusals
from chainwallet.api.pages import problem_page, reference_page
from chainwallet.api.routing import Router
from chainwallet.errors import NotFound

router = Router(tags=["documentation"])


@router.get("/docs", response_class=HTMLResponse)
async def reference(request: Request) -> HTMLResponse:
    """The reference of all routes, for people."""
    return reference_page(document_of(request.app))


@router.get("/openapi.json")
async def openapi_document(request: Request) -> dict[str, Any]:
    """The reference of all routes, for programs: OpenAPI 3.1."""
    return document_of(request.app)


@router.get("/problems/{slug}", response_class=HTMLResponse, responses=refusals(NotFound))
async def problem_type(
    slug: Annotated[
        str, Path(max_length=64, description="The last part of a problem's `type`", examples=["not-found"])
    ],
) -> HTMLResponse:
    """What a kind of problem means, and what to do."""
    if slug not in KINDS:
        raise NotFound("kind of problem", slug, f"there are {', '.join(sorted(KINDS))}")
    return problem_page(KINDS[slug])
