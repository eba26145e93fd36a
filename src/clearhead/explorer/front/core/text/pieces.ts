/** Pieces of the vocabulary, as the page writes them. */

/** A piece with what cannot be seen made visible. */
export function visible(piece: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what cannot be seen
  return piece.replace(/[\u0000-\u0020\u007f\u00a0]/g, (character) =>
    character === "\n" ? "↵" : character === " " || character === "\u00a0" ? "␣" : "�",
  );
}
