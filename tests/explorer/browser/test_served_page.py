"""The page opens in a browser under its content security policy."""

from __future__ import annotations

import pytest


def test_the_page_opens_without_an_error(page, server):
    answers = []
    page.on("response", lambda response: answers.append((response.url, response.status)))
    page.goto("/")
    page.wait_for_load_state("networkidle")
    page.wait_for_selector("#clearhead > *", state="attached")
    assert page.title()
    assert all(status in (200, 304) for _, status in answers), answers
    assert {url.split("#")[0] for url, _ in answers} >= {
        f"{server}/", f"{server}/explorer.js", f"{server}/explorer.css"
    }  # fmt: skip
    assert all(url.startswith(f"{server}/") for url, _ in answers)


@pytest.mark.parametrize(
    ("directive", "forbidden"),
    [
        # Not at once: what a debugger evaluates may evaluate.
        ("script-src", "() => { setTimeout(() => eval('1')); }"),
        ("connect-src", "() => fetch('http://127.0.0.1:9/')"),
        ("img-src", "() => { new Image().src = 'data:image/gif,'; }"),
        ("worker-src", "() => new Worker(URL.createObjectURL(new Blob(['1'])))"),
        (
            "script-src-elem",
            "() => document.body.append(Object.assign(document.createElement('script'), "
            "{textContent: '1'}))",
        ),
    ],
)
def test_the_policy_forbids_what_the_page_never_does(page, console_errors, directive, forbidden):
    page.goto("/")
    page.evaluate(
        """() => addEventListener('securitypolicyviolation', told => {
            (window.broken ??= []).push(told.effectiveDirective);
        })"""
    )
    page.evaluate(f"() => {{ Promise.resolve(({forbidden})()).catch(() => null); }}")
    page.wait_for_function("directive => window.broken?.includes(directive)", arg=directive)
    console_errors.clear()  # the browser has written down what it forbade
