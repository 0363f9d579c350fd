"""Every test runs alike everywhere: the same environment, language, time zone and random seeds."""

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
AXE = ROOT / ".venv/share/axe/axe.min.js"
IN_CI = os.environ.get("CI") == "true"

settings.register_profile("developer", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ci" if IN_CI else "developer")


def _find_chromium() -> str | None:
    """Give the browser that the machine has, or the one named by ENTENTE_CHROMIUM."""
    named = os.environ.get("ENTENTE_CHROMIUM")
    return named or next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)


CHROMIUM = _find_chromium()


def _absent(what: str, remedy: str) -> NoReturn:
    """Skip on a developer's machine, fail where everything must run."""
    message = f"{what} is missing: {remedy}"
    if IN_CI:
        pytest.fail(message, pytrace=False)
    pytest.skip(message)


def _require_chromium() -> str:
    if CHROMIUM is None:
        _absent("Chromium", "apt-get install -y chromium (or name one in ENTENTE_CHROMIUM)")
    return CHROMIUM


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a browser test before its nodes start where there is no browser."""
    if item.get_closest_marker("browser"):
        _require_chromium()


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of a Chromium, for `playwright.chromium.launch(executable_path=...)`."""
    return _require_chromium()


@pytest.fixture(scope="session")
def axe() -> str:
    """Source of the accessibility checker axe-core, to be evaluated in a page."""
    if not AXE.is_file():
        _absent("axe-core", "apt-get install -y npm, then `make test`, which fetches it")
    return AXE.read_text(encoding="utf-8")


def program(name: str, packages: str) -> str:
    """Return the path of a program of the system that checks or runs an example of deploy/."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/bin")
    if found is None:
        _absent(name, f"apt-get install -y {packages}")
    return found


@pytest.fixture(scope="session", autouse=True)
def _hermetic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Hide the developer's home, settings, proxies, language and time zone, from child processes too."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            foreign = name.startswith("ENTENTE_") or name == "CREDENTIALS_DIRECTORY"
            if foreign or name.lower().endswith("_proxy"):
                patch.delenv(name)
        home = tmp_path_factory.mktemp("home")
        patch.setenv("HOME", str(home))
        for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"):
            patch.setenv(name, str(home / name.lower()))
        patch.setenv("LC_ALL", "C.UTF-8")
        patch.setenv("TZ", "UTC")
        patch.setenv("COLUMNS", "120")
        patch.setenv("NO_COLOR", "1")
        time.tzset()
        yield
    time.tzset()
