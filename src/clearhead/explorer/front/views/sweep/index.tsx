/** The result of a sweep: what was asked, a grid of effects, and the largest of them as a list. */

import { signal } from "@preact/signals";
import type { JSX } from "preact";
import type { Sweep } from "../../core/protocol";
import { model, source } from "../../core/state/state";
import { wordsOf } from "../../core/text/i18n";
import type { Reply } from "../shared/answers";
import type { View } from "../view";
import { Facts } from "./facts";
import { Effects } from "./grid";
import { Largest } from "./largest";
import { table } from "./words";
import "../shared/parts.css";
import "./sweep.css";

/** It is of no run: a page has one at most, and it stays. */
const reply = signal<Reply<Sweep>>(null);
let asked: unknown = null;

function ask(): void {
  if (asked === model.peek()) return;
  asked = model.peek();
  reply.value = null;
  source
    .peek()
    .ask("sweep", {})
    .then(
      ({ json }) => (reply.value = json),
      (error: Error) => {
        reply.value = error;
        asked = null; // another look asks again
      },
    );
}

function SweepView(): JSX.Element {
  const words = wordsOf(table);
  ask();
  const sweep = reply.value;
  if (sweep === null) return <p role="status">{words.asking}</p>;
  if (sweep instanceof Error) return <p role="alert">{sweep.message}</p>;
  return (
    <div class="study sweep-view">
      <Facts sweep={sweep} />
      <Effects sweep={sweep} />
      <Largest sweep={sweep} />
    </div>
  );
}

export const view: View = {
  id: "sweep",
  title: { en: table.en.title, pt: table.pt.title },
  needs: ["sweep"],
  component: SweepView,
  json: () => reply.peek(),
};
