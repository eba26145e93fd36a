/** How wide a text is, and texts cut to a width. */

import { MONO, SANS, SERIF } from "./scene";

/** What a text is set in; the page's sans where nothing is said. */
export interface Face {
  bold?: boolean;
  mono?: boolean;
  serif?: boolean;
}

export function familyOf({ mono, serif }: Face): string {
  return mono ? MONO : serif ? SERIF : SANS;
}

/** As a canvas takes it. */
export function fontOf(size: number, face: Face): string {
  return `${face.bold ? 600 : 400} ${size}px ${familyOf(face)}`;
}

let pen: CanvasRenderingContext2D | null | undefined;

/** How wide a text is in this browser; without one, about how wide. */
export function widthOf(text: string, size: number, face: Face = {}): number {
  if (pen === undefined)
    pen =
      typeof document === "undefined" ? null : document.createElement("canvas").getContext("2d");
  if (!pen) return textWidth(text, size, face.mono);
  pen.font = fontOf(size, face);
  return pen.measureText(text).width;
}

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

/** The width of the widest of these texts, but no more than `most`. */
export function widest(
  texts: readonly string[],
  most: number,
  size: number,
  face: Face = {},
): number {
  return Math.min(most, Math.max(0, ...texts.map((text) => widthOf(text, size, face))));
}

/** A text cut to a width, with an ellipsis where something is missing. */
export function fitText(text: string, width: number, size: number, face: Face = {}): string {
  if (widthOf(text, size, face) <= width) return text;
  const characters = [...text];
  while (characters.length && widthOf(`${characters.join("")}…`, size, face) > width) {
    characters.pop();
  }
  return `${characters.join("")}…`;
}
