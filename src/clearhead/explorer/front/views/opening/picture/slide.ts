/** The opening picture for export: the words of both texts and the ribbons between them. */

import { useEffect } from "preact/hooks";
import type { Alignment, Run } from "../../../core/protocol";
import { kind, run } from "../../../core/state/state";
import { wordsOf } from "../../../core/text/i18n";
import type { Bounds, Item } from "../../../draw/scene/scene";
import { fitText, widthOf } from "../../../draw/scene/text";
import { headPlace } from "../../../draw/slide/frame";
import { widthScale } from "../../../draw/slide/scales";
import { CONTENT_WIDTH, type Picture } from "../../../draw/slide/slide";
import { inks, TYPE } from "../../../draw/theme";
import { visible } from "../../shared/parts";
import { table } from "../words";
import { type Layout, layOut, type Place, ribbon } from "./layout";
import { type Chosen, LEAST, mood } from "./ribbons";

interface Shown {
  answer: Run;
  alignment: Alignment;
  current: Chosen | null;
  /** What is said about it. */
  caption: string;
  /** Whether a key is hidden from the model. */
  hidden: (place: number) => boolean;
}

/** What the page shows, for the export menu. */
let shown: Shown | null = null;

export function useForExport(next: Shown): void {
  useEffect(() => {
    shown = next;
    return () => {
      shown = null;
    };
  });
}

const SERIF = { serif: true };
const SIZES = [TYPE.display, TYPE.title, TYPE.lead, TYPE.text];
/** Of two columns, for texts that are too long for rows. */
const COLUMNS = { width: 820, scale: TYPE.text / 18 };

/** The ribbons of the run that the page shows; null while there are none. */
export function openingPicture(): Picture | null {
  if (!shown || shown.answer !== run.peek()) return null;
  const { alignment, caption } = shown;
  const { keys, queries, heads, part } = alignment;
  const words = wordsOf(table);
  const best = heads[0];
  const layout = layoutOf(
    keys.map(({ text }) => visible(text)),
    queries.map(({ text }) => visible(text)),
  );
  return {
    title: words.title[kind.peek()],
    description: words.ribbons[kind.peek()],
    caption,
    place: best ? headPlace(part, best.layer, best.head) : "",
    scales: [widthScale(layout.widest ?? 0, LEAST)],
    centred: true,
    items: [
      ...ribbonItems(shown, layout),
      ...wordItems(shown, layout, "key"),
      ...wordItems(shown, layout, "query"),
    ],
  };
}

function layoutOf(keys: string[], queries: string[]): Layout {
  const measure = (text: string, size: number): number => widthOf(text, size, SERIF);
  const rows = layOut(keys, queries, CONTENT_WIDTH, measure, 1, SIZES);
  const layout = rows.upright
    ? rows
    : layOut(keys, queries, COLUMNS.width, measure, COLUMNS.scale, []);
  // One scale for all ribbons, so that it can stand beside them: the narrowest word bears the widest.
  const narrowest = Math.min(...[...layout.keys, ...layout.queries].map(({ width }) => width - 6));
  return { ...layout, widest: layout.upright ? Math.min(26, narrowest) : 20 };
}

/** The ribbons, those that stand out above the others. */
function ribbonItems({ alignment, current }: Shown, layout: Layout): Item[] {
  const ink = inks();
  const colours = { strong: ink.accent, plain: ink.ribbon, faint: ink.line };
  const order = ["faint", "plain", "strong"];
  const strong = alignment.crossing ?? [];
  const ribbons = alignment.weights.flatMap((row, query) =>
    row.flatMap((weight, key) =>
      weight < LEAST ? [] : [{ query, key, weight, mood: mood(current, query, key, strong) }],
    ),
  );
  return ribbons
    .sort((one, other) => order.indexOf(one.mood) - order.indexOf(other.mood))
    .map(({ query, key, weight, mood: own }) => ({
      kind: "path",
      x: 0,
      y: 0,
      box: boxOf(layout.queries[query]!, layout.keys[key]!, weight, layout),
      d: ribbon(layout, query, key, weight),
      fill: colours[own],
      opacity: Math.round(100 * (0.25 + 0.6 * Math.min(1, weight))) / 100,
      role: "ribbon",
    }));
}

/** Of a ribbon, without where it touches the words: those stand further out. */
function boxOf(query: Place, key: Place, weight: number, { upright, widest = 0 }: Layout): Bounds {
  const half = upright ? (weight * widest) / 2 : 0;
  const [one, other] = upright
    ? [query.x + query.width / 2, key.x + key.width / 2]
    : [query.x, key.x + key.width];
  return {
    left: Math.min(one, other) - half,
    right: Math.max(one, other) + half,
    top: Math.min(query.y, key.y),
    bottom: Math.max(query.y, key.y),
  };
}

function wordItems(
  { alignment, current, hidden }: Shown,
  layout: Layout,
  side: Chosen["side"],
): Item[] {
  const ink = inks();
  const [words, places] =
    side === "key" ? [alignment.keys, layout.keys] : [alignment.queries, layout.queries];
  return words.flatMap((word, at): Item[] => {
    const { x, y, width, height } = places[at]!;
    const here = current?.side === side && current.at === at;
    const strike = side === "key" && hidden(at);
    const text = fitText(visible(word.text), width + 1, layout.size, SERIF);
    const place = { x: x + width / 2, y: y + height / 2 + 0.35 * layout.size };
    const style = { size: layout.size, serif: true, strike, anchor: "middle" as const };
    const fill = here ? ink.paper : strike ? ink.soft : ink.ink;
    const ground: Item = { kind: "rect", x, y, width, height, fill: ink.accent };
    return [
      ...(here ? [ground] : []),
      { kind: "text", ...place, text, fill, ...style, role: `word-${side}` },
    ];
  });
}
