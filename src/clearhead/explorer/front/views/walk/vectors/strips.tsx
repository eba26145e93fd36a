/** Vectors of one position: strips of coloured cells under their captions. */

import type { JSX } from "preact";
import type { Derivation } from "../../../core/protocol";
import { scoreMax } from "../../../draw/colours";
import { Loaded, type Needs, type Slice } from "../parts/loaded";
import { has, type Plan, rowOf } from "../plan";
import { Vectors } from "./vectors";

/** A vector of the query's token under its caption. */
export function Strip({
  slice,
  label,
  index,
  width,
  span,
  max,
  derivation,
}: {
  slice: Slice;
  label: string;
  index: (component: number) => number[];
  width: number;
  span?: [number, number];
  max?: number;
  derivation?: ((component: number) => Derivation) | undefined;
}): JSX.Element {
  return (
    <Vectors
      label={label}
      from={slice}
      columns={width}
      index={(_, column) => index(column)}
      max={max ?? scoreMax(slice.values)}
      sameScale={max !== undefined}
      {...(derivation && { derivation: (_: number, column: number) => derivation(column) })}
      {...(span && { span })}
    />
  );
}

/** Several vectors of one position, each a step of the trace with the axes batch, length, width. */
export function Strips({
  plan,
  panel,
  at,
  steps,
}: {
  plan: Plan;
  panel: string;
  at: number;
  steps: { path: string; label: string; width?: number; span?: [number, number] }[];
}): JSX.Element {
  const present = steps.filter((step) => has(step.path));
  const needs: Needs = Object.fromEntries(
    present.map(({ path, width = plan.width }) => [path, [path, rowOf(at, width)]]),
  );
  return (
    <Loaded key={present.map(({ path }) => path).join()} panel={panel} needs={needs}>
      {(slices) => (
        <div class="walk-strips">
          {present.map(({ path, label, width = plan.width, span }) => {
            const slice = slices[path]!;
            const place = slice.array.window[1]?.[0] ?? at;
            return (
              <Strip
                key={path}
                slice={slice}
                label={label}
                width={width}
                index={(c) => [0, place, c]}
                {...(span && { span })}
              />
            );
          })}
        </div>
      )}
    </Loaded>
  );
}
