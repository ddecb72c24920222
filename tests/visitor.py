"""A visitor without a browser: a websocket that speaks Bokeh's protocol and reads only what it needs, so that many of them cost little."""

import asyncio
import itertools
import json
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

SIZE = (900, 600)


@dataclass
class Shown:
    """A picture that arrived: its ends in plot coordinates (x0, x1, y0, y1), its pixels, its bytes, and whether it is exact."""

    ends: tuple[float, float, float, float]
    columns: int
    rows: int
    size: int
    exact: bool

    def shows(self, view: tuple[float, float, float, float]) -> bool:
        """Tell whether the picture has the ends of a view, give or take two of its pixels: those of a sketch are larger."""
        sizes = (self.columns, self.rows) if not self.exact else SIZE
        pixels = (view[1] - view[0]) / sizes[0], (view[3] - view[2]) / sizes[1]
        return all(abs(end - wanted) <= 2 * pixels[k // 2] for k, (end, wanted) in enumerate(zip(self.ends, view, strict=True)))


def frame_of(data: dict[str, Any], buffers: dict[str, bytes]) -> Shown | None:
    """Return the picture in the new data of a source; None where the data holds none."""
    if "facts" not in data or not data["facts"]:
        return None
    facts = _plain(data["facts"][0])
    if facts.get("blank"):  # marks stand in its place
        return None
    body = data["body"][0]["array"]["data"]
    size = len(buffers[body["id"]]) if isinstance(body, dict) else len(body)
    x, y, wide, high = (float(facts[name]) for name in ("x", "y", "dw", "dh"))
    return Shown((x, x + wide, y, y + high), facts["width"], facts["height"], size, not facts["approximate"])


def _plain(value: Any) -> Any:
    """Return a map of the protocol as a dict."""
    return dict(value["entries"]) if isinstance(value, dict) and value.get("type") == "map" else value


@dataclass
class Visitor:
    """One visitor of one page."""

    url: str
    view: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    shown: Shown | None = None
    status: dict[str, Any] = field(default_factory=dict)
    record: dict[str, Any] = field(default_factory=dict)
    received: int = 0  # bytes of all messages, before compression
    pictures: int = 0
    errors: list[str] = field(default_factory=list)
    _socket: WebSocketClientConnection | None = None

    async def enter(self, size: tuple[int, int] = SIZE) -> "Visitor":
        """Load the page, open its session, tell the size of the window and wait for the first picture."""
        await self.connect()
        self._socket_task = asyncio.create_task(self._listen())
        self._changed = asyncio.Event()
        self._event("document_ready")
        self.resize(*size)
        await self.until(lambda: self.shown is not None and self.view[1] > self.view[0])
        return self

    async def connect(self) -> None:
        """Open the session and read its document."""
        page = await AsyncHTTPClient().fetch(HTTPRequest(self.url, request_timeout=60))
        token = re.search(r'"token":"([^"]+)"', page.body.decode()).group(1)
        where = urlsplit(self.url)
        path = f"ws://{where.netloc}{where.path.rstrip('/')}/ws"
        request = HTTPRequest(path, headers={"Origin": f"http://{where.netloc}"}, request_timeout=60)
        self._numbers = itertools.count(1)
        self._socket = await websocket_connect(request, subprotocols=["bokeh", token], compression_options={}, max_message_size=1 << 28)
        await self._message()  # ACK
        self._send("PULL-DOC-REQ", {})
        self._read(await self._message())

    def _read(self, message: tuple[dict[str, Any], Any, dict[str, bytes]]) -> None:
        """Find the figure and its ranges among the document's models."""
        self._models: dict[str, dict[str, Any]] = {}

        def visit(node: Any) -> None:
            if isinstance(node, dict):
                if node.get("type") == "object" and "id" in node:
                    self._models[node["id"]] = node
                for inner in node.values():
                    visit(inner)
            elif isinstance(node, list):
                for inner in node:
                    visit(inner)

        visit(message[1]["doc"])
        self.figure = next((model for model in self._models.values() if model.get("name") == "Figure"), None)
        if self.figure is not None:
            held = self.figure["attributes"]
            self._x, self._y = held["x_range"]["id"], held["y_range"]["id"]
            ends = {name: self._models[model]["attributes"] for name, model in (("x", self._x), ("y", self._y))}
            self.view = (ends["x"]["start"], ends["x"]["end"], ends["y"]["start"], ends["y"]["end"])

    def set(self, model: str, **values: Any) -> None:
        """Set properties of a model."""
        self._patch([{"kind": "ModelChanged", "model": {"id": model}, "attr": name, "new": value} for name, value in values.items()])

    def resize(self, width: Any, height: Any) -> None:
        """Tell the size of the plot."""
        self.set(self.figure["id"], inner_width=width, inner_height=height)

    def look(self, view: tuple[float, float, float, float], settled: bool = False) -> None:
        """Show another part of the map, as the wheel does; `settled` once nothing moves any more."""
        self.view = view
        self.set(self._x, start=view[0], end=view[1])
        self.set(self._y, start=view[2], end=view[3])
        if settled:
            model = {"id": self.figure["id"]}
            self._event("rangesupdate", model=model, x0=view[0], x1=view[1], y0=view[2], y1=view[3])

    def point(self, name: str, place: tuple[float, float]) -> None:
        """Move the pointer to a place ("mousemove"), click there ("tap", "pressup"), or leave the map from there ("mouseleave")."""
        self._event(name, model={"id": self.figure["id"]}, sx=1.0, sy=1.0, x=place[0], y=place[1], modifiers=None)

    def _event(self, name: str, **values: Any) -> None:
        event = {"type": "event", "name": name, "values": {"type": "map", "entries": [list(entry) for entry in values.items()]}}
        self._patch([{"kind": "MessageSent", "msg_type": "bokeh_event", "msg_data": event}])

    def _patch(self, events: list[dict[str, Any]]) -> None:
        self._send("PATCH-DOC", {"events": events})

    def _send(self, kind: str, content: Any) -> None:
        for part in ({"msgid": str(next(self._numbers)), "msgtype": kind}, {}, content):
            self._socket.write_message(json.dumps(part))

    async def _message(self) -> tuple[dict[str, Any], Any, dict[str, bytes]]:
        """Return the next message: header, content, buffers."""
        parts = [await self._fragment() for _ in range(3)]
        header, content = json.loads(parts[0]), json.loads(parts[2])
        buffers = {}
        for _ in range(header.get("num_buffers", 0)):
            name = json.loads(await self._fragment())["id"]
            buffers[name] = await self._fragment()
        return header, content, buffers

    async def _fragment(self) -> Any:
        fragment = await self._socket.read_message()
        if fragment is None:
            raise ConnectionError(f"the server closed the websocket ({self._socket.close_code})")
        self.received += len(fragment)
        return fragment

    async def _listen(self) -> None:
        """Take note of what the server sends."""
        try:
            while True:
                header, content, buffers = await self._message()
                if header["msgtype"] == "ERROR":
                    self.errors.append(str(content))
                for event in content.get("events", ()) if header["msgtype"] == "PATCH-DOC" else ():
                    self._heard(event, buffers)
                self._changed.set()
        except ConnectionError as error:
            if not self._leaving:
                self.errors.append(str(error))
            self._changed.set()

    _leaving = False

    def _heard(self, event: dict[str, Any], buffers: dict[str, bytes]) -> None:
        if event.get("kind") == "ColumnDataChanged" or (event.get("kind") == "ModelChanged" and event["attr"] == "data"):
            data = _plain(event.get("data", event.get("new")))
            found = frame_of(data, buffers) if isinstance(data, dict) else None
            if found is not None:
                self.shown = found
                self.pictures += 1
        elif event.get("kind") == "ModelChanged":
            model = event["model"]["id"]
            if event["attr"] in ("status", "record"):
                setattr(self, event["attr"], _plain(event["new"]))
            elif model in (self._x, self._y) and event["attr"] in ("start", "end"):
                place = (0 if model == self._x else 2) + (event["attr"] == "end")
                self.view = tuple(event["new"] if k == place else end for k, end in enumerate(self.view))

    async def until(self, ready: Any, timeout: float = 60.0) -> None:
        """Wait until something holds that messages change."""
        async with asyncio.timeout(timeout):
            while not ready():
                if self.errors:
                    raise ConnectionError(self.errors[0])
                self._changed.clear()
                await self._changed.wait()

    async def see(self, view: tuple[float, float, float, float], settled: bool = False) -> Shown:
        """Show another part of the map and return its picture."""
        self.look(view, settled)
        await self.until(lambda: self.shown.shows(view))
        return self.shown

    async def leave(self) -> None:
        """Close the page."""
        self._leaving = True
        if self._socket is not None:
            self._socket.close(1001)
            await self._socket_task
