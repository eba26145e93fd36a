/** How wide a text is, and texts cut to a width. */

/** About how wide a text is, without a canvas: half an em a character, three fifths in monospace. */
export function textWidth(text: string, size: number, mono = false): number {
  let ems = 0;
  for (const character of text) {
    const code = character.codePointAt(0)!;
    const wide = code >= 0x1100 && (code <= 0x115f || code >= 0x2e80);
    if (wide) ems += 1;
    else if (mono) ems += 0.602;
    else if ("mwMW%@—…▁".includes(character)) ems += 0.88;
    else if ("iljt.,;:'|!()[]I fr".includes(character)) ems += 0.34;
    else ems += character >= "A" && character <= "Z" ? 0.68 : 0.56;
  }
  return ems * size;
}

/** A text cut to a width, with an ellipsis where something is missing. */
export function fitText(text: string, width: number, size: number, mono = false): string {
  if (textWidth(text, size, mono) <= width) return text;
  const characters = [...text];
  while (characters.length && textWidth(`${characters.join("")}…`, size, mono) > width) {
    characters.pop();
  }
  return `${characters.join("")}…`;
}
