"""Pages for people: the reference of all routes, and what each kind of problem means. Plain HTML, nothing from afar."""

import base64
import hashlib
import json
from collections.abc import Iterator
from html import escape
from typing import Any

from starlette.responses import HTMLResponse

from chainwallet.api.kinds import Kind

_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b1b1b;background:#fff}
h1{font-size:1.6rem}h2{font-size:1.25rem;margin-top:2.5rem;border-bottom:1px solid #ccc}
code,pre{font-family:ui-monospace,monospace;font-size:.9em}pre{background:#f4f4f4;padding:.7rem;overflow:auto}
summary{cursor:pointer;padding:.3rem 0}table{border-collapse:collapse}td,th{text-align:left;vertical-align:top;
padding:.2rem .8rem .2rem 0}b.method{display:inline-block;width:4.5rem}
@media(prefers-color-scheme:dark){body{color:#e8e8e8;background:#161616}pre{background:#242424}a{color:#8ab4f8}}
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_POLICY = f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; frame-ancestors 'none'; base-uri 'none'"


def problem_page(kind: Kind) -> HTMLResponse:
    """What ``kind`` means, and what to do."""
    return _page(
        kind.title,
        f"<p>{escape(kind.meaning)}</p><p><b>What to do:</b> {escape(kind.remedy)}</p>"
        f"<p>HTTP status {kind.status}, type <code>/problems/{kind.slug}</code></p>",
    )


def reference_page(document: dict[str, Any]) -> HTMLResponse:
    """The reference that the OpenAPI ``document`` writes."""
    info = document["info"]
    parts = [f"<p>{escape(info.get('description', ''))}</p>",
             '<p>The same for programs: <a href="/openapi.json">/openapi.json</a></p>']  # fmt: skip
    by_tag: dict[str, list[str]] = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            by_tag.setdefault(operation["tags"][0], []).append(_operation(path, method, operation))
    for tag in document.get("tags", []):
        parts.append(f"<h2>{escape(tag['name'])}</h2><p>{escape(tag.get('description', ''))}</p>")
        parts += by_tag.pop(tag["name"], [])
    parts.append("<h2>Documents</h2>")
    parts += [
        f'<details id="{escape(name)}"><summary><code>{escape(name)}</code></summary>{_json(schema)}</details>'
        for name, schema in document["components"]["schemas"].items()
    ]
    return _page(f"{info['title']} {info['version']}", "".join(parts))


def _operation(path: str, method: str, operation: dict[str, Any]) -> str:
    head = (
        f"<details><summary><b class=method>{method.upper()}</b> <code>{escape(path)}</code> "
        f"{escape(operation.get('summary', ''))}</summary>"
        f"<p>{escape(operation.get('description', ''))}</p>"
    )
    lines = [head]
    for needed in operation.get("security", []):
        scopes = ", ".join(scope for scopes in needed.values() for scope in scopes) or "none in particular"
        lines.append(f"<p>Needs a bearer token; scope: <code>{escape(scopes)}</code></p>")
    if operation.get("parameters"):
        lines.append("<p>Parameters</p><table>")
        lines += [
            f"<tr><td><code>{escape(one['name'])}</code><td>{escape(one['in'])}<td>{escape(one.get('description', ''))}"
            f"<td>{_json(one['schema'])}"
            for one in operation["parameters"]
        ]
        lines.append("</table>")
    for content in operation.get("requestBody", {}).get("content", {}).values():
        lines.append(f"<p>Body</p>{_content(content)}")
    for status, response in operation["responses"].items():
        lines.append(f"<p>{escape(status)}: {escape(response.get('description', ''))}</p>")
        lines += [_content(content) for kind, content in response.get("content", {}).items() if "problem" not in kind]
    return "".join([*lines, "</details>"])


def _content(content: dict[str, Any]) -> str:
    return "".join([_json(content["schema"]), *map(_json, _examples(content))])


def _examples(content: dict[str, Any]) -> Iterator[object]:
    if "example" in content:
        yield content["example"]
    for example in content.get("examples", {}).values():
        yield example.get("value")


def _json(value: object) -> str:
    if isinstance(value, dict) and value.keys() == {"$ref"}:
        name = escape(str(value["$ref"]).rpartition("/")[2])
        return f'<p><a href="#{name}"><code>{name}</code></a></p>'
    return f"<pre>{escape(json.dumps(value, indent=1, ensure_ascii=False))}</pre>"


def _page(title: str, body: str) -> HTMLResponse:
    page = (
        f'<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content="width=device-width">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style><h1>{escape(title)}</h1>{body}</html>"
    )
    return HTMLResponse(page, headers={"Content-Security-Policy": _POLICY})
