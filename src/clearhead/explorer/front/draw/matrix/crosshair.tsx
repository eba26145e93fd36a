/** Bands over the row and the column of a cell: laid over the table, so that no cell is redrawn. */

import type { JSX, RefObject } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

interface Band {
  left: number;
  top: number;
  width: number;
  height: number;
}

interface Props {
  table: RefObject<HTMLTableElement | null>;
  row: number | null | undefined;
  column: number | null | undefined;
  kind: "selected" | "pointed";
}

export function Crosshair({ table, row, column, kind }: Props): JSX.Element {
  const [bands, setBands] = useState<Band[]>([]);
  const measure = (): void => {
    const next = bandsOf(table.current, row, column);
    setBands((old) => (JSON.stringify(old) === JSON.stringify(next) ? old : next));
  };
  const measureNow = useRef(measure);
  measureNow.current = measure;
  useLayoutEffect(measure);
  // Signals' components with the same properties are not rendered again, and so would not notice
  // that other labels moved the cells: the table, and its corner, tell of it.
  useEffect(() => {
    const observer = new ResizeObserver(() => measureNow.current());
    for (const element of [table.current, table.current?.querySelector(".matrix-corner")])
      if (element) observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return (
    <>
      {bands.map((band, at) => (
        <div key={at} class={`crosshair ${kind}`} aria-hidden="true" style={pixels(band)} />
      ))}
    </>
  );
}

function bandsOf(
  table: HTMLTableElement | null,
  row?: number | null,
  column?: number | null,
): Band[] {
  if (!table) return [];
  const bands: Band[] = [];
  const line = row ?? null;
  const file = column ?? null;
  const inRow = line === null ? null : table.querySelector<HTMLElement>(`td[data-row="${line}"]`);
  if (inRow) {
    bands.push({
      left: 0,
      top: inRow.offsetTop,
      width: table.offsetWidth,
      height: inRow.offsetHeight,
    });
  }
  const inColumn =
    file === null ? null : table.querySelector<HTMLElement>(`td[data-column="${file}"]`);
  if (inColumn) {
    bands.push({
      left: inColumn.offsetLeft,
      top: 0,
      width: inColumn.offsetWidth,
      height: table.offsetHeight,
    });
  }
  return bands;
}

function pixels(band: Band): Record<keyof Band, string> {
  return {
    left: `${band.left}px`,
    top: `${band.top}px`,
    width: `${band.width}px`,
    height: `${band.height}px`,
  };
}
