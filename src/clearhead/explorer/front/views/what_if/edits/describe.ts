/** An edit in words. */

import { signal } from "@preact/signals";
import type { Edit, Run, Token } from "../../../core/protocol";
import { givenTokens, kind, labels, run } from "../../../core/state/state";
import { format } from "../../../core/text/format";
import { lookUp, wordsOf } from "../../../core/text/i18n";
import { visible } from "../../shared/parts";
import { table } from "../words";

/** Pieces of the vocabulary that have been seen, by id: an address holds ids alone. */
const pieces = signal<ReadonlyMap<number, string>>(new Map());

export function remember(tokens: Token[]): void {
  if (tokens.every(({ id }) => pieces.peek().has(id))) return;
  pieces.value = new Map([
    ...pieces.peek(),
    ...tokens.map(({ id, piece }): [number, string] => [id, piece]),
  ]);
}

export function headName(part: string, layer: number, head: number): string {
  const words = wordsOf(table);
  return words.headName(lookUp(words.parts, part) ?? part, layer, head);
}

/** A place in a sequence with the token there: "3 “▁tea”". */
export function pieceAt(tokens: Token[] | undefined, place: number): string {
  const token = tokens?.[place];
  return token ? `${place} “${visible(token.piece)}”` : String(place);
}

export function describe(edit: Edit, answer: Run | null = run.value): string {
  const words = wordsOf(table);
  const d = words.describe;
  switch (edit.kind) {
    case "ablate_head":
      return d.ablate_head(headName(edit.part, edit.layer, edit.head));
    case "set_weight": {
      const queries = edit.part === "encoder" ? answer?.source : answer?.decoder_input;
      const keys = edit.part === "decoder" ? answer?.decoder_input : answer?.source;
      const [query, key] = [pieceAt(queries, edit.query), pieceAt(keys, edit.key)];
      return d.set_weight(
        headName(edit.part, edit.layer, edit.head),
        query,
        key,
        format(edit.value),
        edit.renormalise ?? false,
      );
    }
    case "mask_token":
      return d.mask_token(
        words.sides[kind.value],
        pieceAt(answer ? givenTokens(answer) : undefined, edit.position),
      );
    case "swap_token": {
      const piece = pieces.value.get(edit.token) ?? swapped(answer, edit);
      return d.swap_token(
        words.sides[kind.value],
        String(edit.position),
        piece === undefined ? words.tokenNumber(edit.token) : `“${visible(piece)}”`,
      );
    }
    case "attention_temperature":
      return d.attention_temperature(
        headName(edit.part, edit.layer, edit.head),
        format(edit.value),
      );
    case "output_temperature":
      return d.output_temperature(format(edit.value));
    case "steer": {
      const piece = labels.value ? labels.value[edit.token] : pieces.value.get(edit.token);
      const word = piece === undefined ? words.tokenNumber(edit.token) : `“${visible(piece)}”`;
      return d.steer(edit.layer, word, format(edit.value));
    }
    default:
      return JSON.stringify(edit); // an address may say anything; the answer is the server's refusal
  }
}

/** The edited run's own text has the token that was put there. */
function swapped(
  answer: Run | null,
  edit: { position: number; token: number },
): string | undefined {
  const token = answer ? givenTokens(answer)[edit.position] : undefined;
  return token?.id === edit.token ? token.piece : undefined;
}
