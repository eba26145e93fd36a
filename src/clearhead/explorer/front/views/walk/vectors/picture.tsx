/** The coloured cells on a canvas, and what marks some of them. */

import type { JSX } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { shownTheme } from "../../../draw/theme";
import { boxOf, type Layout, paintCells } from "./cells";
import type { VectorsProps } from "./props";

interface PictureProps extends VectorsProps {
  rowCount: number;
  layout: Layout;
}

export function Picture({
  layout,
  index,
  max,
  from,
  rowCount,
  columns,
}: PictureProps): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null);
  const theme = shownTheme.value;
  useLayoutEffect(() => {
    const begin = (row: number): number => from.offset(index(row, 0));
    if (canvas.current)
      paintCells(canvas.current, layout, { values: from.values, begin, max, theme });
  }, [from.array, layout.width, layout.height, layout.perLine, max, theme, rowCount, columns]);
  return (
    // biome-ignore lint/a11y/noAriaHiddenOnFocusable: a canvas without a tabindex takes no focus
    <canvas
      ref={canvas}
      aria-hidden="true"
      style={{ width: `${layout.width}px`, height: `${layout.height}px` }}
    />
  );
}

export function Band({ layout, row }: { layout: Layout; row: number }): JSX.Element {
  const top = boxOf(layout, row, 0).top;
  const height = layout.lines * (layout.lineHeight + layout.gap) - layout.gap;
  return (
    <div
      class="walk-vectors-band"
      aria-hidden="true"
      style={{ top: `${top}px`, height: `${height}px`, width: `${layout.width}px` }}
    />
  );
}

/** What covers the rows that have not been reached, and a frame for the row at hand. */
export function Ahead({ layout, row }: { layout: Layout; row: number }): JSX.Element {
  const top = boxOf(layout, row, 0).top;
  const width = `${layout.width}px`;
  const now = row > 0 ? boxOf(layout, row - 1, 0).top : null;
  return (
    <>
      <div
        class="walk-vectors-ahead"
        aria-hidden="true"
        style={{ top: `${top}px`, height: `${layout.height - top}px`, width }}
      />
      {now !== null && (
        <div
          class="walk-vectors-now"
          aria-hidden="true"
          style={{ top: `${now}px`, height: `${top - layout.gap - now}px`, width }}
        />
      )}
    </>
  );
}

/** A bracket under a part of the vector, line by line where it wraps. */
export function Span({ layout, span }: { layout: Layout; span: [number, number] }): JSX.Element {
  const boxes = [];
  for (let at = span[0]; at < span[1]; ) {
    const stop = Math.min(span[1], (Math.floor(at / layout.perLine) + 1) * layout.perLine);
    const [first, last] = [boxOf(layout, 0, at), boxOf(layout, 0, stop - 1)];
    boxes.push({ ...first, width: last.left + last.width - first.left });
    at = stop;
  }
  return (
    <>
      {boxes.map((box, place) => (
        <div
          key={place}
          class="walk-vectors-band"
          aria-hidden="true"
          style={{
            left: `${box.left}px`,
            top: `${box.top}px`,
            width: `${box.width}px`,
            height: `${box.height}px`,
          }}
        />
      ))}
    </>
  );
}
