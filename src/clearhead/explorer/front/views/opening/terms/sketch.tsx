/** One small picture for each term, in the page's own colours. */

import type { JSX } from "preact";
import type { TermName } from "./words";

export function Sketch({ of }: { of: TermName }): JSX.Element {
  return (
    <svg class="term-sketch" viewBox="0 0 120 72" width="120" height="72" aria-hidden="true">
      {of === "query" && <Asking />}
      {of === "key" && <Answering />}
      {of === "head" && <Grid />}
      {of === "logit" && <Scores />}
    </svg>
  );
}

/** One word below sends arrows to three words above. */
function Asking(): JSX.Element {
  return (
    <>
      {[20, 60, 100].map((x, at) => (
        <g key={x}>
          <rect class="soft" x={x - 15} y={4} width={30} height={14} rx={3} />
          <line x1={60} y1={52} x2={x} y2={20} stroke-width={[1.5, 6, 1.5][at]} />
        </g>
      ))}
      <rect class="strong" x={40} y={53} width={40} height={15} rx={3} />
    </>
  );
}

/** One word above is met by arrows from three words below. */
function Answering(): JSX.Element {
  return (
    <>
      <rect class="strong" x={40} y={4} width={40} height={15} rx={3} />
      {[20, 60, 100].map((x, at) => (
        <g key={x}>
          <line x1={x} y1={52} x2={60} y2={20} stroke-width={[6, 1.5, 1.5][at]} />
          <rect class="soft" x={x - 15} y={54} width={30} height={14} rx={3} />
        </g>
      ))}
    </>
  );
}

/** A small table of weights with a dark cell in each row. */
function Grid(): JSX.Element {
  const dark = [0, 2, 1, 3];
  return (
    <>
      {dark.flatMap((column, row) =>
        [0, 1, 2, 3].map((at) => (
          <rect
            key={`${row} ${at}`}
            class={at === column ? "strong" : "soft"}
            x={28 + 16 * at}
            y={4 + 16 * row}
            width={15}
            height={15}
          />
        )),
      )}
    </>
  );
}

/** Bars of scores, one of them the tallest. */
function Scores(): JSX.Element {
  return (
    <>
      {[18, 30, 58, 12, 24].map((height, at) => (
        <rect
          key={at}
          class={at === 2 ? "strong" : "soft"}
          x={14 + 19 * at}
          y={68 - height}
          width={14}
          height={height}
        />
      ))}
    </>
  );
}
