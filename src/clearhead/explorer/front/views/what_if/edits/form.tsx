/** One more edit: what it changes, and the controls that this needs. */

import { signal } from "@preact/signals";
import type { JSX } from "preact";
import type { Edit, Part, Run, Token } from "../../../core/protocol";
import { givenTokens, labels, model, state } from "../../../core/state/state";
import { lookUp, wordsOf } from "../../../core/text/i18n";
import { Pick, visible } from "../../shared/parts";
import { table } from "../words";
import { TokenCombobox } from "./combobox";
import { addEdit } from "./history";
import { PUSH, TEMPERATURE, Value, WEIGHT } from "./value";

type Kind = Edit["kind"];
const KINDS: Kind[] = [
  "ablate_head",
  "set_weight",
  "mask_token",
  "swap_token",
  "attention_temperature",
  "output_temperature",
  "steer",
];
const OF_A_HEAD: Kind[] = ["ablate_head", "set_weight", "attention_temperature"];

/** What the form holds. A head, query and key of null are the locked ones. */
interface Draft {
  kind: Kind;
  head: { part: Part; layer: number; head: number } | null;
  query: number | null;
  key: number | null;
  weight: number;
  renormalise: boolean;
  position: number;
  token: Token | null;
  /** The number of a classifier's. */
  label: number;
  temperature: number;
  /** After which layer the stream is pushed; null is the chosen one. */
  after: number | null;
  push: number;
}

const draft = signal<Draft>({
  kind: "ablate_head",
  head: null,
  query: null,
  key: null,
  weight: 0,
  renormalise: true,
  position: 0,
  token: null,
  label: 0,
  temperature: 2,
  after: null,
  push: 10,
});

function change(patch: Partial<Draft>): void {
  draft.value = { ...draft.peek(), ...patch };
}

/** The draft with every choice within what this run has. */
function settled(answer: Run) {
  const { kind, head, query, key, position, after, label, ...rest } = draft.value;
  const current = { part: state.part.value, layer: state.layer.value, head: state.head.value };
  const { part, ...place } = head ?? current;
  const layers = answer.attention.filter((entry) => entry.part === part);
  const attention =
    layers.find(({ layer }) => layer === place.layer) ?? layers.at(-1) ?? answer.attention[0]!;
  return {
    ...rest,
    kind,
    layers,
    attention,
    head: {
      // A recording is not edited, and the parts of models are these.
      part: attention.part as Part,
      layer: attention.layer,
      head: Math.min(place.head, attention.heads - 1),
    },
    query: Math.min(query ?? state.query.value, attention.queries - 1),
    key: Math.min(key ?? state.key.value ?? 0, attention.keys - 1),
    label: Math.min(label, (labels.value?.length ?? 1) - 1),
    position: Math.min(position, givenTokens(answer).length - 1),
    after: Math.min(after ?? state.layer.value, layersBeforeWords(answer) - 1),
  };
}

/** How many layers the stream has whose end predicts words. */
function layersBeforeWords(answer: Run): number {
  const stack = answer.decoder_input.length ? "decoder" : "encoder";
  return answer.attention.filter(({ part }) => part === stack).length;
}

type Settled = ReturnType<typeof settled>;

function edited({
  kind,
  head,
  query,
  key,
  weight,
  renormalise,
  position,
  token,
  label,
  temperature,
  after,
  push,
}: Settled): Edit | null {
  switch (kind) {
    case "ablate_head":
      return { kind, ...head };
    case "set_weight":
      return { kind, ...head, query, key, value: weight, renormalise };
    case "mask_token":
      return { kind, position };
    case "swap_token":
      return token && { kind, position, token: token.id };
    case "attention_temperature":
      return { kind, ...head, value: temperature };
    case "output_temperature":
      return { kind, value: temperature };
    case "steer":
      if (labels.value) return { kind, layer: after, token: label, value: push };
      return token && { kind, layer: after, token: token.id, value: push };
  }
}

function nameOf(kind: Kind): string {
  const words = wordsOf(table);
  return labels.value && kind === "steer" ? words.steerToLabel : words.kinds[kind];
}

/** The edits that this model can have. */
function kindsOf(): Kind[] {
  const words = model.value?.abilities.includes("next_words") ?? true;
  const predicts = words || labels.value !== undefined;
  return predicts ? KINDS : KINDS.filter((kind) => kind !== "output_temperature");
}

