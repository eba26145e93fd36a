/** The sign of a kind of heads: what its weights look like, five queries by five keys. */

import type { JSX } from "preact";
import type { HeadKind } from "../core/protocol";

/** Cells [query, key], and how dark they are. */
const CELLS: Record<HeadKind, { at: [number, number][]; opacity: number }> = {
  previous: {
    at: [
      [1, 0],
      [2, 1],
      [3, 2],
      [4, 3],
    ],
    opacity: 1,
  },
  next: {
    at: [
      [0, 1],
      [1, 2],
      [2, 3],
      [3, 4],
    ],
    opacity: 1,
  },
  same: {
    at: [
      [0, 0],
      [1, 1],
      [2, 2],
      [3, 3],
      [4, 4],
    ],
    opacity: 1,
  },
  first: {
    at: [
      [0, 0],
      [1, 0],
      [2, 0],
      [3, 0],
      [4, 0],
    ],
    opacity: 1,
  },
  last: {
    at: [
      [0, 4],
      [1, 4],
      [2, 4],
      [3, 4],
      [4, 4],
    ],
    opacity: 1,
  },
  aligned: {
    at: [
      [0, 0],
      [1, 2],
      [2, 1],
      [3, 4],
      [4, 3],
    ],
    opacity: 1,
  },
  broad: { at: Array.from({ length: 25 }, (_, n) => [Math.floor(n / 5), n % 5]), opacity: 0.5 },
  mixed: {
    at: [
      [0, 3],
      [1, 1],
      [2, 4],
      [3, 0],
      [3, 2],
      [4, 3],
    ],
    opacity: 0.45,
  },
};

/** `kind` null is an empty sign. */
export function Sign({ kind, share }: { kind: HeadKind | null; share?: number }): JSX.Element {
  const cells = kind === null ? null : CELLS[kind];
  const path = cells?.at.map(([query, key]) => `M${key + 0.5} ${query + 0.5}h1v1h-1z`).join("");
  // The larger the share, the darker: a half is not as plain as the whole.
  const opacity = (cells?.opacity ?? 1) * (share === undefined ? 1 : 0.4 + 0.6 * share);
  return (
    <svg
      class="map-sign"
      data-kind={kind ?? "unknown"}
      viewBox="0 0 6 6"
      aria-hidden="true"
      focusable="false"
    >
      <rect x="0.25" y="0.25" width="5.5" height="5.5" rx="0.5" />
      {path && <path d={path} opacity={opacity} />}
    </svg>
  );
}
