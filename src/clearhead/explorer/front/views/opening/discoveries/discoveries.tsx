/** Three discoveries, one press each: what the model makes of the sentence before and after. */

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import type { Discovery, DiscoveryKind, LikelyLabel, Run } from "../../../core/protocol";
import { Refusal } from "../../../core/sources/source";
import { languageOf, setState, source } from "../../../core/state/state";
import { wordsOf } from "../../../core/text/i18n";
import type { Reply } from "../../shared/answers";
import { visible } from "../../shared/parts";
import { discoveriesOf, KINDS } from "../answers";
import { table } from "../words";
import { BeforeAfter, Chance } from "./before_after";
import { chance } from "./chance";
import { Temperature } from "./temperature";

interface DiscoveriesProps {
  answer: Run;
  /** Called with the discovery that is looked at, and with null when there is none. */
  tell: (discovery: Discovery | null) => void;
}

export function Discoveries({ answer, tell }: DiscoveriesProps): JSX.Element {
  const words = wordsOf(table);
  const open = useSignal<DiscoveryKind | null>(null);
  const replies = discoveriesOf(answer);
  const reply = open.value && replies[open.value].value;
  const discovery = reply instanceof Error ? null : reply;
  useEffect(() => tell(discovery), [discovery]);
  useEffect(() => {
    open.value = null; // another sentence: its words are others
  }, [answer.text, answer.sentence]);
  return (
    <div class="opening-discoveries" role="group" aria-labelledby="opening-discoveries">
      <h3 id="opening-discoveries">{words.discoveries}</h3>
      <div class="opening-buttons">
        {KINDS.map((kind) => (
          <button
            type="button"
            key={kind}
            class="opening-discover"
            data-kind={kind}
            aria-expanded={open.value === kind}
            aria-controls="opening-outcome"
            onClick={() => (open.value = open.value === kind ? null : kind)}
          >
            <b>{words.buttons[kind]}</b>
            <span>{under(kind, replies[kind].value)}</span>
          </button>
        ))}
      </div>
      <div id="opening-outcome" class="opening-outcome" aria-live="polite">
        {open.value === null && <AtFirst of={answer.baseline ?? answer} />}
        {open.value !== null && <Outcome kind={open.value} reply={reply} />}
      </div>
    </div>
  );
}

/** How likely the label is before and after; of other texts nothing. */
function chancesOf({ before, after, labels_before, labels_after }: Discovery): {
  chances?: [string, string];
} {
  const [one, other] = [chanceOf(before, labels_before), chanceOf(after, labels_after)];
  return one !== undefined && other !== undefined ? { chances: [one, other] } : {};
}

function chanceOf(text: string | null, labels?: LikelyLabel[]): string | undefined {
  const own = labels?.find(({ label }) => label === text);
  return own && chance(own.probability);
}

/** What stands where the two texts will be, before anything is pressed. */
function AtFirst({ of }: { of: Pick<Run, "translation" | "labels"> }): JSX.Element {
  const words = wordsOf(table);
  return (
    <>
      <dl class="opening-before-after">
        <dt>{words.before}</dt>
        <dd lang={languageOf("target")}>
          {of.translation}
          <Chance of={chanceOf(of.translation, of.labels)} />
        </dd>
        <dt>{words.after}</dt>
        <dd class="soft">…</dd>
      </dl>
      <p class="opening-why">{words.pressOne}</p>
    </>
  );
}

/** What a button will change, as soon as that was found. */
function under(kind: DiscoveryKind, reply: Reply<Discovery>): string {
  const words = wordsOf(table);
  if (reply === null) return words.trying;
  if (reply instanceof Error) return words.notTried;
  if (kind === "hide_word") return `“${visible(reply.word?.text ?? "")}”`;
  if (kind === "switch_off") return words.headsOff(reply.heads?.length ?? 0, reply.of);
  return words.slide;
}

function Outcome({ kind, reply }: { kind: DiscoveryKind; reply: Reply<Discovery> }): JSX.Element {
  const words = wordsOf(table);
  if (reply === null) return <p class="soft">{words.trying}</p>;
  if (reply instanceof Error) return <p>{whyNot(reply)}</p>;
  if (kind === "temperature") return <Temperature discovery={reply} />;
  return (
    <>
      <BeforeAfter
        before={reply.before}
        after={reply.after}
        name={nameOf(reply)}
        {...chancesOf(reply)}
      />
      <p class="opening-why">{explanation(reply)}</p>
      <Follow discovery={reply} />
    </>
  );
}

function whyNot(error: Error): string {
  if (error instanceof Refusal && error.kind === "NotHere") return wordsOf(table).notSaved;
  return error.message;
}

function nameOf({ kind, word, heads, of }: Discovery): string {
  const words = wordsOf(table);
  return kind === "hide_word"
    ? words.without(visible(word?.text ?? ""))
    : words.withoutHeads(heads?.length ?? 0, of);
}

function explanation(discovery: Discovery): string {
  const words = wordsOf(table);
  const { kind, before, after, trials, of, heads } = discovery;
  const label = discovery.labels_before !== undefined;
  if (kind === "hide_word") {
    if (before !== after) return words.hidWord(trials, of);
    return label ? words.sameLabelWithout(trials, of) : words.sameWithout(trials, of);
  }
  const places = (heads ?? []).map(({ part, layer, head }) => words.headName(part, layer, head));
  const list = places.slice(0, 4).join("; ") + (places.length > 4 ? "; …" : "");
  if (before === after)
    return label
      ? words.sameLabelHeads(places.length, trials)
      : words.sameHeads(places.length, trials);
  return places.length === 1 ? words.oneHead(list, trials) : words.manyHeads(list, trials);
}

/** Make the same change to the whole page, and look at all that it does. */
function Follow({ discovery }: { discovery: Discovery }): JSX.Element | null {
  const words = wordsOf(table);
  if (source.value.place === "offline") return null;
  return (
    <button
      type="button"
      class="link opening-follow"
      onClick={() => setState({ edits: discovery.edits, target: null, view: "what_if" })}
    >
      {words.follow}
    </button>
  );
}
