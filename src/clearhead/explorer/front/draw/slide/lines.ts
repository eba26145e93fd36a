/** Texts in lines of a width. */

import { type Face, widthOf } from "../scene/text";

/** A text in as many lines as it needs; a word that is wider than a line is cut in two. */
export function linesOf(text: string, width: number, size: number, face: Face = {}): string[] {
  const fits = (line: string): boolean => widthOf(line, size, face) <= width;
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/\s+/).filter(Boolean)) {
    const longer = line ? `${line} ${word}` : word;
    if (fits(longer)) {
      line = longer;
      continue;
    }
    if (line) lines.push(line);
    line = "";
    for (const character of word) {
      if (line && !fits(line + character)) {
        lines.push(line);
        line = "";
      }
      line += character;
    }
  }
  return line ? [...lines, line] : lines;
}

/** The same in at most so many lines; an ellipsis where something is missing. */
export function fewLines(
  text: string,
  most: number,
  width: number,
  size: number,
  face: Face = {},
): string[] {
  const lines = linesOf(text, width, size, face);
  if (lines.length <= most) return lines;
  let last = lines[most - 1] ?? "";
  while (last && widthOf(`${last} …`, size, face) > width) last = last.replace(/\s*\S$/u, "");
  return [...lines.slice(0, most - 1), `${last} …`];
}
