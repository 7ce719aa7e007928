"""Draws docs/slack-message.png: the blocks of a question as Slack lays them out, drawn by us in Debian's Chromium. Usage: python tools/draw_slack_message.py."""

import sys
from collections.abc import Iterator
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "shared"), str(ROOT)]

import msgspec  # noqa: E402 - the package lies in shared/

from ringfence.chat.slack_blocks import message  # noqa: E402
from ringfence.config import compile_settings, parse  # noqa: E402
from ringfence.domain.job import JobState  # noqa: E402
from ringfence.engine.cards import card  # noqa: E402
from tests.support.browser import chromium  # noqa: E402
from tests.support.cases import TODAY  # noqa: E402
from tests.support.jobs import CONTAINMENT, NOW, job  # noqa: E402

NAMES = {"U0000ANA": "@ana", "U0000BO": "@bo", "U0000OLGA": "@olga"}
STYLE = """body{margin:0;padding:20px 24px;background:#fff;font:15px/1.46 Lato,'Noto Sans','DejaVu Sans',sans-serif;color:#1d1c1d;width:760px}
.who{font-weight:900}.app{font-size:10px;background:#ddd;border-radius:2px;padding:1px 3px;margin:0 6px;color:#616061}.at{color:#616061;font-size:12px}
h1{font-size:18px;margin:4px 0}.text{white-space:pre-wrap;margin:6px 0}.person{background:#fdf2d4;color:#1264a3;border-radius:3px;padding:0 2px}
button{font:inherit;font-weight:700;border:1px solid #bbb;border-radius:4px;background:#fff;padding:4px 12px;margin:4px 8px 4px 0}
.primary{background:#007a5a;color:#fff;border-color:#007a5a}.danger{background:#fff;color:#e01e5a;border-color:#e01e5a}.context{color:#616061;font-size:13px}"""


def drawn(blocks: list[dict[str, Any]]) -> Iterator[str]:
    """Give each block as HTML."""
    for block in blocks:
        match block["type"]:
            case "header":
                yield f"<h1>{escape(block['text']['text'])}</h1>"
            case "rich_text":
                yield f"<div class=text>{''.join(rich(e) for s in block['elements'] for e in s['elements']).rstrip()}</div>"
            case "actions":
                yield "".join(f"<button class={e.get('style', 'plain')}>{escape(e['text']['text'])}</button>" for e in block["elements"])
            case "context":
                yield f"<div class=context>{escape(block['elements'][0]['text'])}</div>"


def rich(element: dict[str, Any]) -> str:
    """Give one part of a rich text."""
    if element["type"] == "user":
        return f"<span class=person>{NAMES[element['user_id']]}</span>"
    text = escape(element["text"])
    return f"<b>{text}</b>" if "style" in element else text


def main() -> None:
    """Make a question, lay it out, and take a picture."""
    settings = compile_settings(parse((ROOT / "samples/config/full.yaml").read_text(), "full.yaml", TODAY).config)
    asked = msgspec.structs.replace(
        job(CONTAINMENT, state=JobState.PENDING, actor="arn:aws:sts::123456789012:assumed-role/fraud-train/i-0123456789abcdef0"),
        guardrail="aws-credential-exfiltration",
        reason="credentials of the AI role fraud-train are used from 198.51.100.23, outside AWS",
        project="fraud-model",
        no_say=("person olga",),
        stakes=("fraud-train was last used at 2026-03-02 08:58 UTC", "what runs as fraud-train in sagemaker.amazonaws.com loses it"),
    )
    shown = message(card(asked, settings, NOW, joined=6))["blocks"]
    head = "<span class=who>ringfence-prod</span><span class=app>APP</span><span class=at>9:00 AM</span>"
    with TemporaryDirectory() as folder:
        page = Path(folder) / "message.html"
        page.write_text(f"<!doctype html><meta charset=utf-8><style>{STYLE}</style>{head}{''.join(drawn(shown))}", encoding="utf-8")
        browser = chromium()
        try:
            browser.set_window_size(830, 900)
            browser.get(page.as_uri())
            height = browser.execute_script("return document.documentElement.scrollHeight")
            browser.set_window_size(830, int(height) + 150)
            browser.find_element("tag name", "body").screenshot(str(ROOT / "docs" / "slack-message.png"))
        finally:
            browser.quit()


if __name__ == "__main__":
    main()
