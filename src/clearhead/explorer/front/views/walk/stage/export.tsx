/** What the export shows beside the step on the page: the numbers are there, nothing is drawn. */

import { Fragment, h, type JSX } from "preact";
import { Loaded } from "../parts/loaded";
import { rangeOf } from "../parts/windows";
import { headRows, one, type Plan } from "../plan";
import { EXPORT } from "../saving";

const NOTHING = h(Fragment, null);

export function ForExport({ plan }: { plan: Plan }): JSX.Element {
  const [queries, keys] = [rangeOf(plan, "query"), rangeOf(plan, "key")];
  const { path, head, kvHead, query, headDim } = plan;
  const all = headRows(head, queries, keys);
  const width: [number, number] = [0, headDim];
  return (
    <div hidden>
      {["scores", "scaled", "masked", "weights"].map((name) => (
        <Loaded
          key={name}
          panel={`${EXPORT}${name === "weights" ? "softmax" : name}-all`}
          needs={{ masked: [`${path}.masked`, all], all: [`${path}.${name}`, all] }}
        >
          {() => NOTHING}
        </Loaded>
      ))}
      <Loaded
        panel={`${EXPORT}contributions`}
        needs={{
          weights: [`${path}.weights`, headRows(head, one(query), keys)],
          value: [`${path}.value`, headRows(kvHead, keys, width)],
          parts: [`${path}.contributions`, [[0, 1], one(head), one(query), keys, width]],
          output: [`${path}.output`, headRows(head, one(query), width)],
        }}
      >
        {() => NOTHING}
      </Loaded>
    </div>
  );
}
