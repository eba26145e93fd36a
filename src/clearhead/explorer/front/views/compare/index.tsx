/** Weight, contribution and effect of the same links, side by side. */

import type { JSX } from "preact";
import type { Attention, Run } from "../../core/protocol";
import {
  attention,
  isPart,
  keyTokens,
  model,
  queryTokens,
  run,
  setState,
  state,
} from "../../core/state/state";
import { format } from "../../core/text/format";
import { wordsOf } from "../../core/text/i18n";
import { useAnswer } from "../shared/answers";
import { Choice, Panel, Pick, visible } from "../shared/parts";
import type { View } from "../view";
import { picture } from "./picture";
import { type Effects, type Link, LinkTable, links, type Place } from "./table";
import { table } from "./words";
import "../shared/parts.css";
import "./compare.css";

const MANY = [12, 24, 48, 64];

/** What was drawn last, for export. */
let drawn: { title: string; answer: Effects; place: Place; shown: Link[] } | null = null;

function CompareView(): JSX.Element {
  const words = wordsOf(table);
  const answer = run.value;
  const chosen = attention.value;
  if (!answer) return <p>{words.none}</p>;
  if (!chosen || !isPart(chosen.part)) return <p>{words.unable}</p>;
  const place: Place = {
    part: chosen.part,
    layer: chosen.layer,
    head: state.head.value,
    query: Math.min(state.query.value, chosen.queries - 1),
    path: chosen.path,
  };
  const name = words.headName(words.parts[place.part], place.layer, place.head);
  const row = words.rowOf(place.query, visible(queryTokens()[place.query]?.piece ?? ""));
  return (
    <div class="study compare-view">
      <Panel title={words.title} id="compare-title">
        <p class="compare-head">
          <strong>
            {name}, {row}
          </strong>
          {answer.request.edits?.length ? <> · {words.underEdits}</> : null}
        </p>
        <Controls answer={answer} chosen={chosen} />
        <Shown answer={answer} place={place} caption={words.caption(name, row)} />
        <div class="compare-meanings">
          <p>{words.weightMeans}</p>
          <p>{words.contributionMeans}</p>
          <p>{words.effectMeans}</p>
        </div>
        <p class="compare-disagree">{words.disagree}</p>
        <p class="note">{words.notReason}</p>
      </Panel>
    </div>
  );
}

function Controls({ answer, chosen }: { answer: Run; chosen: Attention }): JSX.Element {
  const words = wordsOf(table);
  return (
    <div class="controls">
      <Pick
        label={words.effectOn}
        value={state.position.value ?? "whole"}
        options={[
          { value: "whole", label: words.whole },
          ...answer.predicted.map(({ piece }, value) => ({
            value,
            label: words.oneWord(value, visible(piece)),
          })),
        ]}
        choose={(position) =>
          setState({ position: position === "whole" ? null : Number(position) })
        }
      />
      {chosen.keys > MANY[0]! && (
        <Pick
          label={words.most}
          value={state.most.value}
          options={MANY.map((value) => ({ value, label: String(value) }))}
          choose={(value) => setState({ most: Number(value) })}
        />
      )}
      <Choice
        legend={words.sortBy}
        name="compare-sort"
        options={[
          { value: "weight", label: words.byWeight },
          { value: "contribution", label: words.byContribution },
          { value: "effect", label: words.byEffect },
          { value: "position", label: words.byPosition },
        ]}
        chosen={state.sort.value}
        choose={(sort) => setState({ sort })}
      />
    </div>
  );
}

/** As many keys as the address says, where it says something sensible. */
function mostKeys(): number {
  return Math.min(64, Math.max(1, state.most.value));
}

function Shown({
  answer,
  place,
  caption,
}: {
  answer: Run;
  place: Place;
  caption: string;
}): JSX.Element {
  const words = wordsOf(table);
  const { part, layer, head, query } = place;
  const position = state.position.value;
  const params = { run: answer.request, part, layer, head, query, position, most: mostKeys() };
  const asked = useAnswer(answer, "effects", params).value;
  drawn = null;
  if (asked === null) return <p role="status">{words.asking}</p>;
  if (asked instanceof Error) return <p role="alert">{asked.message}</p>;
  const shown = links(asked, keyTokens(), state.sort.value);
  drawn = { title: caption, answer: asked, place, shown };
  return (
    <>
      <p class="compare-largest">{largest(shown)}</p>
      <LinkTable
        shown={shown}
        place={place}
        caption={caption}
        canEdit={model.value?.abilities.includes("edit") ?? false}
      />
      <p class="note">{shownOf(asked)}</p>
    </>
  );
}

/** Which key is first in each of the three. */
function largest(shown: Link[]): string {
  const words = wordsOf(table);
  const first = (by: keyof Link["ranks"]) => {
    const link = shown.find(({ ranks }) => ranks[by] === 1);
    return link ? `${link.key} “${visible(link.token.piece)}”` : "";
  };
  const [weight, contribution, effect] = [first("weight"), first("contribution"), first("effect")];
  const agree = weight === contribution && weight === effect;
  return agree ? words.agree(weight) : words.largestOf(weight, contribution, effect);
}

/** How many of the keys are shown, and how much weight the others have. */
function shownOf(answer: Effects): string {
  const words = wordsOf(table);
  if (answer.keys.length === answer.of) return words.complete(answer.of);
  const rest = 1 - answer.weight.reduce((sum, weight) => sum + weight, 0);
  return words.truncated(answer.keys.length, answer.of, format(Math.max(0, rest)));
}

export const view: View = {
  id: "compare",
  title: { en: table.en.title, pt: table.pt.title },
  needs: ["effects"],
  component: CompareView,
  scene: () => drawn && picture(drawn.title, shownOf(drawn.answer), drawn.shown),
  json: () =>
    drawn && {
      ...drawn.place,
      ...drawn.answer,
      tokens: drawn.shown.map(({ key, token }) => ({ key, ...token })),
    },
};
