/** The tokens that the places of an axis stand for: those of a text, or of the vocabulary. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Token } from "../protocol";
import { labels, run, source } from "./state";

/** The token of a place of the axis; undefined where the axis has none, or it has not come yet. */
export type TokenOf = (place: number) => Token | undefined;

export const VOCABULARY = "vocab";

/** The tokens along an axis of a step, for a component.
 *
 * path: of the step; name: of the axis, such as "key_len"; places: those that are shown. */
export function useTokensOf(path: string, name: string, places: number[]): TokenOf {
  const entries = useSignal<Map<number, Token>>(new Map());
  // A classifier's logits, and the rows of its output matrix, are of labels.
  const own = name === VOCABULARY && !path.includes("embedding") ? labels.value : undefined;
  const unnamed = name === VOCABULARY && !own ? places.filter((id) => !entries.value.has(id)) : [];
  useEffect(() => {
    if (!unnamed.length) return;
    // A saved page holds no vocabulary: there its entries have numbers alone.
    source
      .peek()
      .ask("words", { query: "", ids: unnamed })
      .then(
        ({ json }) => {
          entries.value = new Map([
            ...entries.peek(),
            ...json.tokens.map((token): [number, Token] => [token.id, token]),
          ]);
        },
        () => undefined,
      );
  }, [path, unnamed.length]);
  if (own)
    return (id) => (own[id] === undefined ? undefined : { id, piece: own[id], special: false });
  if (name === VOCABULARY) return (id) => entries.value.get(id);
  const tokens = tokensOfText(path, name);
  return (place) => tokens?.[place];
}

/** The tokens of the text that a step's axis runs along: of the source, or of the decoder's. */
export function tokensOfText(path: string, name: string): Token[] | undefined {
  const answer = run.value;
  if (!answer || !["length", "query_len", "key_len"].includes(name)) return undefined;
  const isOfSource =
    path.startsWith("encoder.") ||
    path.startsWith("source_") ||
    (name === "key_len" && path.includes("cross_attention.")) ||
    !answer.decoder_input.length;
  const tokens = isOfSource ? answer.source : answer.decoder_input;
  return tokens.length ? tokens : undefined;
}
