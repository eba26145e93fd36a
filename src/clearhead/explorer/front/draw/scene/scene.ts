/**
 * A picture as a list of primitives, so that the same picture is drawn on the page, saved as SVG
 * and painted as PNG. Units are CSS pixels; y grows downwards. Hatching is made of lines, computed
 * here, because a pattern fill would look different in each of the three.
 */

export interface RectItem {
  kind: "rect";
  x: number;
  y: number;
  width: number;
  height: number;
  fill?: string;
  stroke?: string;
  strokeWidth?: number;
  /** A class in the SVG, by which a reader (or a test) finds the cells again. */
  role?: string;
  /** In words: a tooltip in the SVG. */
  title?: string;
}

export interface LineItem {
  kind: "line";
  x1: number;
  y1: number;
  x2: number;
  y2: number;
  stroke: string;
  strokeWidth: number;
  role?: string;
  title?: string;
}

export interface TextItem {
  kind: "text";
  x: number;
  y: number;
  text: string;
  size: number;
  fill: string;
  anchor?: "start" | "middle" | "end";
  bold?: boolean;
  mono?: boolean;
  /** Degrees clockwise around (x, y). */
  rotate?: number;
}

/** A masked area: diagonal lines, clipped to the rectangle. */
export interface HatchItem {
  kind: "hatch";
  x: number;
  y: number;
  width: number;
  height: number;
  stroke: string;
  spacing?: number;
  strokeWidth?: number;
  title?: string;
}

export type Item = RectItem | LineItem | TextItem | HatchItem;

export interface Scene {
  title: string;
  /** A sentence or two for those who cannot see it. */
  description?: string;
  width: number;
  height: number;
  background?: string;
  items: Item[];
}

export const SANS = "system-ui, 'Segoe UI', 'Helvetica Neue', Arial, 'DejaVu Sans', sans-serif";
export const MONO = "ui-monospace, 'Cascadia Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace";

