"""Who gets in: the browser that was given the address with the token, on this machine, and no page of anybody else."""

from __future__ import annotations

import hmac
import re
import secrets
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_PROGRAM = "program"  # who asks with the token alone, and no browser's cookie
_YEAR = 365 * 24 * 3600
_POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'; "
    "base-uri 'none'; form-action 'self'"
)
_HEADERS = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}


class Guard:
    """Lets requests through to an application that come with its token, for its own address.

    The token comes in the address once, `/?token=...`, then in a cookie; programs give it in a header, `Authorization:
    Bearer ...`. A request's owner, a name that a browser keeps, is put into `scope["state"]["owner"]`.

    Parameters
    ----------
    app
        What is guarded.
    token
        The secret.
    port
        Where the server listens: no other host and port may be asked for, so that no name that somebody makes point
        here gets in, and no other page may ask.
    """

    def __init__(self, app: ASGIApp, *, token: str, port: int) -> None:
        self._app = app
        self._token = token
        self._hosts = {f"127.0.0.1:{port}", f"localhost:{port}", *(("127.0.0.1", "localhost") if port == 80 else ())}
        self._cookie = f"restauro-{port}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or have it answered."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        cookies = _cookies(headers.get("cookie", ""))
        origin = headers.get("origin")
        if headers.get("host") not in self._hosts or (origin and origin.partition("://")[2] not in self._hosts):
            await _answer(send, 403, "This address isn't restauro's: open the one that it printed.")
            return
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        if scope["path"] == "/" and given:
            if self._is_token(given):
                await self._let_in(send, cookies.get("restauro-browser", ""))
            else:
                await _answer(send, 403, "The token isn't the one of this server: open the address that it printed.")
            return
        by_header = self._is_token(headers.get("authorization", "").removeprefix("Bearer "))
        owner = cookies.get("restauro-browser", "")
        if not by_header and not (self._is_token(cookies.get(self._cookie, "")) and _is_owner(owner)):
            await _answer(send, 401, "Open the address that restauro printed, with its token.")
            return
        scope.setdefault("state", {})["owner"] = _PROGRAM if by_header else owner
        await self._app(scope, receive, _with_headers(send))

    def _is_token(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(), self._token.encode())

    async def _let_in(self, send: Send, owner: str) -> None:
        """Give the cookies, and lead to the address without the token."""
        owner = owner if _is_owner(owner) else secrets.token_hex(16)
        about = "Path=/; HttpOnly; SameSite=Strict"
        cookies = [f"{self._cookie}={self._token}; {about}", f"restauro-browser={owner}; Max-Age={_YEAR}; {about}"]
        headers = [(b"location", b"/"), (b"cache-control", b"no-store")]
        headers += [(b"set-cookie", cookie.encode()) for cookie in cookies]
        await send({"type": "http.response.start", "status": 303, "headers": headers})
        await send({"type": "http.response.body", "body": b""})


def _is_owner(text: str) -> bool:
    return re.fullmatch("[0-9a-f]{32}", text) is not None


def _cookies(header: str) -> dict[str, str]:
    try:
        return {name: morsel.value for name, morsel in SimpleCookie(header).items()}
    except CookieError:
        return {}


def _with_headers(send: Send) -> Send:
    async def send_more(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], *((k.encode(), v.encode()) for k, v in _HEADERS.items())]
        await send(message)

    return send_more


async def _answer(send: Send, status: int, sentence: str) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": sentence.encode()})
