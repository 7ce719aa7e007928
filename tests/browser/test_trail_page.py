"""The page of the trail in a real Chromium: what an attacker wrote stays text, filters filter, and it works by keyboard and on a phone."""

import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
from selenium.webdriver import Chrome, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import Select

from ringfence.domain.record import Record
from ringfence.engine.trail.story import stories
from ringfence.engine.trail.verify import Verdict
from ringfence.report.trail_page import Sealed, render
from tests.support.browser import NAUGHTY, PASSROLE, chromium, page_records

THERE = shutil.which("chromium") and shutil.which("chromedriver")
pytestmark = [
    pytest.mark.enable_socket,  # the driver listens on loopback
    pytest.mark.skipif(not THERE and not os.environ.get("CI"), reason="Debian's chromium and chromium-driver are not here"),
]
MADE = datetime(2026, 3, 9, tzinfo=UTC)
WELL = Verdict(verified=True, records=3, anchored=True)


@pytest.fixture(scope="module")
def browser() -> Iterator[Chrome]:
    driver = chromium()
    yield driver
    driver.quit()


def show(browser: Chrome, tmp_path: Path, records: list[Record], verdict: Verdict = WELL) -> None:
    file = tmp_path / "trail.html"
    file.write_text(render(stories(records), Sealed("ringfence.example/t", verdict, MADE)), encoding="utf-8")
    browser.get(file.as_uri())


def rows(browser: Chrome) -> list[WebElement]:
    return browser.find_elements(By.CSS_SELECTOR, "#stories > li")


def count(browser: Chrome) -> str:
    return browser.find_element(By.ID, "count").text


def test_every_job_unfolds_into_what_was_heard_why_what_changed_and_how_to_undo_it(browser: Chrome, tmp_path: Path) -> None:
    show(browser, tmp_path, page_records(3))
    assert count(browser) == "3 of 3"
    assert browser.find_element(By.CSS_SELECTOR, ".banner").text.startswith("Verified and anchored")
    rows(browser)[-1].find_element(By.TAG_NAME, "summary").click()
    told = rows(browser)[-1].find_element(By.CSS_SELECTOR, ".story").text
    for part in (
        "What was heard",
        "Why it was judged so",
        "Before and after",
        "Who approved",
        "Step by step",
        "verified by reading again",
        "ringfence undo",
    ):
        assert part in told, part
    hit = rows(browser)[-1].find_element(By.CSS_SELECTOR, "pre.hit")
    assert "statement 1 proves it" in hit.text
    assert '"s3:*"' in hit.text
    assert not [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]  # type: ignore[no-untyped-call]  # selenium\'s


def test_filters_and_search_leave_what_is_looked_for(browser: Chrome, tmp_path: Path) -> None:
    show(browser, tmp_path, page_records(250))
    assert count(browser) == "250 of 250"
    assert len(rows(browser)) == 100
    browser.find_element(By.ID, "more").click()
    assert len(rows(browser)) == 200
    search = browser.find_element(By.ID, "q")
    search.send_keys("ROLE/fraud-7 ")
    assert {row.text.rpartition("role/")[2] for row in rows(browser)} <= {"fraud-7", *(f"fraud-7{n}" for n in range(10))}
    search.clear()
    search.send_keys(Keys.SPACE)
    for field, value, wanted in (
        ("guardrail", PASSROLE, 125),
        ("outcome", "denied", 50),
        ("project", "fraud", 250),
        ("approver", "bo", 200),
        ("severity", "high", 125),
    ):
        Select(browser.find_element(By.ID, field)).select_by_value(value)
        assert count(browser) == f"{wanted} of 250", field
        Select(browser.find_element(By.ID, field)).select_by_value("")
    for name, value, wanted in (("since", "2026-03-04", 250 - 48), ("until", "2026-03-03", 48)):
        browser.execute_script(f"const f = document.getElementById('{name}'); f.value = '{value}'; f.dispatchEvent(new Event('input'))")
        assert count(browser) == f"{wanted} of 250", name
        browser.execute_script(f"const f = document.getElementById('{name}'); f.value = ''; f.dispatchEvent(new Event('input'))")


def test_what_an_attacker_wrote_is_text_and_nothing_but_text(browser: Chrome, tmp_path: Path) -> None:
    spoilt = [msgspec.structs.replace(r, reason=NAUGHTY, identity=NAUGHTY, guardrail=NAUGHTY) for r in page_records(2)]
    show(browser, tmp_path, spoilt)
    for row in rows(browser):
        row.find_element(By.TAG_NAME, "summary").click()
    assert NAUGHTY in rows(browser)[0].text
    assert browser.execute_script("return window.pwned") is None
    assert browser.find_elements(By.CSS_SELECTOR, "img, iframe, #stories script") == []


def test_by_keyboard_alone(browser: Chrome, tmp_path: Path) -> None:
    show(browser, tmp_path, page_records(3))
    browser.find_element(By.TAG_NAME, "body").send_keys("/")
    focused = browser.switch_to.active_element
    assert focused.get_attribute("id") == "q"
    focused.send_keys("fraud-1" + Keys.TAB * 14)
    assert count(browser) == "1 of 3"
    for _ in range(12):
        if browser.switch_to.active_element.tag_name == "summary":
            break
        browser.switch_to.active_element.send_keys(Keys.TAB)
    browser.switch_to.active_element.send_keys(Keys.ENTER)
    assert "Step by step" in rows(browser)[0].text


@pytest.mark.parametrize("dark", [False, True])
def test_on_a_phone_nothing_is_wider_than_the_screen(browser: Chrome, tmp_path: Path, dark: bool) -> None:
    features = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": True})
    try:
        show(browser, tmp_path, page_records(3))
        rows(browser)[0].find_element(By.TAG_NAME, "summary").click()
        assert browser.execute_script("return document.documentElement.scrollWidth") <= 360
        paper = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
        assert (paper == "rgb(20, 24, 29)") is dark
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_every_field_has_a_label_and_headings_go_down_one_by_one(browser: Chrome, tmp_path: Path) -> None:
    show(browser, tmp_path, page_records(1))
    rows(browser)[0].find_element(By.TAG_NAME, "summary").click()
    for field in browser.find_elements(By.CSS_SELECTOR, "input, select"):
        assert browser.find_elements(By.CSS_SELECTOR, f"label[for='{field.get_attribute('id')}']"), field.get_attribute("id")
    levels = [int(h.tag_name[1]) for h in browser.find_elements(By.CSS_SELECTOR, "h1, h2, h3, h4")]
    assert levels[0] == 1
    assert all(later - one <= 1 for one, later in pairwise(levels))
    assert browser.find_element(By.TAG_NAME, "html").get_attribute("lang") == "en"


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        (Verdict(verified=False, records=3, first_bad=7, kind="delete", why="one is gone"), "Not verified: delete, record 7"),
        (Verdict(verified=False, records=3, kind="fork", why="two histories"), "Not verified: fork"),
        (Verdict(verified=True, records=3, warnings=("not anchored: nobody knows",)), "Verified, not anchored"),
    ],
)
def test_the_banner_says_what_the_verification_said(browser: Chrome, tmp_path: Path, verdict: Verdict, words: str) -> None:
    show(browser, tmp_path, page_records(1), verdict)
    banner = browser.find_element(By.CSS_SELECTOR, ".banner").text
    assert words in banner
    assert (verdict.why or verdict.warnings[0]) in banner


def test_an_empty_trail_is_a_page_too(browser: Chrome, tmp_path: Path) -> None:
    show(browser, tmp_path, [])
    assert count(browser) == "0 of 0"