/** Segments of diagonals x + y = constant that lie in a rectangle: [x1, y1, x2, y2] each. */
export function hatchSegments(
  hatch: Pick<HatchItem, "x" | "y" | "width" | "height" | "spacing">,
): [number, number, number, number][] {
  const { x, y, width, height, spacing = 6 } = hatch;
  const segments: [number, number, number, number][] = [];
  // Multiples of the spacing in absolute coordinates: neighbouring rectangles join without a seam.
  const first = Math.ceil((x + y + 1e-9) / spacing) * spacing;
  for (let sum = first; sum < x + y + width + height - 1e-9; sum += spacing) {
    const left = Math.max(x, sum - (y + height));
    const right = Math.min(x + width, sum - y);
    if (right > left) segments.push([left, sum - left, right, sum - right]);
  }
  return segments;
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

/** A text cut to a width, with an ellipsis where something is missing. */
export function fitted(text: string, width: number, size: number, mono = false): string {
  if (textWidth(text, size, mono) <= width) return text;
  const characters = [...text];
  while (characters.length && textWidth(`${characters.join("")}…`, size, mono) > width) {
    characters.pop();
  }
  return `${characters.join("")}…`;
}

/** Text for XML: its five special characters, and none of the control characters XML forbids. */
export function escaped(text: string): string {
  return text
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "\ufffd")
    .replace(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, "\ufffd")
    .replace(/&/g, "&amp;")
    .replace(/</g, "&lt;")
    .replace(/>/g, "&gt;")
    .replace(/"/g, "&quot;");
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

/** The SVG elements that an item becomes. */
export function marksOf(item: Item): Mark[] {
  if (item.kind === "rect") {
    return [
      {
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
      },
    ];
  }
  if (item.kind === "line") {
    return [
      {
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
      },
    ];
  }
  if (item.kind === "hatch") {
    const path = hatchSegments(item)
      .map(([x1, y1, x2, y2]) => `M${short(x1)} ${short(y1)}L${short(x2)} ${short(y2)}`)
      .join("");
    return [
      {
        name: "path",
        attributes: {
          class: "hatch",
          d: path || `M${short(item.x)} ${short(item.y)}`,
          fill: "none",
          stroke: item.stroke,
          "stroke-width": item.strokeWidth ?? 1,
        },
        title: item.title,
      },
    ];
  }
  return [
    {
      name: "text",
      attributes: {
        x: short(item.x),
        y: short(item.y),
        "font-family": item.mono ? MONO : SANS,
        "font-size": item.size,
        "font-weight": item.bold ? 600 : undefined,
        "text-anchor": item.anchor ?? "start",
        fill: item.fill,
        transform: item.rotate
          ? `rotate(${item.rotate} ${short(item.x)} ${short(item.y)})`
          : undefined,
      },
      text: item.text,
    },
  ];
}

function markup({ name, attributes, text, title }: Mark): string {
  const written = Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}="${escaped(String(value))}"`)
    .join("");
  const inside = (title ? `<title>${escaped(title)}</title>` : "") + escaped(text ?? "");
  return inside ? `<${name}${written}>${inside}</${name}>` : `<${name}${written}/>`;
}

/** A complete SVG document that stands alone. */
export function sceneSvg(scene: Scene): string {
  const { width, height, title, description, background, items } = scene;
  const ground: RectItem[] = background
    ? [{ kind: "rect", x: 0, y: 0, width, height, fill: background, role: "background" }]
    : [];
  const body = [...ground, ...items].flatMap(marksOf).map(markup).join("\n");
  return (
    `<?xml version="1.0" encoding="UTF-8"?>\n` +
    `<svg xmlns="http://www.w3.org/2000/svg" width="${short(width)}" height="${short(height)}" ` +
    `viewBox="0 0 ${short(width)} ${short(height)}" role="img">\n` +
    `<title>${escaped(title)}</title>\n` +
    (description ? `<desc>${escaped(description)}</desc>\n` : "") +
    `${body}\n</svg>\n`
  );
}

/** Paint a scene on a canvas, its origin where the context's is. */
export function paintScene(context: CanvasRenderingContext2D, scene: Scene): void {
  if (scene.background) {
    context.fillStyle = scene.background;
    context.fillRect(0, 0, scene.width, scene.height);
  }
  for (const item of scene.items) paint(context, item);
}

function paint(context: CanvasRenderingContext2D, item: Item): void {
  if (item.kind === "rect") {
    if (item.fill) {
      context.fillStyle = item.fill;
      context.fillRect(item.x, item.y, item.width, item.height);
    }
    if (item.stroke) {
      context.strokeStyle = item.stroke;
      context.lineWidth = item.strokeWidth ?? 1;
      context.strokeRect(item.x, item.y, item.width, item.height);
    }
  } else if (item.kind === "text") {
    context.save();
    context.translate(item.x, item.y);
    context.rotate(((item.rotate ?? 0) * Math.PI) / 180);
    context.font = `${item.bold ? 600 : 400} ${item.size}px ${item.mono ? MONO : SANS}`;
    context.textAlign = item.anchor === "middle" ? "center" : (item.anchor ?? "start");
    context.textBaseline = "alphabetic";
    context.fillStyle = item.fill;
    context.fillText(item.text, 0, 0);
    context.restore();
  } else {
    const segments =
      item.kind === "line" ? [[item.x1, item.y1, item.x2, item.y2]] : hatchSegments(item);
    context.beginPath();
    for (const [x1, y1, x2, y2] of segments) {
      context.moveTo(x1!, y1!);
      context.lineTo(x2!, y2!);
    }
    context.strokeStyle = item.stroke;
    context.lineWidth = item.strokeWidth ?? 1;
    context.stroke();
  }
}

/** The largest side of a canvas that every browser of today paints. */
const CANVAS_MOST = 16384;

/** A PNG of a scene, `scale` image pixels for one of the page's; less where it would be too large. */
export async function scenePng(scene: Scene, scale = 2): Promise<Blob> {
  const fitting = Math.min(scale, CANVAS_MOST / Math.max(scene.width, scene.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(scene.width * fitting));
  canvas.height = Math.max(1, Math.round(scene.height * fitting));
  const context = canvas.getContext("2d");
  if (!context)
    throw new Error("This browser gave no canvas to paint the picture on; save it as SVG.");
  context.scale(fitting, fitting);
  paintScene(context, scene);
  return new Promise((resolve, reject) => {
    canvas.toBlob(
      (blob) =>
        blob
          ? resolve(blob)
          : reject(new Error("This browser could not write the picture as PNG; save it as SVG.")),
      "image/png",
    );
  });
}
