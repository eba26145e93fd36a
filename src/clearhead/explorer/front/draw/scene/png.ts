/** A scene painted on a canvas, and saved as PNG. */

import { hatchSegments, type Item, type Scene, type TextItem } from "./scene";
import { fontOf, widthOf } from "./text";

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
    paintText(context, item);
  } else if (item.kind === "path") {
    context.save();
    context.translate(item.x, item.y);
    context.globalAlpha = item.opacity ?? 1;
    context.fillStyle = item.fill;
    context.fill(new Path2D(item.d));
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

function paintText(context: CanvasRenderingContext2D, item: TextItem): void {
  context.save();
  context.translate(item.x, item.y);
  context.rotate(((item.rotate ?? 0) * Math.PI) / 180);
  context.font = fontOf(item.size, item);
  context.textAlign = item.anchor === "middle" ? "center" : (item.anchor ?? "start");
  context.textBaseline = "alphabetic";
  context.fillStyle = item.fill;
  context.fillText(item.text, 0, 0);
  if (item.strike) {
    const width = widthOf(item.text, item.size, item);
    const start = item.anchor === "middle" ? -width / 2 : item.anchor === "end" ? -width : 0;
    context.fillRect(start, -0.3 * item.size, width, item.size / 14);
  }
  context.restore();
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
