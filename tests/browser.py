"""Fixtures that start the app and drive it with the Chromium of this machine.

A test module uses them with ``pytest_plugins = ["tests.browser"]``. Every page they open must stay
without console errors and must talk to the app only.
"""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import ProxyHandler, build_opener

import pytest

ROOT = Path(__file__).parents[1]
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# The stage is drawn and has stayed where it is for half a second: a click will find it.
SETTLED = """() => {
  const stage = document.querySelector("[data-testid=stage][data-step]");
  if (!stage) return false;
  const { x, y, width, height } = stage.getBoundingClientRect();
  const place = [x, y, width, height].join();
  if (place !== window.stagePlace) [window.stagePlace, window.stageSince] = [place, Date.now()];
  return Date.now() - window.stageSince >= 500;
}"""
STARTS_WITHIN = 90  # seconds; importing torch on a slow disk takes most of it


@dataclass(kw_only=True)
class Visit:
    """One browser window of its own, and what it did.

    Attributes:
        page: Playwright's page.
        errors: what the console called an error, and exceptions nobody caught.
        requests: the address of every request.
        allowed: parts of error messages that a test expects.
    """

    page: Any
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    allowed: tuple[str, ...] = ()

    def listen(self) -> None:
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", self._console)

    def _console(self, message: Any) -> None:
        if message.type == "error":
            self.errors.append(message.text)

    def unexpected(self) -> list[str]:
        return [e for e in self.errors if not any(part in e for part in self.allowed)]

    def foreign(self) -> list[str]:
        """Requests to anybody but the app."""
        local = ("127.0.0.1", "", None)  # data: and blob: addresses have no host
        return [url for url in self.requests if urlsplit(url).hostname not in local]


def _skip_or_fail(reason: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(f"{reason}; in CI the browser tests must run")
    pytest.skip(reason)


def find_chromium() -> str | None:
    """The path of a Chromium of this machine, if it has one."""
    return next(filter(None, map(shutil.which, NAMES)), None)


@contextmanager
def launched(path: str) -> Iterator[Any]:
    """The Chromium at `path`, driven by Playwright."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@contextmanager
def serving(script: Path, log: Path) -> Iterator[str]:
    """The address of a Streamlit `script`, served until the block ends."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = {"server.headless": "true", "server.address": "127.0.0.1", "server.port": str(port)}
    command = [sys.executable, "-m", "streamlit", "run", str(script)]
    command += [word for name, value in options.items() for word in (f"--{name}", value)]
    with log.open("w") as file:
        server = subprocess.Popen(command, cwd=ROOT, stdout=file, stderr=subprocess.STDOUT)
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_until_healthy(server, url, log)
            yield url
        finally:
            server.terminate()
            server.wait(timeout=20)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """Chromium, driven by Playwright; install it (``apt install chromium``) to run these tests."""
    path = find_chromium()
    if path is None:
        _skip_or_fail(f"no Chromium on the path; looked for {', '.join(NAMES)}")
        return
    with launched(path) as browser:
        yield browser


@pytest.fixture(scope="session")
def app_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the app, started for this session of tests."""
    with serving(ROOT / "app.py", tmp_path_factory.mktemp("app") / "log.txt") as url:
        yield url


def _wait_until_healthy(server: subprocess.Popen, url: str, log: Path) -> None:
    """Return once the app answers; fail with its log where it ends or takes too long."""
    opener = build_opener(ProxyHandler({}))
    deadline = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < deadline:
        try:
            with opener.open(f"{url}/_stcore/health", timeout=2):
                return
        except (URLError, OSError):
            try:
                server.wait(timeout=0.2)
            except subprocess.TimeoutExpired:
                continue
            break
    pytest.fail(f"the app did not start:\n{log.read_text()}")


@pytest.fixture
def visit(chromium: Any, app_url: str) -> Iterator[Callable[..., Visit]]:
    """Opens the app in a window of its own and waits for the stage.

    Call it as ``visit(seed="7", lang="zh")``; options of the window, such as ``locale``, go in
    ``window={...}``.
    """
    opened: list[Visit] = []

    def open_window(
        window: dict[str, Any] | None = None, *, stage: bool = True, **query: str
    ) -> Visit:
        options = {"viewport": {"width": 1280, "height": 800}, "locale": "en-US"} | (window or {})
        one = Visit(page=chromium.new_context(**options).new_page())
        one.listen()
        opened.append(one)
        one.page.goto(f"{app_url}/?{urlencode(query)}" if query else app_url)
        if stage:
            one.page.get_by_test_id("stage").wait_for(timeout=60_000)
            one.page.wait_for_function(SETTLED, timeout=60_000, polling=100)
        return one

    yield open_window
    for one in opened:
        one.page.context.close()
    for one in opened:
        assert one.unexpected() == []
        assert one.foreign() == []
