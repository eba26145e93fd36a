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
  // The text of these two reads a b c a b.
  duplicate: {
    at: [
      [3, 0],
      [4, 1],
    ],
    opacity: 1,
  },
  induction: {
    at: [
      [3, 1],
      [4, 2],
    ],
    opacity: 1,
  },
  local: {
    at: [
      [0, 0],
      [0, 1],
      [1, 0],
      [1, 1],
      [1, 2],
      [2, 1],
      [2, 2],
      [2, 3],
      [3, 2],
      [3, 3],
      [3, 4],
      [4, 3],
      [4, 4],
    ],
    opacity: 0.65,
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

interface SignProps {
  /** null is an empty sign. */
  kind: HeadKind | null;
  share?: number;
  /** Whether the head copies: a dot in the corner that no causal head reaches. */
  copies?: boolean;
}

export function Sign({ kind, share, copies = false }: SignProps): JSX.Element {
  const cells = kind === null ? null : CELLS[kind];
  const path = cells?.at.map(([query, key]) => `M${key + 0.5} ${query + 0.5}h1v1h-1z`).join("");
  // The larger the share, the darker: a half is not as plain as the whole.
  const opacity = (cells?.opacity ?? 1) * (share === undefined ? 1 : 0.4 + 0.6 * share);
  return (
    <svg
      class="map-sign"
      data-kind={kind ?? (copies ? "copying" : "unknown")}
      viewBox="0 0 6 6"
      aria-hidden="true"
      focusable="false"
    >
      <rect x="0.25" y="0.25" width="5.5" height="5.5" rx="0.5" />
      {path && <path d={path} opacity={opacity} />}
      {copies && <circle class="map-copies" cx="4.7" cy="1.3" r="1.15" />}
    </svg>
  );
}
