/** A scene as SVG: the elements that its items become, and a document that stands alone. */

import {
  type HatchItem,
  hatchSegments,
  type Item,
  type LineItem,
  type PathItem,
  type RectItem,
  type Scene,
  type TextItem,
} from "./scene";
import { familyOf } from "./text";

/** Text for XML: its five special characters, and none of the control characters XML forbids. */
export function escaped(text: string): string {
  return (
    text
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what XML forbids
      .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "\ufffd")
      .replace(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, "\ufffd")
      .replace(/&/g, "&amp;")
      .replace(/</g, "&lt;")
      .replace(/>/g, "&gt;")
      .replace(/"/g, "&quot;")
  );
}

const short = (value: number): string => String(Math.round(value * 100) / 100);

type Attributes = Record<string, string | number | undefined>;

/** An SVG element: its name, attributes, and text or children. Shared by the string and the page. */
export interface Mark {
  name: string;
  attributes: Attributes;
  text?: string;
  title?: string;
}

/** The SVG element that an item becomes. */
export function markOf(item: Item): Mark {
  if (item.kind === "rect") return rectMark(item);
  if (item.kind === "line") return lineMark(item);
  if (item.kind === "hatch") return hatchMark(item);
  if (item.kind === "path") return pathMark(item);
  return textMark(item);
}

function rectMark(item: RectItem): Mark {
  return {
    name: "rect",
    attributes: {
      class: item.role,
      x: short(item.x),
      y: short(item.y),
      width: short(item.width),
      height: short(item.height),
      fill: item.fill ?? "none",
      stroke: item.stroke,
      "stroke-width": item.stroke === undefined ? undefined : (item.strokeWidth ?? 1),
    },
    title: item.title,
  };
}

function lineMark(item: LineItem): Mark {
  return {
    name: "line",
    attributes: {
      class: item.role,
      x1: short(item.x1),
      y1: short(item.y1),
      x2: short(item.x2),
      y2: short(item.y2),
      stroke: item.stroke,
      "stroke-width": short(item.strokeWidth),
    },
    title: item.title,
  };
}

function hatchMark(item: HatchItem): Mark {
  const path = hatchSegments(item)
    .map(([x1, y1, x2, y2]) => `M${short(x1)} ${short(y1)}L${short(x2)} ${short(y2)}`)
    .join("");
  return {
    name: "path",
    attributes: {
      class: "hatch",
      d: path || `M${short(item.x)} ${short(item.y)}`,
      fill: "none",
      stroke: item.stroke,
      "stroke-width": item.strokeWidth ?? 1,
    },
    title: item.title,
  };
}

function pathMark(item: PathItem): Mark {
  const { x, y, d, fill, opacity, role } = item;
  const transform = x || y ? `translate(${short(x)} ${short(y)})` : undefined;
  return { name: "path", attributes: { class: role, d, fill, "fill-opacity": opacity, transform } };
}

function textMark(item: TextItem): Mark {
  const place = `${short(item.x)} ${short(item.y)}`;
  return {
    name: "text",
    attributes: {
      class: item.role,
      x: short(item.x),
      y: short(item.y),
      "font-family": familyOf(item),
      "font-size": item.size,
      "font-weight": item.bold ? 600 : undefined,
      "text-anchor": item.anchor ?? "start",
      fill: item.fill,
      "text-decoration": item.strike ? "line-through" : undefined,
      transform: item.rotate ? `rotate(${item.rotate} ${place})` : undefined,
    },
    text: item.text,
  };
}

function markup({ name, attributes, text, title }: Mark): string {
  const attributeText = Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}="${escaped(String(value))}"`)
    .join("");
  const inside = (title ? `<title>${escaped(title)}</title>` : "") + escaped(text ?? "");
  return inside ? `<${name}${attributeText}>${inside}</${name}>` : `<${name}${attributeText}/>`;
}

/** A complete SVG document that stands alone. */
export function sceneSvg(scene: Scene): string {
  const { width, height, title, description, background, items } = scene;
  const ground: RectItem[] = background
    ? [{ kind: "rect", x: 0, y: 0, width, height, fill: background, role: "background" }]
    : [];
  const body = [...ground, ...items].map(markOf).map(markup).join("\n");
  return (
    `<?xml version="1.0" encoding="UTF-8"?>\n` +
    `<svg xmlns="http://www.w3.org/2000/svg" width="${short(width)}" height="${short(height)}" ` +
    `viewBox="0 0 ${short(width)} ${short(height)}" role="img">\n` +
    `<title>${escaped(title)}</title>\n` +
    (description ? `<desc>${escaped(description)}</desc>\n` : "") +
    `${body}\n</svg>\n`
  );
}