export function EditForm({ answer }: { answer: Run }): JSX.Element {
  const words = wordsOf(table);
  const now = settled(answer);
  const edit = edited(now);
  const submit = (event: Event) => {
    event.preventDefault();
    // Enter in a field settles its value in this very turn: what was rendered is older.
    const latest = edited(settled(answer));
    if (latest) addEdit(latest);
  };
  return (
    <form class="edit-form" onSubmit={submit} aria-labelledby="what-if-add">
      <h3 id="what-if-add">{words.addTitle}</h3>
      <Pick
        label={words.kind}
        value={now.kind}
        options={kindsOf().map((kind) => ({ value: kind, label: nameOf(kind) }))}
        choose={(kind) => change({ kind: kind as Kind })}
      />
      <p class="note">
        {labels.value && now.kind === "steer" ? words.steerToLabelWhy : words.explain[now.kind]}
      </p>
      <div class="edit-fields">
        {OF_A_HEAD.includes(now.kind) && <HeadFields now={now} answer={answer} />}
        {now.kind === "set_weight" && <WeightFields now={now} answer={answer} />}
        {(now.kind === "mask_token" || now.kind === "swap_token") && (
          <Pick
            label={words.position}
            value={now.position}
            options={tokenOptions(givenTokens(answer))}
            choose={(position) => change({ position: Number(position) })}
          />
        )}
        {now.kind === "steer" && (
          <Pick
            label={words.layer}
            value={now.after}
            options={Array.from({ length: layersBeforeWords(answer) }, (_, layer) => ({
              value: layer,
              label: String(layer),
            }))}
            choose={(after) => change({ after: Number(after) })}
          />
        )}
        {labels.value && now.kind === "steer" && (
          <Pick
            label={words.label}
            value={now.label}
            options={labels.value.map((label, value) => ({ value, label }))}
            choose={(label) => change({ label: Number(label) })}
          />
        )}
        {(now.kind === "swap_token" || (now.kind === "steer" && !labels.value)) && (
          <TokenCombobox selected={now.token} choose={(token) => change({ token })} />
        )}
        {(now.kind === "attention_temperature" || now.kind === "output_temperature") && (
          <Value
            id="edit-temperature"
            label={words.temperature}
            value={now.temperature}
            scale={TEMPERATURE}
            settle={(temperature) => change({ temperature })}
          />
        )}
        {now.kind === "steer" && (
          <Value
            id="edit-push"
            label={words.push}
            value={now.push}
            scale={PUSH}
            settle={(push) => change({ push })}
          />
        )}
      </div>
      <button type="submit" disabled={!edit}>
        {words.add}
      </button>
      {!edit && <span class="note"> {words.chooseWord}</span>}
    </form>
  );
}

function HeadFields({ now, answer }: { now: Settled; answer: Run }): JSX.Element {
  const words = wordsOf(table);
  const parts = [...new Set(answer.attention.map(({ part }) => part))];
  const pick = (patch: Partial<Settled["head"]>) => change({ head: { ...now.head, ...patch } });
  return (
    <>
      {parts.length > 1 && (
        <Pick
          label={words.part}
          value={now.head.part}
          options={parts.map((part) => ({
            value: part,
            label: lookUp<string>(words.parts, part) ?? part,
          }))}
          choose={(part) => pick({ part: part as Part })}
        />
      )}
      <Pick
        label={words.layer}
        value={now.head.layer}
        options={now.layers.map(({ layer }) => ({ value: layer, label: String(layer) }))}
        choose={(layer) => pick({ layer: Number(layer) })}
      />
      <Pick
        label={words.head}
        value={now.head.head}
        options={Array.from({ length: now.attention.heads }, (_, head) => ({
          value: head,
          label: String(head),
        }))}
        choose={(head) => pick({ head: Number(head) })}
      />
    </>
  );
}

function WeightFields({ now, answer }: { now: Settled; answer: Run }): JSX.Element {
  const words = wordsOf(table);
  const { part } = now.head;
  return (
    <>
      <Pick
        label={words.query}
        value={now.query}
        options={tokenOptions(part === "encoder" ? answer.source : answer.decoder_input)}
        choose={(query) => change({ query: Number(query) })}
      />
      <Pick
        label={words.key}
        value={now.key}
        options={tokenOptions(part === "decoder" ? answer.decoder_input : answer.source)}
        choose={(key) => change({ key: Number(key) })}
      />
      <Value
        id="edit-weight"
        label={words.weight}
        value={now.weight}
        scale={WEIGHT}
        settle={(weight) => change({ weight })}
      />
      <label class="check-field">
        <input
          type="checkbox"
          checked={now.renormalise}
          onChange={(event) => change({ renormalise: event.currentTarget.checked })}
        />{" "}
        {words.renormalise} <small>{words.renormaliseWhy}</small>
      </label>
    </>
  );
}

function tokenOptions(tokens: Token[]): { value: number; label: string }[] {
  return tokens.map((token, value) => ({ value, label: `${value}: ${visible(token.piece)}` }));
}
