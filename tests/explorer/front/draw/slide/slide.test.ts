import assert from "node:assert/strict";
import { test } from "node:test";
import { INKS } from "front/draw/colours";
import { boundsOf, moved } from "front/draw/scene/bounds";
import type { Item } from "front/draw/scene/scene";
import { widthOf } from "front/draw/scene/text";
import { fewLines, linesOf } from "front/draw/slide/lines";
import { MARGIN, slideOf } from "front/draw/slide/slide";
import { randomFrom } from "../../random";

const PROSE = "the old captain came back to the harbour after many years at sea";

test("lines hold every word in its order and fit, a word longer than a line cut in two", () => {
  const random = randomFrom(7);
  for (let i = 0; i < 100; i += 1) {
    const width = 60 + 400 * random();
    const lines = linesOf(PROSE, width, 16);
    assert.equal(lines.join(" "), PROSE);
    for (const line of lines) assert.ok(widthOf(line, 16) <= width);
  }
  const cut = linesOf("antidisestablishmentarianism", 80, 16);
  assert.ok(cut.length > 1);
  assert.equal(cut.join(""), "antidisestablishmentarianism");
  assert.deepEqual(linesOf("  ", 80, 16), []);
});

test("a text of too many lines ends with an ellipsis, another stays as it is", () => {
  const few = fewLines(PROSE, 2, 150, 16);
  assert.equal(few.length, 2);
  assert.match(few[1] ?? "", / …$/);
  assert.ok(widthOf(few[1] ?? "", 16) <= 150);
  assert.deepEqual(fewLines("tea", 2, 150, 16), ["tea"]);
});

const ITEMS: Item[] = [
  { kind: "rect", x: 300, y: -20, width: 400, height: 100 },
  { kind: "line", x1: 290, y1: 90, x2: 500, y2: 10, stroke: "#000000", strokeWidth: 1 },
  { kind: "text", x: 720, y: 40, text: "name", size: 20, fill: "#000000", anchor: "middle" },
];

test("what is moved takes the same room elsewhere", () => {
  const [was, now] = [boundsOf(ITEMS), boundsOf(ITEMS.map((item) => moved(item, -300, 25)))];
  assert.equal(was.left, 290);
  assert.equal(was.right, 720 + widthOf("name", 20) / 2);
  assert.equal(now.left, was.left - 300);
  assert.ok(Math.abs(now.right - was.right + 300) < 1e-9);
  assert.equal(now.top, was.top + 25);
  assert.equal(now.bottom, was.bottom + 25);
});

test("a name that is turned stands upwards from its place", () => {
  const style = { kind: "text", size: 20, fill: "#000000", rotate: -90 } as const;
  const { left, top, right, bottom } = boundsOf([{ ...style, x: 50, y: 100, text: "name" }]);
  assert.equal(bottom, 100);
  assert.ok(Math.abs(top - (100 - widthOf("name", 20))) < 1e-9);
  assert.ok(left < 50 && right > 50 && right - left < 30);
});

test("a slide begins at its margin, is no wider than its content needs, and ends with a margin", () => {
  const picture = { title: "T", caption: "C", place: "P", scales: [], items: ITEMS };
  const frame = { sentence: "A cat.", result: "Un chat.", model: "Model: m" };
  const scene = slideOf(picture, frame, INKS.light);
  const { left, top, right, bottom } = boundsOf(scene.items);
  assert.ok(Math.abs(left - MARGIN) < 1 && Math.abs(top - MARGIN) < 1);
  assert.ok(Math.abs(scene.width - right - MARGIN) < 1.5);
  assert.ok(Math.abs(scene.height - bottom - MARGIN) < 1.5);
  const texts = scene.items.flatMap((item) => (item.kind === "text" ? [item.text] : []));
  assert.deepEqual(texts, ["A cat. → Un chat.", "C", "name", "Model: m", "P"]);
});

test("a page of text is cut in the title and whole in the description", () => {
  const sentence = Array.from({ length: 80 }, () => PROSE).join(" ");
  const picture = { title: "T", caption: "C", place: "P", scales: [], items: ITEMS };
  const scene = slideOf(picture, { sentence, result: "", model: "Model: m" }, INKS.dark);
  const titles = scene.items.filter((item) => item.kind === "text" && item.role === "slide-title");
  assert.equal(titles.length, 12);
  assert.ok(scene.description?.includes(sentence));
  assert.equal(scene.background, INKS.dark.paper);
});
