/** Weight, contribution and effect of the same links, side by side. */

import type { JSX } from "preact";
import type { Attention, Run, Token } from "../../core/protocol";
import {
  attention,
  isPart,
  keyTokens,
  kind,
  model,
  queryTokens,
  run,
  setState,
  state,
} from "../../core/state/state";
import { format } from "../../core/text/format";
import { wordsOf } from "../../core/text/i18n";
import type { Picture } from "../../draw/slide/slide";
import { useAnswer } from "../shared/answers";
import { Choice, Pick, Section, visible } from "../shared/parts";
import type { View } from "../view";
import { picture } from "./picture";
import { type Effects, type Link, LinkTable, links, type Place } from "./table";
import { table } from "./words";
import "../shared/parts.css";
import "./compare.css";

const MANY = [12, 24, 48, 64];

/** What was drawn last, for export. */
let content: { answer: Effects; place: Place; rows: Link[] } | null = null;

function CompareView(): JSX.Element {
  const words = wordsOf(table);
  const answer = run.value;
  const head = attention.value;
  if (!answer) return <p>{words.none}</p>;
  if (!head || !isPart(head.part)) return <p>{words.unable}</p>;
  const place: Place = {
    part: head.part,
    layer: head.layer,
    head: state.head.value,
    query: Math.min(state.query.value, head.queries - 1),
    path: head.path,
  };
  const { name, row } = namesOf(place);
  return (
    <div class="study compare-view">
      <Section title={words.title} id="compare-title">
        <p class="compare-head">
          <strong>
            {name}, {row}
          </strong>
          {answer.request.edits?.length ? <> · {words.underEdits}</> : null}
        </p>
        <Controls answer={answer} head={head} />
        <EffectsTable answer={answer} place={place} caption={words.caption(name, row)} />
        <div class="compare-meanings">
          <p>{words.weightMeans}</p>
          <p>{words.contributionMeans}</p>
          <p>{words.effectMeans}</p>
        </div>
        <p class="compare-disagree">{words.disagree}</p>
        <p class="note">{words.notReason}</p>
      </Section>
    </div>
  );
}

function namesOf({ part, layer, head, query }: Place): { name: string; row: string } {
  const words = wordsOf(table);
  return {
    name: words.headName(words.parts[part], layer, head),
    row: words.rowOf(query, visible(queryTokens()[query]?.piece ?? "")),
  };
}

/** On what the effects are: the whole text, or one word of it. */
function effectOn(predicted: Token[], position: number | null): string {
  const words = wordsOf(table);
  const token = position === null ? undefined : predicted[position];
  return token && position !== null
    ? words.oneWord(position, visible(token.piece))
    : words.whole[kind.value];
}

function Controls({ answer, head }: { answer: Run; head: Attention }): JSX.Element {
  const words = wordsOf(table);
  return (
    <div class="controls">
      <Pick
        label={words.effectOn}
        value={state.position.value ?? "whole"}
        options={[
          { value: "whole", label: effectOn(answer.predicted, null) },
          ...answer.predicted.map((_, value) => ({
            value,
            label: effectOn(answer.predicted, value),
          })),
        ]}
        choose={(position) =>
          setState({ position: position === "whole" ? null : Number(position) })
        }
      />
      {head.keys > MANY[0]! && (
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
        selected={state.sort.value}
        choose={(sort) => setState({ sort })}
      />
    </div>
  );
}

/** As many keys as the address says, where it says something sensible. */
function mostKeys(): number {
  return Math.min(64, Math.max(1, state.most.value));
}

function EffectsTable({
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
  const reply = useAnswer(answer, "effects", params).value;
  content = null;
  if (reply === null) return <p role="status">{words.asking}</p>;
  if (reply instanceof Error) return <p role="alert">{reply.message}</p>;
  const rows = links(reply, keyTokens(), state.sort.value);
  content = { answer: reply, place, rows };
  return (
    <>
      <p class="compare-largest">{largest(rows)}</p>
      <LinkTable
        rows={rows}
        place={place}
        caption={caption}
        canEdit={model.value?.abilities.includes("edit") ?? false}
      />
      <p class="note">{shownOf(reply)}</p>
    </>
  );
}

/** Which key is first in each of the three. */
function largest(rows: Link[]): string {
  const words = wordsOf(table);
  const first = (by: keyof Link["ranks"]) => {
    const link = rows.find(({ ranks }) => ranks[by] === 1);
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

function pictureOf(answer: Effects, place: Place, rows: Link[]): Picture {
  const words = wordsOf(table);
  const { name, row } = namesOf(place);
  const on = `${words.effectOn}: ${effectOn(run.peek()?.predicted ?? [], state.position.peek())}.`;
  return picture(`${name}, ${row}`, `${largest(rows)} ${shownOf(answer)} ${on}`, rows);
}

export const view: View = {
  id: "compare",
  title: { en: table.en.title, pt: table.pt.title },
  needs: ["effects"],
  component: CompareView,
  picture: () => content && pictureOf(content.answer, content.place, content.rows),
  json: () =>
    content && {
      ...content.place,
      ...content.answer,
      tokens: content.rows.map(({ key, token }) => ({ key, ...token })),
    },
};
