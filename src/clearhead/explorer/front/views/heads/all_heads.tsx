/** Layers by heads as small pictures, one grid for each part of the model. */

import type { JSX } from "preact";
import { useRef, useState } from "preact/hooks";
import { atMostWide } from "../../core/host/tree";
import type { Run } from "../../core/protocol";
import { fit } from "../../core/state/running";
import { kind, run, setState, state } from "../../core/state/state";
import { plainDecimal } from "../../core/text/format";
import { lookUp, wordsOf } from "../../core/text/i18n";
import { type Cell, nextCell } from "../../draw/matrix/grid_keys";
import { Picture, useNear } from "../../draw/matrix/picture";
import type { Range } from "../../draw/matrix/window";
import { headPicture, overviewOf, type PartLayers, pagesOf, partsOf, recorded } from "./data";
import { table } from "./words";

/** Pixels of a picture's longer side; four of them fit beside their layer's name on a phone. */
const SIDE = { wide: 72, narrow: 58, many: 48, dense: 24, denseNarrow: 20 };
const MANY = 8;

const narrow = atMostWide(30);

export function partName(part: string): string {
  return lookUp(wordsOf(table).parts, part) ?? part;
}

export function AllHeads(): JSX.Element | null {
  const answer = run.value;
  if (!answer) return null;
  return (
    <>
      {partsOf(answer).map((part) => (
        <PartGrid key={part.part} answer={answer} part={part} />
      ))}
    </>
  );
}

/** A stack alone attends otherwise than one of a translation. */
function meaningOf(part: string): string {
  if (kind.value === "encoder" && part === "encoder") return "alone";
  return kind.value === "generation" && part === "decoder" ? "causal" : part;
}

/** Whether heads are so many that their pictures stand side by side without their names. */
function isDense({ layers }: PartLayers): boolean {
  return !recorded() && (layers[0]?.heads ?? 0) > MANY;
}

interface PartProps {
  answer: Run;
  part: PartLayers;
}

function PartGrid({ answer, part }: PartProps): JSX.Element | null {
  const grid = useRef<HTMLDivElement>(null);
  const [stop, setStop] = useState<Cell | null>(null);
  const words = wordsOf(table);
  const meaning = lookUp(words.partMeanings, meaningOf(part.part));
  const first = part.layers[0];
  if (!first) return null;
  const heads = first.heads;
  const here = state.part.value === part.part;
  const lockedCell = here ? { row: state.layer.value, column: state.head.value } : null;
  const focus = stop ?? lockedCell ?? { row: 0, column: 0 };
  const pages = pagesOf(part);

  const onKeyDown = (event: KeyboardEvent): void => {
    const at = headOf(event.target);
    const bounds = { rows: [0, part.layers.length] as const, columns: [0, heads] as const };
    const next = at && nextCell(at, event, bounds, 4);
    if (!next) return;
    event.preventDefault();
    setStop(next);
    headButton(grid.current, next)?.focus();
  };
  return (
    <section class="heads-part">
      <h4>
        {partName(part.part)}
        {meaning && <span>: {meaning}</span>}
      </h4>
      <p class="soft">
        {words.size(part.layers.length, heads, first.queries, first.keys)}
        {pages.length > 1 && <> {words.pages(pages[0]![1] - pages[0]![0])}</>}
      </p>
      <div
        ref={grid}
        class={isDense(part) ? "heads-grid dense" : "heads-grid"}
        role="grid"
        aria-label={partName(part.part)}
        onKeyDown={onKeyDown}
        onFocusIn={(event) => setStop(headOf(event.target))}
        onFocusOut={() => setStop(null)}
      >
        {pages.map((page) => (
          <Page key={page[0]} answer={answer} part={part} page={page} stop={focus} />
        ))}
      </div>
    </section>
  );
}

function headOf(target: EventTarget | null): Cell | null {
  const button =
    target instanceof Element ? target.closest<HTMLElement>("button[data-head]") : null;
  return button ? { row: Number(button.dataset.layer), column: Number(button.dataset.head) } : null;
}

function headButton(grid: HTMLElement | null, { row, column }: Cell): HTMLElement | null {
  return grid?.querySelector(`button[data-layer="${row}"][data-head="${column}"]`) ?? null;
}

interface PageProps extends PartProps {
  page: Range;
  stop: Cell;
}

/** Some layers of a part, asked for when they come near the screen. */
function Page({ answer, part, page, stop }: PageProps): JSX.Element {
  const element = useRef<HTMLDivElement>(null);
  const near = useNear(element);
  const shouldLoad = useRef(false);
  shouldLoad.current ||= near || !recorded();
  const overview = shouldLoad.current ? overviewOf(answer, part, page).value : null;
  const words = wordsOf(table);
  const failed = overview instanceof Error;
  const many = (part.layers[0]?.heads ?? 0) > MANY;
  const dense = isDense(part);
  const usual = narrow.value ? SIDE.narrow : SIDE.wide;
  const denseSide = narrow.value ? SIDE.denseNarrow : SIDE.dense;
  const side = dense ? denseSide : many ? SIDE.many : usual;
  return (
    <div class="heads-page" role="rowgroup" ref={element}>
      {!failed && overview?.pooled && (
        <p class="soft" role="presentation">
          {words.pooled(overview.block[0], overview.block[1])}
        </p>
      )}
      {failed && (
        <p class="heads-failed" role="presentation">
          {words.failed} {overview.message}
        </p>
      )}
      {part.layers.slice(page[0], page[1]).map(({ layer, heads }, line) => (
        <div class="heads-row" role="row" key={layer}>
          <span class="heads-layer" role="rowheader">
            {dense ? layer : words.layer(layer)}
          </span>
          <div class="heads-of-layer" role="presentation">
            {Array.from({ length: heads }, (_, head) => {
              const picture =
                failed || !overview ? null : headPicture(overview, page[0] + line, head);
              const entropy = picture ? plainDecimal(round2(picture.entropy)) : "…";
              const selected = isLocked(part.part, layer, head);
              return (
                <button
                  key={head}
                  type="button"
                  role="gridcell"
                  class={selected ? "heads-head locked" : "heads-head"}
                  data-part={part.part}
                  data-layer={layer}
                  data-head={head}
                  aria-selected={selected}
                  aria-label={words.picture(partName(part.part), layer, head, entropy)}
                  title={
                    dense ? words.picture(partName(part.part), layer, head, entropy) : undefined
                  }
                  tabIndex={stop.row === layer && stop.column === head ? 0 : -1}
                  onClick={() => {
                    setState({ part: part.part, layer, head });
                    fit();
                  }}
                >
                  {picture ? (
                    <Picture data={picture.data} side={side} lazy={recorded()} />
                  ) : (
                    <Blank side={side} />
                  )}
                  {!dense && (
                    <>
                      <span>{words.head(head)}</span>
                      <span class="soft">
                        {words.nats(picture ? picture.entropy.toFixed(2) : "…")}
                      </span>
                    </>
                  )}
                </button>
              );
            })}
          </div>
        </div>
      ))}
    </div>
  );
}

function Blank({ side }: { side: number }): JSX.Element {
  return <span class="heads-blank" style={{ width: `${side}px`, height: `${side}px` }} />;
}

function isLocked(part: string, layer: number, head: number): boolean {
  return state.part.value === part && state.layer.value === layer && state.head.value === head;
}

function round2(value: number): number {
  return Math.round(value * 100) / 100;
}
