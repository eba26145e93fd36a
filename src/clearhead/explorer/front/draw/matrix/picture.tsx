/** A whole matrix as a small picture on a canvas. */

import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

import { bytesOf, hex, type Inks, type Theme } from "../colours";
import { isMasked, type MatrixData } from "../scene/items";
import { hatchSegments } from "../scene/scene";
import { inks, shownTheme } from "../theme";

export interface PictureProps {
  data: MatrixData;
  /** Pixels of the longer side. */
  side: number;
  /** What it shows, for those who cannot see it; none where the words stand beside it. */
  label?: string;
  /** Paint it only while it is near the screen: of a thousand heads, few are. */
  lazy?: boolean;
}

/** Width and height of a picture whose cells are square, unless that would make a thread of it. */
export function pictureSize(data: MatrixData, side: number): { width: number; height: number } {
  const cell = side / Math.max(data.rows, data.columns);
  const least = Math.min(side, 12);
  return {
    width: Math.max(least, Math.round(cell * data.columns)),
    height: Math.max(least, Math.round(cell * data.rows)),
  };
}

export function Picture({ data, side, label, lazy = false }: PictureProps): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null);
  const near = useNear(canvas) || !lazy;
  const theme = shownTheme.value;
  const { width, height } = pictureSize(data, side);
  useEffect(() => {
    const surface = canvas.current;
    if (!surface || !near) return;
    const ratio = Math.min(3, window.devicePixelRatio || 1);
    surface.width = Math.round(width * ratio);
    surface.height = Math.round(height * ratio);
    const context = surface.getContext("2d");
    if (context) paintPicture(context, data, theme, inks());
    return () => {
      surface.width = surface.height = 0; // gives the pixels back
    };
  }, [data, near, theme, width, height]);
  return (
    <canvas
      ref={canvas}
      class="picture"
      style={{ width: `${width}px`, height: `${height}px` }}
      role={label ? "img" : undefined}
      aria-label={label}
      aria-hidden={label ? undefined : "true"}
    />
  );
}

/** Whether an element is on the screen, or nearly. */
export function useNear(element: { current: Element | null }): boolean {
  const [near, setNear] = useState(false);
  useEffect(() => {
    const watched = element.current;
    if (!watched) return;
    const observer = new IntersectionObserver(
      (entries) => setNear(entries.some((entry) => entry.isIntersecting)),
      { rootMargin: "300px" },
    );
    observer.observe(watched);
    return () => observer.disconnect();
  }, []);
  return near;
}

/** Fill a canvas with the cells of a matrix, on whole pixels, masked ones hatched. */
export function paintPicture(
  context: CanvasRenderingContext2D,
  data: MatrixData,
  theme: Theme,
  colours: Inks,
): void {
  const { width, height } = context.canvas;
  const edge = (at: number, of: number, size: number): number => Math.round((at * size) / of);
  context.fillStyle = colours.panel;
  context.fillRect(0, 0, width, height);
  context.beginPath();
  for (let row = 0; row < data.rows; row += 1) {
    const [top, bottom] = [edge(row, data.rows, height), edge(row + 1, data.rows, height)];
    for (let column = 0; column < data.columns; column += 1) {
      const left = edge(column, data.columns, width);
      const right = edge(column + 1, data.columns, width);
      if (isMasked(data, row, column)) {
        const box = { x: left, y: top, width: right - left, height: bottom - top, spacing: 6 };
        for (const [x1, y1, x2, y2] of hatchSegments(box)) {
          context.moveTo(x1, y1);
          context.lineTo(x2, y2);
        }
        continue;
      }
      const value = data.values[row * data.columns + column]!;
      context.fillStyle = hex(bytesOf(data.kind, value, data.max ?? 0, theme));
      context.fillRect(left, top, right - left, bottom - top);
    }
  }
  context.strokeStyle = colours.soft;
  context.lineWidth = 1;
  context.stroke();
}
