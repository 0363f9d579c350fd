"""Make `screens.png`, the README's picture: one case on Berlin's screen in German and on Budapest's in Hungarian.

`python docs/make_screens.py` plays the demonstration on two real nodes until the reply is there, opens the case in
Chromium on both sides, and puts the two pages side by side. It needs Chromium (or one named by ENTENTE_CHROMIUM).
"""
# ruff: noqa: INP001, T201

import asyncio
import base64
import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

import aiohttp
from playwright.async_api import Browser, async_playwright

from node.cli.demo_network import PEOPLE, nodes_of, seed
from node.cli.demo_nodes import Api, DemoNode, id_of, own_token
from node.cli.demo_story import Reader, Story
from node.clock import SystemClock

TARGET: Final = Path(__file__).with_name("screens.png")
LARGEST: Final = 300_000  # bytes
WIDTH, HEIGHT, GAP = 1040, 1420, 16  # CSS pixels of each screen
SCALE: Final = 0.68  # dots of the picture for one CSS pixel
PASSWORD: Final = "Fahrrad Suppe Lampe Wolke"  # noqa: S105 - of nodes that live for a minute
FLAGS: Final = ("--no-sandbox", "--disable-gpu", "--disable-lcd-text")
PAGE: Final = """<body style="margin:0;padding:{gap}px;display:flex;gap:{gap}px;background:#d5dbe7">
<img src="data:image/png;base64,{left}"><img src="data:image/png;base64,{right}"></body>"""


async def reader(node: DemoNode, login: str, lang: str, session: aiohttp.ClientSession) -> Reader:
    """Return a demo user with an API token."""
    name = next(name for known, name, _, _ in PEOPLE[node.country] if known == login)
    return Reader(node.country, name, lang, await own_token(node, session, login, "screens"))


async def screen(chromium: Browser, node: DemoNode, login: str, case: str, session: aiohttp.ClientSession) -> bytes:
    """Sign a user in by link, choose a password, and photograph the page of a case."""
    api = Api(node, node.operator_token(), session)
    link = await api.call("POST", f"people/{await id_of(api, login)}/link")
    page = await chromium.new_page(viewport={"width": WIDTH, "height": HEIGHT}, device_scale_factor=SCALE)
    await page.goto(link["url"])
    await page.locator("main button[type=submit]").click()
    for name in ("password", "repeat"):
        await page.fill(f"#f-{name}", PASSWORD)
    await page.locator("main button[type=submit]").click()
    await page.goto(f"{node.url}/cases/{case}")
    picture = await page.screenshot()
    await page.close()
    return picture


async def main() -> None:
    """Play, photograph, put together."""
    path = os.environ.get("ENTENTE_CHROMIUM") or shutil.which("chromium")
    with tempfile.TemporaryDirectory() as folder:
        async with (
            nodes_of(Path(folder), ("DE", "HU"), print) as nodes,
            aiohttp.ClientSession() as session,
            async_playwright() as playwright,
        ):
            await seed(nodes, session)
            anna = await reader(nodes["DE"], "anna.berger", "de", session)
            miriam = await reader(nodes["DE"], "miriam.kaya", "de", session)
            katalin = await reader(nodes["HU"], "szabo.katalin", "hu", session)
            story = Story(anna, miriam, katalin, SystemClock().now().date(), lambda line: print(line.title))
            for step in (story.find, story.ask, story.receive, story.agree_on_a_date, story.answer):
                await step()
            chromium = await playwright.chromium.launch(executable_path=path, args=FLAGS)
            left = await screen(chromium, nodes["DE"], "anna.berger", story.case, session)
            right = await screen(chromium, nodes["HU"], "szabo.katalin", story.case, session)
            await together(chromium, left, right)
            await chromium.close()


async def together(chromium: Browser, left: bytes, right: bytes) -> None:
    """Write two pictures side by side."""
    width, height = round(2 * WIDTH * SCALE) + 3 * GAP, round(HEIGHT * SCALE) + 2 * GAP
    page = await chromium.new_page(viewport={"width": width, "height": height})
    shown = {"left": base64.b64encode(left).decode(), "right": base64.b64encode(right).decode()}
    await page.set_content(PAGE.format(gap=GAP, **shown))
    picture = await page.screenshot()
    if len(picture) > LARGEST:
        raise SystemExit(f"The picture has {len(picture)} bytes, more than {LARGEST}.")
    TARGET.write_bytes(picture)
    print(f"{TARGET.name}: {len(picture)} bytes")


if __name__ == "__main__":
    asyncio.run(main())
