"""A saved page has its first screen."""

from __future__ import annotations

from clearhead.explorer.offline.first_screen import FirstScreen


def asked(explorer, text):
    model = explorer.answer("model", {}).json
    run = explorer.answer("run", {"text": text, "new_tokens": 3}).json
    return FirstScreen.of(explorer, model, run["request"]), run["request"]


def test_it_holds_the_same_answers(gpt2):
    screen, request = asked(gpt2, "Once upon a time")
    assert screen.alignment == gpt2.answer("alignment", {"run": request}).json
    kinds = ["hide_word", "switch_off", "temperature"]
    assert [one["kind"] for one in screen.discoveries] == kinds
    for one in screen.discoveries:
        params = {"run": request, "kind": one["kind"]}
        assert one == gpt2.answer("discovery", params).json
    page = {}
    screen.add_to(page)
    assert page == {"alignment": screen.alignment, "discoveries": screen.discoveries}


def test_what_cannot_be_tried_is_left_out(vectors):
    screen, _ = asked(vectors, "The black cat")
    assert screen.alignment["measure"] == "peak"
    assert screen.discoveries == []
