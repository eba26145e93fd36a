/** What the model wrote before a change and after it, in large type. */

import type { JSX } from "preact";
import { languageOf } from "../../../core/state/state";
import { wordsOf } from "../../../core/text/i18n";
import { visible } from "../../shared/parts";
import { difference } from "../../what_if/outcome/diff";
import { table } from "../words";

/** The two texts in large type; in the second the words that are new are marked. */
export function BeforeAfter(props: {
  before: string;
  after: string;
  name: string;
  /** How likely each is, where that is part of what changes. */
  chances?: [before: string, after: string];
}): JSX.Element {
  const words = wordsOf(table);
  const [before, after] = [props.before, props.after].map((text) => inSight(text).split(" "));
  const steps = difference(before ?? [], after ?? [], (word) => word);
  const lang = languageOf("target");
  return (
    <dl class="opening-before-after">
      <dt>{words.before}</dt>
      <dd lang={lang}>
        {steps
          .filter(({ kind }) => kind !== "added")
          .map(({ kind, item }, place) => [
            place > 0 && " ",
            kind === "removed" ? <del key={place}>{item}</del> : item,
          ])}
        <Chance of={props.chances?.[0]} />
      </dd>
      <dt>{props.name}</dt>
      <dd lang={lang} class="opening-after">
        {steps
          .filter(({ kind }) => kind !== "removed")
          .map(({ kind, item }, place) => [
            place > 0 && " ",
            kind === "added" ? <ins key={place}>{item}</ins> : item,
          ])}
        <Chance of={props.chances?.[1]} />
      </dd>
    </dl>
  );
}

export function Chance({ of }: { of: string | undefined }): JSX.Element | null {
  return of === undefined ? null : <span class="opening-chance"> {of}</span>;
}

/** A text with what cannot be seen made visible, and its spaces as they are. */
function inSight(text: string): string {
  return text.split(" ").map(visible).join(" ");
}
