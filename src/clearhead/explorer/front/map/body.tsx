/** The map itself: a row for each stack, from the embedding through its layers to what comes out. */

import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { focusedElement } from "../core/host/tree";
import type { Attention, Run } from "../core/protocol";
import { wordsOf } from "../core/text/i18n";
import type { Kinds } from "../views/shared/kinds";
import { nextBox } from "./arrows";
import { AttentionBox, boxOfPlace, ClosedLayer, type MapState, StepBox, stackName } from "./boxes";
import type { Place } from "./place";
import { Readout, Signs } from "./readout";
import { isDense, type LayerPlan, type Stack, stacksOf } from "./stacks";
import { table } from "./words";

interface BodyProps {
  answer: Run;
  place: Place | null;
  kinds: Map<string, Kinds>;
}

export function MapBody({ answer, place, kinds }: BodyProps): JSX.Element {
  const words = wordsOf(table);
  const root = useRef<HTMLDivElement>(null);
  const here = boxOfPlace(place);
  const [stop, setStop] = useState(here);
  const [pointed, setPointed] = useState<[Attention, number] | null>(null);
  useEffect(() => setStop(here), [here]);
  const stacks = stacksOf(answer);
  const state: MapState = { place, stop, kinds };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const boxes = [...(root.current?.querySelectorAll<HTMLElement>("[data-box]") ?? [])];
    const at = boxes.indexOf(focusedElement() as HTMLElement);
    const next = nextBox(
      boxes.map((box) => box.getBoundingClientRect()),
      at,
      event.key,
    );
    if (next === null) return;
    event.preventDefault();
    boxes[next]?.focus();
  };
  return (
    <div class="map-body" id="map-body">
      <div
        class="map-stacks"
        role="toolbar"
        aria-label={`${words.map}. ${words.keys}`}
        ref={root}
        onKeyDown={onKeyDown}
        onFocusIn={(event) =>
          setStop((event.target as Element).closest<HTMLElement>("[data-box]")?.dataset.box ?? stop)
        }
      >
        {stacks.map((stack) => (
          <StackRow
            key={stack.name}
            stack={stack}
            dense={isDense(answer)}
            read={stacks.length > 1 && stack.name === "encoder" && stack.embedding}
            preview={setPointed}
            {...state}
          />
        ))}
      </div>
      <Readout answer={answer} place={place} kinds={kinds} pointed={pointed} />
      <Signs kinds={kinds} />
    </div>
  );
}

interface RowProps extends MapState {
  stack: Stack;
  dense: boolean;
  /** Whether what comes out is read by another stack. */
  read: boolean;
  preview: (head: [Attention, number] | null) => void;
}

function StackRow({ stack, dense, read, preview, ...state }: RowProps): JSX.Element {
  const words = wordsOf(table);
  const output = stack.output;
  return (
    <div class="map-stack" role="group" aria-label={stackName(stack.name)}>
      <span class="map-stack-name" aria-hidden="true">
        {stackName(stack.name)}
      </span>
      <div class="map-flow">
        {stack.embedding && (
          <StepBox
            stack={stack}
            box="embedding"
            step="embedding"
            label={words.embedding}
            meaning={words.embeddingLong}
            {...state}
          />
        )}
        {stack.layers.map((of, line) => {
          const open =
            !dense || (state.place?.stack === stack.name && state.place.layer === of.layer);
          const props = { stack, of, line, ...state };
          return open ? (
            <Layer key={of.layer} preview={preview} {...props} />
          ) : (
            <ClosedLayer key={of.layer} {...props} />
          );
        })}
        {output && (
          <StepBox
            stack={stack}
            box="output"
            step={output}
            label={words.outputs[output]}
            meaning={words.outputsLong[output]}
            {...state}
          />
        )}
        {read && <span class="map-read">{words.toCross}</span>}
      </div>
    </div>
  );
}

interface LayerProps extends MapState {
  stack: Stack;
  of: LayerPlan;
  line: number;
  preview: (head: [Attention, number] | null) => void;
}

function Layer({ stack, of, line, preview, ...state }: LayerProps): JSX.Element {
  const words = wordsOf(table);
  return (
    <div class="map-layer">
      <span class="map-label map-layer-name" aria-hidden="true">
        {words.layer(of.layer)}
      </span>
      <div class="map-parts">
        {of.attentions.map((entry) => (
          <AttentionBox key={entry.part} entry={entry} line={line} preview={preview} {...state} />
        ))}
        {of.feedForward && (
          <StepBox
            stack={stack}
            box="feed"
            step="feed"
            layer={of.layer}
            label={words.feed}
            meaning={words.feedLong}
            {...state}
          />
        )}
      </div>
    </div>
  );
}
