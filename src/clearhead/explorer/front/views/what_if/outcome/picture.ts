/** The picture of the view for export: both translations, their numbers, the change of each word. */

import type { Run, Token } from "../../../core/protocol";
import { kind, state } from "../../../core/state/state";
import { format, signed } from "../../../core/text/format";
import { wordsOf } from "../../../core/text/i18n";
import { boundsOf } from "../../../draw/scene/bounds";
import type { Box } from "../../../draw/scene/items";
import type { Item } from "../../../draw/scene/scene";
import { fitText, widest } from "../../../draw/scene/text";
import { linesOf } from "../../../draw/slide/lines";
import { AT_END, barItems, divergingItems, MONO, soft, textItem } from "../../../draw/slide/marks";
import { barScale, type Scale } from "../../../draw/slide/scales";
import { CONTENT_WIDTH, type Picture } from "../../../draw/slide/slide";
import { inks, TYPE } from "../../../draw/theme";
import { visible } from "../../shared/parts";
import { describe } from "../edits/describe";
import { table } from "../words";
import { minus } from "./before_after";
import type { Comparison } from "./result";

const LINE = 30;

/** Of a word: how wide its name may be, and its bar is at least. */
const NAME = 300;
const BAR = 520;
/** Right edges of its three numbers, from the bar's. */
const NUMBERS = [110, 220, 340] as const;
/** Where before and after begin. */
const OUTCOME = 100;

interface Block {
  items: Item[];
  bottom: number;
}

/** Null while nothing is edited: there is no before and no after. */
export function picture(answer: Run, comparison: Comparison | null): Picture | null {
  const view = wordsOf(table);
  const baseline = answer.baseline;
  if (!baseline) return null;
  const edits = state.edits.peek().map((edit) => describe(edit, answer));
  const moves = baseline.output_change;
  const texts: Block = moves
    ? { items: [], bottom: 0 }
    : textItems(baseline.translation, answer.translation);
  const scores: Block = moves ? texts : scoreItems(answer, baseline, texts.bottom + 12);
  const bars = moves
    ? moveItems(answer, moves)
    : comparison?.aligned
      ? wordItems(comparison, scores.bottom + 24, boundsOf(texts.items).right)
      : { items: [], scales: [] };
  return {
    title: `${baseline.translation ?? answer.text ?? ""} → ${answer.translation ?? ""}`,
    description: moves ? view.outputNote : view.perWordNote,
    caption: edits.join(" · "),
    place: "",
    scales: bars.scales,
    items: [...texts.items, ...(moves ? [] : scores.items), ...bars.items],
  };
}

/** Before and after, in large type. */
function textItems(before: string | null, after: string | null): Block {
  const view = wordsOf(table);
  const large = { size: TYPE.title, serif: true, role: "outcome" };
  const items: Item[] = [];
  let y = 26;
  for (const [name, text] of [
    [view.before, before],
    [view.after, after],
  ] as const) {
    items.push(textItem(0, y, name, { fill: inks().soft }));
    const lines = linesOf(text ?? "", CONTENT_WIDTH - OUTCOME, TYPE.title, large);
    items.push(...lines.map((line, place) => textItem(OUTCOME, y + 34 * place, line, large)));
    y += 34 * Math.max(1, lines.length) + 4;
  }
  return { items, bottom: y - 26 };
}

/** The log-probabilities of either text, before, after and their difference. */
function scoreItems(answer: Run, baseline: NonNullable<Run["baseline"]>, top: number): Block {
  const view = wordsOf(table);
  const before = baseline.log_probability;
  const rows: [string, number | null][] = [
    [view.ofOwn[kind.peek()], answer.log_probability],
    [view.ofOriginal[kind.peek()], baseline.target_log_probability],
  ];
  const items = rows.map(([name, after], row): Item => {
    const change = signed(minus(after, before));
    const text = `${view.measure} ${name}: ${format(before)} → ${format(after)} (${change})`;
    return textItem(0, top + 16 + row * 24, text);
  });
  return { items, bottom: top + 24 * rows.length };
}

interface Bars {
  items: Item[];
  scales: Scale[];
}

/** A diverging bar for each word of the original translation, and three numbers. */
function wordItems({ before, after }: Comparison, top: number, right: number): Bars {
  const view = wordsOf(table);
  const rows = before.log_probabilities.map((one, place) => {
    const other = after.log_probabilities[place] ?? null;
    return { one, other, change: minus(other, one) };
  });
  const most = Math.max(...rows.map(({ change }) => Math.abs(change ?? 0))) || 1;
  const bars = rowsOf(
    before.predicted,
    view.perWordTitle[kind.peek()],
    { top, right },
    (box, place) => {
      const { one, other, change } = rows[place]!;
      const texts = [format(one), format(other), signed(change)];
      return [
        ...divergingItems(box, (change ?? -most) / most, "change"),
        ...texts.map((text, column) =>
          textItem(box.x + box.width + NUMBERS[column]!, box.y + 15, text, {
            ...AT_END,
            bold: column === 2,
          }),
        ),
      ];
    },
  );
  const titles = [view.before, view.after, view.change].map((text, column) =>
    textItem(bars.end + NUMBERS[column]!, top + 14, text, { ...soft(), ...AT_END }),
  );
  const scale = barScale(`${view.change}, ${view.measure.toLowerCase()}`, most, true);
  return { items: [...bars.items, ...titles], scales: [scale] };
}

/** How far each vector moved, of a model that predicts no words. */
function moveItems(answer: Run, moves: number[]): Bars {
  const view = wordsOf(table);
  const most = Math.max(...moves);
  const { items } = rowsOf(answer.source, view.outputTitle, { top: 0, right: 0 }, (box, place) => {
    const value = moves[place] ?? 0;
    return [
      ...barItems(box, most ? value / most : 0, inks().accent, "change"),
      textItem(box.x + box.width + 16, box.y + 15, format(value)),
    ];
  });
  return { items, scales: [barScale(view.change, most, false)] };
}

/** A row for each token, with what is drawn for it in and beside a box. The numbers beside it end at
 * `right`, where the boxes are not too short for that; the boxes end at `end`. */
function rowsOf(
  tokens: Token[],
  title: string,
  { top, right }: { top: number; right: number },
  draw: (box: Box, place: number) => Item[],
): { end: number; items: Item[] } {
  const names = tokens.map(({ piece }) => visible(piece));
  const x = widest(names, NAME, TYPE.text, MONO) + 20;
  const width = Math.max(BAR, right - x - NUMBERS[2]!);
  const items = names.flatMap((name, place) => {
    const y = top + 28 + place * LINE;
    return [
      textItem(0, y + 16, fitText(name, NAME, TYPE.text, MONO), MONO),
      ...draw({ x, y: y + 1, width, height: 19 }, place),
    ];
  });
  return { end: x + width, items: [textItem(0, top + 14, title, { bold: true }), ...items] };
}
