/** What stands around every exported picture: the sentence, what the model made of it, its name. */

import type { Run } from "../../core/protocol";
import { kind, model } from "../../core/state/state";
import { shownTranslation } from "../../core/state/text";
import { lookUp, wordsOf } from "../../core/text/i18n";
import { visible } from "../../core/text/pieces";
import { table } from "../words";
import type { Frame } from "./slide";

export function frameOf(answer: Run): Frame {
  const words = wordsOf(table);
  const name = model.peek()?.name ?? "";
  const { edits, checkpoint } = answer.request;
  const changes = [
    typeof checkpoint === "number" && words.slideStep(checkpoint),
    edits?.length && words.slideEdits(edits.length),
  ].filter(Boolean);
  return {
    sentence: sentenceOf(answer) || name,
    result: resultOf(answer),
    model: [words.slideModel(name), ...changes].join(" · "),
  };
}

/** A head as a slide's foot says it; a part of a recording is called as its modules are. */
export function headPlace(part: string, layer: number, head: number): string {
  const words = wordsOf(table);
  return words.slideHead(lookUp(words.slideParts, part) ?? part, layer, head);
}

/** The sentence that is walked, of a text of several; of a recording the tokens that it names. */
function sentenceOf(answer: Run): string {
  if (model.peek()?.kind !== "recording") {
    const own = answer.sentences.length > 1 ? answer.sentences[answer.sentence]?.text : null;
    return (own ?? answer.text ?? "").trim();
  }
  const tokens = answer.source.length ? answer.source : answer.decoder_input;
  const named = tokens.some(({ piece }, place) => piece !== String(place));
  return named ? tokens.map(({ piece }) => visible(piece)).join(" ") : "";
}

function resultOf(answer: Run): string {
  if (model.peek()?.kind === "recording") return "";
  const result = shownTranslation(answer)?.trim() ?? "";
  return kind.peek() === "encoder" && result === answer.text?.trim() ? "" : result;
}
