/** A token of the vocabulary, searched as one types. The pattern is ARIA's combobox with a list. */

import { useSignal } from "@preact/signals";
import type { JSX, TargetedKeyboardEvent } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { Token } from "../../../core/protocol";
import { source } from "../../../core/state/state";
import { wordsOf } from "../../../core/text/i18n";
import { Piece, visible } from "../../shared/parts";
import { table } from "../words";
import { remember } from "./describe";

const PAUSE = 120;

interface ComboboxProps {
  chosen: Token | null;
  choose: (token: Token | null) => void;
}

export function TokenCombobox({ chosen, choose }: ComboboxProps): JSX.Element {
  const words = wordsOf(table);
  const typed = useSignal("");
  const open = useSignal(false);
  const active = useSignal(0);
  const { tokens, pending } = useSearch(typed.value);
  const take = (token: Token) => {
    remember([token]);
    typed.value = visible(token.piece);
    open.value = false;
    choose(token);
  };
  const key = (event: TargetedKeyboardEvent<HTMLInputElement>) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined) {
      event.preventDefault();
      if (open.value) active.value = Math.min(tokens.length - 1, Math.max(0, active.value + step));
      open.value = true;
    } else if (event.key === "Enter" && open.value) {
      event.preventDefault();
      const token = tokens[active.value];
      if (token) take(token);
    } else if (event.key === "Escape") open.value = false;
  };
  const listed = open.value && typed.value.trim() !== "";
  return (
    <div class="combobox">
      <label for="swap-token">{words.replacement}</label>
      <input
        id="swap-token"
        type="text"
        role="combobox"
        autocomplete="off"
        spellcheck={false}
        aria-expanded={listed}
        aria-controls="swap-token-list"
        aria-autocomplete="list"
        aria-describedby="swap-token-help"
        aria-activedescendant={
          listed && tokens[active.value] ? `swap-token-${active.value}` : undefined
        }
        value={typed.value}
        onInput={(event) => {
          typed.value = event.currentTarget.value;
          active.value = 0;
          open.value = true;
          if (chosen) choose(null);
        }}
        onKeyDown={key}
        onBlur={() => (open.value = false)}
      />
      <ul id="swap-token-list" role="listbox" aria-label={words.replacement} hidden={!listed}>
        {tokens.map((token, place) => (
          <li
            key={token.id}
            id={`swap-token-${place}`}
            role="option"
            aria-selected={place === active.value}
            onPointerDown={(event) => {
              event.preventDefault(); // the focus stays in the field
              take(token);
            }}
          >
            <Piece token={token} special={words.special} /> <small>{token.id}</small>
          </li>
        ))}
      </ul>
      <small id="swap-token-help" aria-live="polite">
        {listed && pending
          ? words.searching
          : listed && tokens.length === 0
            ? words.noWords
            : words.replacementHelp}
      </small>
    </div>
  );
}

/** Tokens for what is typed, asked after a short pause; an older answer never replaces a newer. */
function useSearch(query: string): { tokens: Token[]; pending: boolean } {
  const found = useSignal<{ query: string; tokens: Token[] }>({ query: "", tokens: [] });
  const latest = useRef(query);
  latest.current = query;
  useEffect(() => {
    if (!query.trim()) return undefined;
    const timer = setTimeout(() => {
      const settle = (tokens: Token[]) => {
        if (latest.current === query) found.value = { query, tokens };
      };
      source
        .peek()
        .ask("words", { query })
        .then(
          ({ json }) => settle(json.tokens),
          () => settle([]),
        );
    }, PAUSE);
    return () => clearTimeout(timer);
  }, [query]);
  const pending = found.value.query !== query;
  return { tokens: pending ? [] : found.value.tokens, pending };
}
