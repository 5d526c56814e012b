"""Groups in and out as files."""

from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Path, Response

from chainwallet.accounts import Caller
from chainwallet.api.callers import signed_in
from chainwallet.api.idempotency import GivenOnce
from chainwallet.api.openapi import refusals
from chainwallet.api.parts import GivenParts
from chainwallet.api.routing import Router
from chainwallet.api.schemas.accounts import IdText
from chainwallet.api.schemas.groups import GroupDocument
from chainwallet.api.schemas.imports import GroupFile, ImportDocument, ImportOrder, ImportsDocument, ListedImport
from chainwallet.errors import AlreadyExists, BadRow, BadValue, BillLocked, BillSettled, NotFound, TooLate
from chainwallet.interchange import arriving, incoming

router = Router(tags=["interchange"])

Reader = Annotated[Caller, Depends(signed_in("groups:read"))]
Writer = Annotated[Caller, Depends(signed_in("groups:write"))]
GroupId = Annotated[IdText, Path(alias="group")]
ImportId = Annotated[IdText, Path(alias="import")]


@router.post(
    "/v1/groups/{group}/imports",
    status_code=HTTPStatus.CREATED,
    response_model=ImportDocument,
    responses=refusals(NotFound, BadValue, BadRow, AlreadyExists),
)
def preview_import(
    parts: GivenParts, caller: Writer, group_id: GroupId, body: ImportOrder, once: GivenOnce
) -> Response:
    """Reads a file that Splitwise exported and says what importing it would do; nothing changes yet."""
    file = incoming(body.file_name, body.content.encode())
    return once.answer(
        parts,
        caller,
        lambda tx: ImportDocument.of(parts.interchange.preview(tx, caller, group_id, file, body.people)),
    )


@router.get("/v1/groups/{group}/imports", responses=refusals(NotFound))
def imports(parts: GivenParts, caller: Reader, group_id: GroupId) -> ImportsDocument:
    """The latest imports into the group, the newest first."""
    found = parts.interchange.listed(caller, group_id)
    return ImportsDocument(imports=[ListedImport.listed(one) for one in found])


@router.get("/v1/groups/{group}/imports/{import}", responses=refusals(NotFound))
def one_import(parts: GivenParts, caller: Reader, group_id: GroupId, import_id: ImportId) -> ImportDocument:
    """An import, with its people and its figures beside the file's."""
    return ImportDocument.of(parts.interchange.show(caller, group_id, import_id))


@router.post(
    "/v1/groups/{group}/imports/{import}/commit", responses=refusals(NotFound, BadValue, AlreadyExists, TooLate)
)
def commit_import(parts: GivenParts, caller: Writer, group_id: GroupId, import_id: ImportId) -> ImportDocument:
    """Brings in all bills and guests of the file at once. Whom they charge is asked to accept them."""
    commit = parts.interchange.commit
    return ImportDocument.of(parts.database.write(lambda tx: commit(tx, caller, group_id, import_id)))


@router.post(
    "/v1/groups/{group}/imports/{import}/undo",
    responses=refusals(NotFound, BadValue, TooLate, BillLocked, BillSettled),
)
def undo_import(parts: GivenParts, caller: Writer, group_id: GroupId, import_id: ImportId) -> ImportDocument:
    """Takes out all bills of an import together, and its guests whom nothing else names."""
    undo = parts.interchange.undo
    return ImportDocument.of(parts.database.write(lambda tx: undo(tx, caller, group_id, import_id)))


@router.get(
    "/v1/groups/{group}/export.csv",
    response_class=Response,
    responses={**refusals(NotFound), 200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)
def export_csv(parts: GivenParts, caller: Reader, group_id: GroupId) -> Response:
    """The group's bills as Splitwise exports them: who is owed and who owes by each, with total rows."""
    content = parts.interchange.splitwise(caller, group_id)
    headers = {"Content-Disposition": 'attachment; filename="group.csv"'}
    return Response(content, media_type="text/csv; charset=utf-8", headers=headers)


@router.post(
    "/v1/group-imports",
    status_code=HTTPStatus.CREATED,
    response_model=GroupDocument,
    responses=refusals(BadValue, AlreadyExists),
)
def bring_in_group(parts: GivenParts, caller: Writer, body: GroupFile, once: GivenOnce) -> Response:
    """Makes the group of a file from export.json: all is checked, ids are the same, people but you are guests."""
    bring_in, file = parts.interchange.bring_in, arriving(body.content.encode())
    return once.answer(parts, caller, lambda tx: GroupDocument.of(bring_in(tx, caller, file, body.me)))


@router.get(
    "/v1/groups/{group}/export.json",
    response_class=Response,
    responses={**refusals(NotFound), 200: {"content": {"application/json": {"schema": {"type": "object"}}}}},
)
def export_json(parts: GivenParts, caller: Reader, group_id: GroupId) -> Response:
    """All of the group as canonical JSON: bills with all versions and answers, debts, and what settled them, signed."""
    content = parts.interchange.document(caller, group_id)
    headers = {"Content-Disposition": 'attachment; filename="group.json"'}
    return Response(content, media_type="application/json", headers=headers)
