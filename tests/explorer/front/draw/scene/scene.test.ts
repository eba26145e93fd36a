import assert from "node:assert/strict";
import { test } from "node:test";
import { hatchSegments } from "front/draw/scene/scene";
import { escaped, sceneSvg } from "front/draw/scene/svg";
import { fitText, textWidth } from "front/draw/scene/text";
import { randomFrom } from "../../random";

test("hatching stays within its rectangle and on its diagonals", () => {
  const random = randomFrom(4);
  for (let i = 0; i < 200; i += 1) {
    const [x, y] = [100 * random() - 50, 100 * random() - 50];
    const [width, height] = [1 + 40 * random(), 1 + 40 * random()];
    const spacing = 2 + 8 * random();
    for (const [x1, y1, x2, y2] of hatchSegments({ x, y, width, height, spacing })) {
      assert.ok(x1 >= x - 1e-9 && x2 <= x + width + 1e-9);
      assert.ok(Math.max(y1, y2) <= y + height + 1e-9 && Math.min(y1, y2) >= y - 1e-9);
      assert.ok(Math.abs(x1 + y1 - (x2 + y2)) < 1e-9);
      const diagonal = (x1 + y1) / spacing;
      assert.ok(Math.abs(diagonal - Math.round(diagonal)) < 1e-6);
    }
  }
});

test("a text that fits is whole; another ends with an ellipsis and fits", () => {
  assert.equal(fitText("tea", 100, 12), "tea");
  const cut = fitText("antidisestablishmentarianism", 80, 12);
  assert.ok(cut.endsWith("…") && cut.length < 28);
  assert.ok(textWidth(cut, 12) <= 80);
  assert.equal(fitText("🙂🙂🙂", 30, 12), "🙂…"); // never half a character
});

test("a drawing is XML, whatever its texts are", () => {
  assert.equal(escaped(`<a href="x">&`), "&lt;a href=&quot;x&quot;&gt;&amp;");
  assert.equal(escaped("a\u0000b\ud800c\uffff"), "a\ufffdb\ufffdc\ufffd");
  assert.equal(escaped("🙂\n"), "🙂\n");
  const svg = sceneSvg({
    title: "A & B",
    width: 10,
    height: 20.125,
    background: "#ffffff",
    items: [{ kind: "text", x: 1, y: 2, text: "<s>", size: 10, fill: "#000000" }],
  });
  assert.match(svg, /<title>A &amp; B<\/title>/);
  assert.match(svg, /height="20\.13"/);
  assert.match(svg, />&lt;s&gt;<\/text>/);
  assert.match(svg, /<rect class="background" x="0" y="0" width="10" height="20\.13"/);
});
