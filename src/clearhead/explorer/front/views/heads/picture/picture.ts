/** The view as one picture: the locked head with the chosen query's lines, and all heads. They stand
 * beside or below one another, whichever is less high. */

import { attention, run, state } from "../../../core/state/state";
import { wordsOf } from "../../../core/text/i18n";
import { isWhole } from "../../../draw/matrix/window";
import { boundsOf, moved } from "../../../draw/scene/bounds";
import type { Item } from "../../../draw/scene/scene";
import { headPlace } from "../../../draw/slide/frame";
import { colourScale } from "../../../draw/slide/scales";
import { CONTENT_WIDTH, type Picture } from "../../../draw/slide/slide";
import { table as drawing } from "../../../draw/words";
import { lockedTile } from "../data";
import { table } from "../words";
import { grid, gridColumn, layerCount, SIDE } from "./grid";
import { linesBlock, matrixBlock } from "./locked";

const GAP = 44;

export function picture(): Picture | null {
  const [answer, entry] = [run.value, attention.value];
  if (!answer || !entry) return null;
  const words = wordsOf(table);
  const tile = lockedTile.value;
  const all = grid(CONTENT_WIDTH);
  const [one, other] = [below(all.items), beside()];
  const items = other && heightOf(other) < heightOf(one) ? other : one;
  // Said where it is not all.
  const window = tile && isWhole(tile.window, entry.queries, entry.keys) ? null : tile?.window;
  const name = headPlace(entry.part, entry.layer, state.head.value);
  const range = ([start, stop]: readonly [number, number]): string => `${start}–${stop - 1}`;
  const shown = window && words.sceneWindow(range(window.rows), range(window.columns));
  return {
    title: words.sceneAll,
    description: `${entry.path}.weights`,
    caption: [wordsOf(drawing).slideAxes, words.sceneCaption, all.note].filter(Boolean).join(" "),
    place: shown ? `${name}, ${shown}` : name,
    scales: [
      colourScale(
        "weight",
        1,
        items.some(({ kind }) => kind === "hatch"),
      ),
    ],
    items,
  };
}

/** The matrix and the lines side by side, all heads below them. */
function below(all: Item[]): Item[] {
  const matrix = matrixBlock(640);
  if (!matrix.length) return all;
  const left = widthOf(matrix) + GAP;
  const lines = linesBlock(CONTENT_WIDTH - left, heightOf(matrix));
  const above = [...at(matrix, 0, 0), ...at(lines, left, 0)];
  return [...above, ...at(all, 0, heightOf(above) + GAP)];
}

/** All heads in one column, the matrix and the lines in another; null where they do not fit. The small
 * pictures are as large as makes the columns equally high, as far as there is room. */
function beside(): Item[] | null {
  const smallest = columnsWith(SIDE.least);
  if (!smallest) return null;
  const [left, right] = smallest.map(heightOf) as [number, number];
  const more = (right - left) / layerCount();
  const larger = more > 1 ? columnsWith(Math.min(SIDE.most, SIDE.least + Math.floor(more))) : null;
  const [all, locked] = larger ?? smallest;
  return [...at(all, 0, 0), ...at(locked, widthOf(all) + GAP, 0)];
}

/** The two columns, with small pictures of so many pixels. */
function columnsWith(side: number): [Item[], Item[]] | null {
  const all = gridColumn(side);
  const room = CONTENT_WIDTH - widthOf(all) - GAP;
  if (room < 420) return null;
  const matrix = matrixBlock(room);
  const width = widthOf(matrix);
  if (!matrix.length || width > room) return null;
  const lines = linesBlock(Math.max(420, width), 0);
  return [all, [...at(matrix, 0, 0), ...at(lines, 0, heightOf(matrix) + GAP)]];
}

function widthOf(items: Item[]): number {
  const { left, right } = boundsOf(items);
  return right - left;
}

function heightOf(items: Item[]): number {
  const { top, bottom } = boundsOf(items);
  return bottom - top;
}

/** Items with their upper left corner there. */
function at(items: Item[], x: number, y: number): Item[] {
  const { left, top } = boundsOf(items);
  return items.map((item) => moved(item, x - left, y - top));
}
