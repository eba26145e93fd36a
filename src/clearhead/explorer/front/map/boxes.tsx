/** The boxes of the map: heads, and what stands before and behind them. Each is a button, one of which
 * the Tab key reaches. */

import type { ComponentChildren, JSX } from "preact";
import type { Attention } from "../core/protocol";
import { kind, model } from "../core/state/state";
import { lookUp, wordsOf } from "../core/text/i18n";
import { headOf, isCopying, type Kinds, measureOf, percent } from "../views/shared/kinds";
import { goToHead, goToStep, isHere, isLocked, type Place } from "./place";
import { Sign } from "./sign";
import { columnsOf, isCross, type LayerPlan, type Stack, stackOf } from "./stacks";
import { table } from "./words";

/** What all boxes need to know. */
export interface MapState {
  place: Place | null;
  /** The box that the Tab key reaches. */
  stop: string;
  kinds: Map<string, Kinds>;
}

export function stackName(name: string): string {
  return lookUp(wordsOf(table).stacks, name) ?? name;
}

/** A name as it stands within a sentence: "layer 1". */
export function inSentence(name: string): string {
  return name.charAt(0).toLowerCase() + name.slice(1);
}

/** "Decoder, layer 1, cross-attention". */
export function attentionName(entry: Attention): string {
  const words = wordsOf(table);
  const stack = stackName(stackOf(entry.part));
  const name = words.attentions[isCross(entry) ? "cross" : "self"];
  const said = name.toLowerCase() === stack.toLowerCase();
  return [stack, inSentence(words.layer(entry.layer)), ...(said ? [] : [name])].join(", ");
}

export function boxOfPlace(place: Place | null): string {
  if (!place) return "";
  if (place.box === "attention") return headBox(place.part, place.layer, place.head);
  return place.box === "feed"
    ? stepBox(place.stack, "feed", place.layer)
    : stepBox(place.stack, place.box);
}

function headBox(part: string, layer: number, head: number): string {
  return JSON.stringify([part, layer, head]);
}

function stepBox(stack: string, box: string, layer?: number): string {
  return JSON.stringify([stack, box, layer ?? null]);
}

/** What a head does mostly, in words: "previous token, 77 %". */
export function kindText(kinds: Kinds, line: number, head: number): string {
  const words = wordsOf(table);
  if (kinds instanceof Error) return kinds.message;
  const measured = headOf(kinds, line, head);
  if (!measured) return kinds === null ? words.measuring : words.notMeasured;
  const copies = isCopying(kinds, measured) ? words.copies : "";
  if (measured.kind === null) return [words.unknown, copies].filter(Boolean).join(", ");
  const measure = measureOf(measured.kind);
  const share = measure && measured.measures[measure];
  return [words.kinds[measured.kind], share == null ? "" : percent(share), copies]
    .filter(Boolean)
    .join(", ");
}

interface AttentionProps extends MapState {
  entry: Attention;
  /** Which of its part's layers it is. */
  line: number;
  preview: (head: [Attention, number] | null) => void;
}

/** One attention: a sign for each head. */
export function AttentionBox({
  entry,
  line,
  place,
  stop,
  kinds,
  preview,
}: AttentionProps): JSX.Element {
  const words = wordsOf(table);
  const { part, layer, heads } = entry;
  const of = kinds.get(part) ?? null;
  const here = place?.box === "attention" && place.part === part && place.layer === layer;
  return (
    <div
      class="map-attention"
      role="group"
      aria-label={attentionName(entry)}
      data-cross={isCross(entry) || undefined}
      data-here={here || undefined}
    >
      <span class="map-label" aria-hidden="true">
        {words.attentionsShort[isCross(entry) ? "cross" : "self"]}
      </span>
      <div class="map-heads" style={columnsOf(heads)}>
        {Array.from({ length: heads }, (_, head) => {
          const id = headBox(part, layer, head);
          const measured = headOf(of, line, head);
          const measure = measured && measureOf(measured.kind);
          const locked = isLocked(place, part, layer, head);
          return (
            <button
              key={head}
              type="button"
              class="map-head"
              data-box={id}
              data-part={part}
              data-layer={layer}
              data-head={head}
              aria-label={`${attentionName(entry)}, ${words.head(head)}: ${kindText(of, line, head)}`}
              aria-pressed={locked}
              aria-current={locked && place?.box === "attention" ? "location" : undefined}
              tabIndex={stop === id ? 0 : -1}
              onClick={() => goToHead(part, layer, head)}
              onPointerEnter={() => preview([entry, head])}
              onPointerLeave={() => preview(null)}
              onFocus={() => preview([entry, head])}
              onBlur={() => preview(null)}
            >
              <Sign
                kind={measured?.kind ?? null}
                copies={isCopying(of, measured)}
                {...(measure && { share: measured.measures[measure] ?? 1 })}
              />
            </button>
          );
        })}
      </div>
    </div>
  );
}

interface StepProps extends MapState {
  stack: Stack;
  box: "embedding" | "feed" | "output";
  step: string;
  layer?: number;
  label: string;
  meaning: string;
  children?: ComponentChildren;
}

/** A part without heads, which the walk shows. */
export function StepBox({
  stack,
  box,
  step,
  layer,
  label,
  meaning,
  place,
  stop,
}: StepProps): JSX.Element {
  const id = stepBox(stack.name, box, layer);
  const words = wordsOf(table);
  const there = { box, stack: stack.name, ...(layer !== undefined && { layer }) };
  const where = [
    stackName(stack.name),
    ...(layer === undefined ? [] : [inSentence(words.layer(layer))]),
  ];
  return (
    <button
      type="button"
      class="map-step"
      data-box={id}
      data-step={step}
      aria-label={`${where.join(", ")}, ${label}: ${meaning}`}
      aria-current={isHere(place, there) ? "location" : undefined}
      tabIndex={stop === id ? 0 : -1}
      onClick={() => goToStep(stack, step, layer)}
    >
      {label}
    </button>
  );
}

interface ClosedProps extends MapState {
  stack: Stack;
  of: LayerPlan;
  line: number;
}

/** A layer of a model of many heads: its colours alone, and a way into it. */
export function ClosedLayer({ stack, of, line, stop, kinds, place }: ClosedProps): JSX.Element {
  const words = wordsOf(table);
  const id = stepBox(stack.name, "layer", of.layer);
  const first = of.attentions.find(({ part }) => part === place?.part) ?? of.attentions[0];
  if (!first) return <span />;
  return (
    <button
      type="button"
      class="map-layer map-closed"
      data-box={id}
      data-layer={of.layer}
      aria-label={`${stackName(stack.name)}, ${inSentence(words.layer(of.layer))}`}
      tabIndex={stop === id ? 0 : -1}
      onClick={() => goToHead(first.part, of.layer, Math.min(place?.head ?? 0, first.heads - 1))}
    >
      <span class="map-label">{of.layer}</span>
      {of.attentions.map((entry) => (
        <span key={entry.part} class="map-mosaic" style={columnsOf(entry.heads)} aria-hidden="true">
          {Array.from({ length: entry.heads }, (_, head) => (
            <i
              key={head}
              data-kind={headOf(kinds.get(entry.part) ?? null, line, head)?.kind ?? "unknown"}
            />
          ))}
        </span>
      ))}
    </button>
  );
}

/** What an attention is for, in a few words; of a recording that is not known. */
export function meaningOf(entry: Attention): string | undefined {
  if (model.value?.kind === "recording") return undefined;
  const alone = kind.value === "encoder" && entry.part === "encoder";
  return lookUp<string>(wordsOf(table).attentionsLong, alone ? "alone" : entry.part);
}
