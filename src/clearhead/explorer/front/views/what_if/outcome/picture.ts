/** The picture of the view for export: both translations, their numbers, the change of each word. */

import type { Run } from "../../../core/protocol";
import { kind, state } from "../../../core/state/state";
import { format, signed } from "../../../core/text/format";
import { wordsOf } from "../../../core/text/i18n";
import { scoreColour } from "../../../draw/colours";
import type { Item } from "../../../draw/scene/scene";
import { fitText, widest } from "../../../draw/scene/text";
import { linesOf } from "../../../draw/slide/lines";
import { barScale, type Scale } from "../../../draw/slide/scales";
import { CONTENT_WIDTH, type Picture } from "../../../draw/slide/slide";
import { inks, shownTheme, TYPE } from "../../../draw/theme";
import { visible } from "../../shared/parts";
import { describe } from "../edits/describe";
import { table } from "../words";
import { minus } from "./before_after";
import type { Comparison } from "./result";

const LINE = 30;

/** Of a word: how wide its name may be, and its bar is. */
const NAME = 300;
const BAR = 520;
/** Right edges of its three numbers, from the bar's. */
const NUMBERS = { before: 110, after: 220, change: 340 };
const MONO = { mono: true };

interface Block {
  items: Item[];
  bottom: number;
}

/** Null while nothing is edited: there is no before and no after. */
export function picture(answer: Run, comparison: Comparison | null): Picture | null {
  const words = wordsOf(table);
  const baseline = answer.baseline;
  if (!baseline) return null;
  const edits = state.edits.peek().map((edit) => describe(edit, answer));
  const moves = baseline.output_change;
  const texts: Block = moves
    ? { items: [], bottom: 0 }
    : textItems(baseline.translation, answer.translation);
  const scores: Block = moves ? texts : scoreItems(answer, baseline, texts.bottom + 12);
  const bars = moves
    ? moveItems(answer, moves, scores.bottom)
    : comparison?.aligned
      ? wordItems(comparison, scores.bottom + 24)
      : { items: [], scales: [] };
  return {
    title: `${baseline.translation ?? answer.text ?? ""} → ${answer.translation ?? ""}`,
    description: moves ? words.outputNote : words.perWordNote,
    caption: edits.join(" · "),
    place: "",
    scales: bars.scales,
    items: [...texts.items, ...(moves ? [] : scores.items), ...bars.items],
  };
}

/** Before and after, in large type. */
function textItems(before: string | null, after: string | null): Block {
  const words = wordsOf(table);
  const ink = inks();
  const items: Item[] = [];
  let y = 0;
  for (const [name, text] of [
    [words.before, before],
    [words.after, after],
  ] as const) {
    const style = { x: 0, size: TYPE.text, fill: ink.soft };
    items.push({ kind: "text", ...style, y: y + 26, text: name });
    for (const line of linesOf(text ?? "", CONTENT_WIDTH - 100, TYPE.title, { serif: true })) {
      const serif = { size: TYPE.title, fill: ink.ink, serif: true, role: "outcome" };
      items.push({ kind: "text", x: 100, y: y + 26, text: line, ...serif });
      y += 34;
    }
    y = Math.max(y, 34) + 4;
  }
  return { items, bottom: y };
}

/** The log-probabilities of either text, before, after and their difference. */
function scoreItems(answer: Run, baseline: NonNullable<Run["baseline"]>, top: number): Block {
  const words = wordsOf(table);
  const before = baseline.log_probability;
  const rows: [string, number | null][] = [
    [words.ofOwn[kind.peek()], answer.log_probability],
    [words.ofOriginal[kind.peek()], baseline.target_log_probability],
  ];
  const items = rows.map(([name, after], row): Item => {
    const change = signed(minus(after, before));
    const text = `${words.measure} ${name}: ${format(before)} → ${format(after)} (${change})`;
    const style = { size: TYPE.text, fill: inks().ink };
    return { kind: "text", x: 0, y: top + 16 + row * 24, text, ...style };
  });
  return { items, bottom: top + 24 * rows.length };
}

