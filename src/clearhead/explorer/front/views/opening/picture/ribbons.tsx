/** Two rows of words with a ribbon for each weight between them. The word under the pointer, the
 * finger or the focus shows what it drew on, or who drew on it. */

import { useSignal } from "@preact/signals";
import type { JSX, TargetedKeyboardEvent } from "preact";
import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { state } from "../../../core/state/state";
import { visible } from "../../shared/parts";
import { type Layout, layOut, type Measure, type Place, ribbon } from "./layout";

/** A word of one side. */
export interface Chosen {
  side: "key" | "query";
  at: number;
}

export interface RibbonsProps {
  /** Words that are drawn on, above, and words that draw, below. */
  keys: string[];
  queries: string[];
  /** One row for each query. */
  weights: number[][];
  languages?: { keys?: string; queries?: string };
  /** What the two rows are called. */
  labels: { keys: string; queries: string };
  /** A word in full, for those who hear it. */
  describe: (word: Chosen) => string;
  /** Queries whose ribbons stand out while no word is looked at. */
  strong: readonly number[];
  /** Keys that are hidden from the model. */
  hidden?: (at: number) => boolean;
  /** The word that is looked at; null for none. */
  current: Chosen | null;
  look: (word: Chosen | null) => void;
  press: (word: Chosen) => void;
}

/** Weights below this are not drawn. */
export const LEAST = 0.04;

export function Ribbons(props: RibbonsProps): JSX.Element {
  const { keys, queries, weights, current } = props;
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box);
  const scale = state.screen.value === "projector" ? 1.4 : 1;
  const layout = useMemo(
    () => (width ? layOut(keys.map(visible), queries.map(visible), width, measure, scale) : null),
    [keys.join("\n"), queries.join("\n"), width, scale],
  );
  return (
    <div
      class="opening-ribbons"
      ref={box}
      data-upright={layout?.upright}
      style={layout ? { height: `${layout.height}px`, fontSize: `${layout.size}px` } : undefined}
      onPointerLeave={() => props.look(null)}
    >
      {layout && (
        <>
          <svg width={layout.width} height={layout.height} aria-hidden="true">
            {weights.flatMap((row, query) =>
              row.map((weight, key) =>
                weight < LEAST ? null : (
                  <path
                    key={`${query} ${key}`}
                    class="opening-ribbon"
                    data-query={query}
                    data-key={key}
                    data-mood={mood(current, query, key, props.strong)}
                    fill-opacity={0.25 + 0.6 * Math.min(1, weight)}
                    d={ribbon(layout, query, key, weight)}
                  />
                ),
              ),
            )}
          </svg>
          <Words {...props} side="key" words={keys} places={layout.keys} layout={layout} />
          <Words {...props} side="query" words={queries} places={layout.queries} layout={layout} />
        </>
      )}
    </div>
  );
}

/** How a ribbon stands: of the word that is looked at, of another, or as all do at first. */
export function mood(
  current: Chosen | null,
  query: number,
  key: number,
  strong: readonly number[],
): "strong" | "faint" | "plain" {
  if (current) return (current.side === "query" ? query : key) === current.at ? "strong" : "faint";
  if (!strong.length) return "plain";
  return strong.includes(query) ? "strong" : "plain";
}

interface WordsProps extends RibbonsProps {
  side: Chosen["side"];
  words: string[];
  places: Place[];
  layout: Layout;
}

/** One side's words: one stop of the Tab key, arrows go from word to word and to the other side. */
function Words(props: WordsProps): JSX.Element {
  const { side, words, places, layout, current, weights, languages, labels } = props;
  const stop = useSignal(0);
  const list = useRef<HTMLDivElement>(null);
  const place = Math.min(stop.value, words.length - 1);
  const go = (event: TargetedKeyboardEvent<HTMLElement>): void => {
    const [back, on] = layout.upright ? ["ArrowLeft", "ArrowRight"] : ["ArrowUp", "ArrowDown"];
    const next = { [back!]: place - 1, [on!]: place + 1, Home: 0, End: words.length - 1 }[
      event.key
    ];
    if (next === undefined || !words[next]) return;
    event.preventDefault();
    stop.value = next;
    list.current?.querySelectorAll("button")[next]?.focus();
  };
  const linkedTo = (at: number): boolean => {
    if (!current || current.side === side) return false;
    const weight = side === "key" ? weights[current.at]?.[at] : weights[at]?.[current.at];
    return (weight ?? 0) >= 0.1;
  };
  return (
    <div
      ref={list}
      class="opening-words"
      role="toolbar"
      aria-label={side === "key" ? labels.keys : labels.queries}
      aria-orientation={layout.upright ? "horizontal" : "vertical"}
      lang={side === "key" ? languages?.keys : languages?.queries}
      onKeyDown={go}
    >
      {words.map((word, at) => {
        const { x, y, width, height } = places[at]!;
        const here = current?.side === side && current.at === at;
        return (
          <button
            type="button"
            key={at}
            class="opening-word"
            data-side={side}
            data-here={here || undefined}
            data-linked={linkedTo(at) || undefined}
            data-hidden={(side === "key" && props.hidden?.(at)) || undefined}
            tabIndex={at === place ? 0 : -1}
            aria-label={props.describe({ side, at })}
            style={{ left: `${x}px`, top: `${y}px`, width: `${width}px`, height: `${height}px` }}
            onPointerEnter={() => props.look({ side, at })}
            onFocus={() => {
              stop.value = at;
              props.look({ side, at });
            }}
            onBlur={() => props.look(null)}
            onClick={() => props.press({ side, at })}
          >
            {visible(word)}
          </button>
        );
      })}
    </div>
  );
}

function useWidth(element: { current: HTMLElement | null }): number {
  const width = useSignal(0);
  useLayoutEffect(() => {
    const box = element.current;
    if (!box) return;
    const tell = (): void => {
      width.value = Math.floor(box.clientWidth);
    };
    tell();
    const observer = new ResizeObserver(tell);
    observer.observe(box);
    return () => observer.disconnect();
  }, []);
  return width.value;
}

let pen: CanvasRenderingContext2D | null | undefined;

/** The width of a text in the serif that the words are set in. */
const measure: Measure = (text, size) => {
  if (pen === undefined) pen = document.createElement("canvas").getContext("2d");
  if (!pen) return text.length * size * 0.56;
  pen.font = `${size}px ${SERIF}`;
  return pen.measureText(text).width;
};

/** As --serif in shell/styles/base.css: a canvas does not read style sheets. */
const SERIF =
  'Charter, "Bitstream Charter", "Iowan Old Style", "Palatino Linotype", Georgia, "DejaVu Serif", serif';
