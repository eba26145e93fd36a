/** Which head the picture shows, how it was found, and where the map calls it something else. */

import type { JSX } from "preact";
import type { Alignment, Run } from "../../../core/protocol";
import { run } from "../../../core/state/state";
import { wordsOf } from "../../../core/text/i18n";
import { table as kindTable } from "../../shared/kind_words";
import { headOf, type Kinds, percent, useKinds } from "../../shared/kinds";
import { screenKind } from "../answers";
import { Explained } from "../terms/explained";
import { table } from "../words";

interface NoteProps {
  answer: Run;
  alignment: Alignment;
  /** Whether the ribbons show all layers. */
  flowing: boolean;
}

export function HeadNote({ answer, alignment, flowing }: NoteProps): JSX.Element | null {
  const words = wordsOf(table);
  const { part, heads } = alignment;
  const best = heads[0];
  if (!best) return null;
  const recorded = screenKind.value === "recording" && <> {words.recorded}</>;
  if (flowing) {
    const layers = answer.attention.filter((one) => one.part === part).length;
    return (
      <p class="opening-found">
        {words.ribbons[screenKind.value]} {words.ofTheFlow(layers)}
        {recorded}
      </p>
    );
  }
  return (
    <Explained>
      {(term) => (
        <p class="opening-found">
          {words.ribbons[screenKind.value]} {words.ofAHead} {term("head")}{" "}
          <b>{words.headName(part, best.layer, best.head)}</b>
          {". "}
          {how(alignment)} <MapSays answer={answer} alignment={alignment} />
          {words.asksWith} {term("query")}, {words.answersWith} {term("key")}.{recorded}
        </p>
      )}
    </Explained>
  );
}

function how({ heads, measure, trials, of }: Alignment): string {
  const words = wordsOf(table);
  const score = heads[0]!.score.toFixed(2);
  switch (measure) {
    case "agreement":
      return words.foundByHiding(heads.length, trials, of, score);
    case "peak":
      return words.foundByPeak(heads.length, score);
    case "aligned":
      return words.foundAligned(trials, of, score);
    case "elsewhere":
      return words.foundElsewhere(trials, of, score);
  }
}

/** The map measures weights alone, so it may have another name for the head that trials found, or find
 * another head more aligned: then it is said. */
function MapSays({ answer, alignment }: Omit<NoteProps, "flowing">): JSX.Element | null {
  const words = wordsOf(table);
  const { part, heads, measure } = alignment;
  // Of the run before, which stays until the next is there, nothing is asked.
  if (measure !== "agreement" || part !== "cross" || run.value !== answer) return null;
  const kinds = useKinds(answer).get(part) ?? null;
  const best = heads[0]!;
  const own = headOf(kinds, best.layer, best.head);
  if (!own?.kind) return null;
  const other = mostAligned(kinds);
  const name = other && words.headName(part, other.layer, other.head);
  const names = wordsOf(kindTable);
  if (own.kind !== "aligned")
    return <span class="opening-map-says">{`${words.mapSays(names[own.kind], name)} `}</span>;
  const [share, most] = [own.measures.aligned ?? 0, other?.share ?? 0].map(percent);
  if (!name || share === most) return null;
  return <span class="opening-map-says">{`${words.moreAligned(name, most!, share!)} `}</span>;
}

interface Aligned {
  layer: number;
  head: number;
  share: number;
}

/** What the map calls aligned, and finds most so; null for none. */
function mostAligned(kinds: Kinds): Aligned | null {
  if (!kinds || kinds === "later" || kinds instanceof Error) return null;
  const all = kinds.layers.flatMap((heads, line) =>
    heads.flatMap(({ kind, measures }, head) =>
      kind === "aligned" ? [{ layer: kinds.start + line, head, share: measures.aligned ?? 0 }] : [],
    ),
  );
  return all.sort((one, other) => other.share - one.share)[0] ?? null;
}