interface Bars {
  items: Item[];
  scales: Scale[];
}

/** A diverging bar for each word of the original translation. */
function wordItems({ before, after }: Comparison, top: number): Bars {
  const words = wordsOf(table);
  const ink = inks();
  const names = before.predicted.map(({ piece }) => visible(piece));
  const bar = widest(names, NAME, TYPE.text, MONO) + 20;
  const rows = before.log_probabilities.map((one, place) => {
    const other = after.log_probabilities[place] ?? null;
    return { one, other, change: minus(other, one) };
  });
  const most = Math.max(...rows.map(({ change }) => Math.abs(change ?? 0))) || 1;
  const heading = { y: top + 14, size: TYPE.small, fill: ink.soft, anchor: "end" as const };
  const columns: Item[] = (["before", "after", "change"] as const).map((name) => ({
    kind: "text",
    x: bar + BAR + NUMBERS[name],
    text: words[name],
    ...heading,
  }));
  const title = { size: TYPE.text, fill: ink.ink, bold: true };
  const name: Item = {
    kind: "text",
    x: 0,
    y: top + 14,
    text: words.perWordTitle[kind.peek()],
    ...title,
  };
  const items = rows.flatMap(({ one, other, change }, place): Item[] => {
    const y = top + 28 + place * LINE;
    const text = { y: y + 16, size: TYPE.text, fill: ink.ink };
    const end = { ...text, anchor: "end" as const };
    const value = change ?? -most;
    const size = ((BAR / 2) * Math.abs(value)) / most;
    const x = bar + BAR / 2 - (value < 0 ? size : 0);
    const fill = scoreColour(Math.sign(value), 1, shownTheme.peek());
    const box = { y: y + 1, height: 19 };
    const numbers = { before: format(one), after: format(other), change: signed(change) };
    return [
      {
        kind: "text",
        x: 0,
        text: fitText(names[place] ?? "", NAME, TYPE.text, MONO),
        ...MONO,
        ...text,
      },
      { kind: "rect", x: bar, width: BAR, ...box, stroke: ink.line, role: "bar" },
      { kind: "rect", x, width: size, ...box, fill, role: "change" },
      ...(["before", "after", "change"] as const).map(
        (column): Item => ({
          kind: "text",
          x: bar + BAR + NUMBERS[column],
          text: numbers[column],
          bold: column === "change",
          ...end,
        }),
      ),
    ];
  });
  const scale = barScale(`${words.change}, ${words.measure.toLowerCase()}`, most, true);
  return { items: [name, ...columns, ...items], scales: [scale] };
}

/** How far each vector moved, of a model that predicts no words. */
function moveItems(answer: Run, moves: number[], top: number): Bars {
  const words = wordsOf(table);
  const ink = inks();
  const most = Math.max(...moves);
  const names = answer.source.map(({ piece }) => visible(piece));
  const bar = widest(names, NAME, TYPE.text, MONO) + 20;
  const title = { size: TYPE.text, fill: ink.ink, bold: true };
  const heading: Item = { kind: "text", x: 0, y: top + 14, text: words.outputTitle, ...title };
  const items = moves.flatMap((value, place): Item[] => {
    const y = top + 28 + place * LINE;
    const text = { y: y + 16, size: TYPE.text, fill: ink.ink };
    const box = { x: bar, y: y + 1, height: 19 };
    const width = most ? (BAR * value) / most : 0;
    return [
      {
        kind: "text",
        x: 0,
        text: fitText(names[place] ?? "", NAME, TYPE.text, MONO),
        ...MONO,
        ...text,
      },
      { kind: "rect", ...box, width: BAR, stroke: ink.line, role: "bar" },
      { kind: "rect", ...box, width, fill: ink.accent, role: "change" },
      { kind: "text", x: bar + BAR + 16, text: format(value), ...text },
    ];
  });
  return { items: [heading, ...items], scales: [barScale(words.change, most, false)] };
}
