"""The playground's page: TiKV's Grafana panel of Regions per store, without Prometheus, Grafana or a network.

``/dashboard`` is the page, ``/dashboard/picture`` its changing part, ``/dashboard/timeline.json`` all of it as data. PD
is asked every two seconds from the start on, for counts only, so the page shows the past too when it is opened late.
"""

from __future__ import annotations

from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING

from aiohttp import web

from ycsbpy.cluster.pdhttp import PdHttp
from ycsbpy.cluster.regionpanel import page, region_panel, style
from ycsbpy.cluster.timeline import Sampling, Timeline

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

__all__ = ["add_dashboard"]

EVERY_S = 2.0
POLICY = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:"
TIMELINE = web.AppKey("timeline", Timeline)


def add_dashboard(app: web.Application, endpoints: Sequence[str], name: str) -> None:
    """Serve the page in an application, and look at the PD at these addresses while it runs."""
    app[TIMELINE] = timeline = Timeline()
    site = _Site(timeline, name)

    async def looking(_app: web.Application) -> AsyncIterator[None]:
        sampling = Sampling(PdHttp(endpoints, timeout_s=2.0), timeline, EVERY_S)
        sampling.start()
        yield
        sampling.end(wait=False)  # it may be waiting for a PD that is stopped by now

    app.cleanup_ctx.append(looking)
    app.router.add_get("/", site.to_page)
    app.router.add_get("/dashboard", site.whole)
    app.router.add_get("/dashboard/picture", site.picture)
    app.router.add_get("/dashboard/timeline.json", site.data)
    app.router.add_get("/dashboard/style.css", site.style)
    app.router.add_get("/dashboard/page.js", site.script)


class _Site:
    def __init__(self, timeline: Timeline, name: str) -> None:
        self._timeline = timeline
        self._name = name

    async def to_page(self, _request: web.Request) -> web.StreamResponse:
        raise web.HTTPFound("/dashboard")

    async def whole(self, _request: web.Request) -> web.Response:
        head = (
            '<link rel="icon" href="data:,">\n<link rel="stylesheet" href="/dashboard/style.css">\n'
            '<script src="/dashboard/page.js" defer></script>'
        )
        body = (
            f"<h1>Playground {escape(self._name)}</h1>\n"
            '<p class="soft">Regions and leaders of each store, as PD counts them, from the start on.</p>\n'
            '<p id="away" role="status">The playground does not answer: what is shown is the last that it said.</p>\n'
            f'<main id="picture">{region_panel(self._timeline)}</main>'
        )
        return _answer(page(f"Playground {self._name}", body, head=head), "text/html")

    async def picture(self, _request: web.Request) -> web.Response:
        return _answer(region_panel(self._timeline), "text/html")

    async def data(self, _request: web.Request) -> web.Response:
        return web.json_response(self._timeline.to_json())

    async def style(self, _request: web.Request) -> web.Response:
        return _answer(style(), "text/css")

    async def script(self, _request: web.Request) -> web.Response:
        return _answer(files("ycsbpy.cluster").joinpath("page/page.js").read_text(encoding="utf-8"), "text/javascript")


def _answer(text: str, kind: str) -> web.Response:
    headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return web.Response(text=text, content_type=kind, headers=headers)
