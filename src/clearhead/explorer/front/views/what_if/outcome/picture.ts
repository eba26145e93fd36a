/** The picture of the view for export: both translations, their numbers, the change of each word. */

import type { Run } from "../../../core/protocol";
import { kind, state } from "../../../core/state/state";
import { format, signed } from "../../../core/text/format";
import { wordsOf } from "../../../core/text/i18n";
import { scoreColour } from "../../../draw/colours";
import type { Item, Scene } from "../../../draw/scene/scene";
import { fitText } from "../../../draw/scene/text";
import { inks, shownTheme } from "../../../draw/theme";
import { visible } from "../../shared/parts";
import { describe } from "../edits/describe";
import { table } from "../words";
import { minus } from "./before_after";
import type { Comparison } from "./result";

const WIDTH = 760;

const LINE = 24;

export function picture(answer: Run, comparison: Comparison | null): Scene {
  const words = wordsOf(table);
  const ink = inks();
  const items: Item[] = [];
  let y = 8;
  const line = (content: string, size = 13, fill = ink.ink, bold = false) => {
    y += LINE;
    items.push({
      kind: "text",
      x: 16,
      y,
      text: fitText(content, WIDTH - 32, size),
      size,
      fill,
      bold,
    });
  };
  const baseline = answer.baseline;
  line(words.count(state.edits.peek().length), 15, ink.ink, true);
  for (const edit of state.edits.peek()) line(`· ${describe(edit, answer)}`);
  if (baseline) {
    const change = signed(minus(answer.log_probability, baseline.log_probability));
    const ofOriginal = signed(minus(baseline.target_log_probability, baseline.log_probability));
    line(`${words.before}: ${baseline.translation}`);
    line(`${words.after}: ${answer.translation ?? ""}`);
    line(
      `${words.measure}, ${words.ofOwn[kind.value]}: ${format(baseline.log_probability)} → ${format(answer.log_probability)} (${change})`,
    );
    line(
      `${words.measure}, ${words.ofOriginal[kind.value]}: ${format(baseline.log_probability)} → ${format(baseline.target_log_probability)} (${ofOriginal})`,
    );
  } else line(answer.translation ?? "");
  if (comparison?.aligned) {
    y += LINE / 2;
    line(words.perWordTitle[kind.value], 13, ink.soft);
    y = wordBars(items, comparison, y);
  }
  const title = baseline
    ? `${baseline.translation} → ${answer.translation ?? ""}`
    : (answer.translation ?? "");
  return {
    title,
    description: words.perWordNote,
    width: WIDTH,
    height: y + 24,
    background: ink.paper,
    items,
  };
}

/** A diverging bar per word of the original translation; returns where they end. */
function wordBars(items: Item[], { before, after }: Comparison, top: number): number {
  const ink = inks();
  const [middle, half] = [380, 180];
  const changes = before.log_probabilities.map((value, place) =>
    minus(after.log_probabilities[place] ?? null, value),
  );
  const most = Math.max(...changes.map((change) => Math.abs(change ?? 0))) || 1;
  changes.forEach((change, place) => {
    const y = top + (place + 1) * LINE;
    const value = change ?? -most;
    const width = (half * Math.abs(value)) / most;
    const x = value < 0 ? middle - width : middle;
    const piece = fitText(visible(before.predicted[place]?.piece ?? ""), 160, 13, true);
    const fill = scoreColour(value, most, shownTheme.peek());
    items.push({ kind: "text", x: 16, y, text: piece, size: 13, fill: ink.ink, mono: true });
    items.push({ kind: "rect", x, y: y - 12, width, height: 15, fill, role: "change" });
    items.push({
      kind: "text",
      x: 600,
      y,
      text: signed(change),
      size: 12,
      fill: ink.ink,
      mono: true,
    });
  });
  const end = top + changes.length * LINE;
  items.push({
    kind: "line",
    x1: middle,
    y1: top + 6,
    x2: middle,
    y2: end + 6,
    stroke: ink.soft,
    strokeWidth: 1,
  });
  return end;
}
