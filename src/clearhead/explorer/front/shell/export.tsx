/** Saving what is shown: pictures as SVG and PNG, JSON, the whole page as one file, its address. */

import { useSignal } from "@preact/signals";
import type { JSX, TargetedKeyboardEvent } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { focusedElement } from "../core/host/tree";
import { toHash } from "../core/state/address";
import { messageOf } from "../core/state/error_message";
import { upToDate } from "../core/state/running";
import { run, snapshot, source } from "../core/state/state";
import { wordsOf } from "../core/text/i18n";
import { table } from "../core/text/words";
import { scenePng } from "../draw/scene/png";
import { sceneSvg } from "../draw/scene/svg";
import { frameOf } from "../draw/slide/frame";
import { type Picture, slideOf } from "../draw/slide/slide";
import { inks } from "../draw/theme";
import { openingPicture } from "../views/opening/picture/slide";
import type { View } from "../views/view";

type Kind = keyof typeof table.en.exports;

export function ExportMenu({ view }: { view: View }): JSX.Element {
  const words = wordsOf(table);
  const open = useSignal(false);
  const message = useSignal("");
  const root = useRef<HTMLDivElement>(null);
  const opener = useRef<HTMLButtonElement>(null);
  useEffect(() => closeOutside(root, () => (open.value = false)), []);
  useEffect(() => {
    if (open.value) root.current?.querySelector<HTMLElement>('[role="menuitem"]')?.focus();
  }, [open.value]);
  const close = (): void => {
    open.value = false;
    opener.current?.focus();
  };
  const choose = async (kind: Kind): Promise<void> => {
    close();
    message.value = "";
    try {
      message.value = await save(kind, view);
    } catch (error) {
      message.value = messageOf(error as Error);
    }
  };
  const kinds = (Object.keys(words.exports) as Kind[]).filter((kind) => isAvailable(kind, view));
  return (
    <div class="export" ref={root} onKeyDown={(event) => menuKeys(event, close)}>
      <button
        type="button"
        ref={opener}
        aria-haspopup="menu"
        aria-expanded={open.value}
        disabled={!upToDate.value}
        onClick={() => (open.value = !open.value)}
      >
        {words.export}
      </button>
      {open.value && (
        <div role="menu" aria-label={words.export}>
          {kinds.map((kind) => (
            <button
              type="button"
              role="menuitem"
              tabIndex={-1}
              key={kind}
              onClick={() => void choose(kind)}
            >
              {words.exports[kind]}
            </button>
          ))}
        </div>
      )}
      <span class={message.value ? "said" : "unseen"} role="status">
        {message.value}
      </span>
    </div>
  );
}

function isAvailable(kind: Kind, view: View): boolean {
  const place = source.value.place;
  if (kind === "html") return place === "page";
  if (kind === "link") return place === "page";
  if (kind === "json") return view.json !== undefined;
  if (kind === "openingSvg" || kind === "openingPng") return openingPicture() !== null;
  return view.picture !== undefined;
}

async function save(kind: Kind, view: View): Promise<string> {
  const words = wordsOf(table);
  const name = `clearhead-${view.id}`;
  const answer = run.peek();
  if (kind === "link") {
    await navigator.clipboard.writeText(location.origin + location.pathname + toHash());
    return words.linkCopied;
  }
  if (kind === "html") {
    if (!answer) return words.exportNothing;
    const { json, arrays } = await source
      .peek()
      .ask("offline", { run: answer.request, state: toHash() });
    const html = arrays.html?.data;
    if (!html) return words.exportNothing;
    return download(json.name, new Blob([html as Uint8Array<ArrayBuffer>], { type: "text/html" }));
  }
  if (kind === "json") {
    const content = { state: snapshot(), view: view.id, shown: view.json?.() };
    return download(
      `${name}.json`,
      new Blob([JSON.stringify(content, infinities, 1)], { type: "application/json" }),
    );
  }
  if (kind === "openingSvg") return savePicture("clearhead-opening.svg", openingPicture());
  if (kind === "openingPng") return savePicture("clearhead-opening.png", openingPicture());
  return savePicture(`${name}.${kind}`, view.picture?.() ?? null);
}

/** A picture as a slide: the ending of the name says whether as SVG or as PNG. */
async function savePicture(name: string, picture: Picture | null): Promise<string> {
  const answer = run.peek();
  if (!picture || !answer) return wordsOf(table).exportNothing;
  const scene = slideOf(picture, frameOf(answer), inks());
  const blob = name.endsWith(".png")
    ? await scenePng(scene)
    : new Blob([sceneSvg(scene)], { type: "image/svg+xml" });
  return download(name, blob);
}

/** Typed arrays as lists, and -infinity as null, as in all JSON here. */
function infinities(_: string, value: unknown): unknown {
  if (ArrayBuffer.isView(value)) return Array.from(value as Float64Array);
  return value;
}

function download(name: string, blob: Blob): string {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  return wordsOf(table).exported(name);
}

function closeOutside(root: { current: HTMLElement | null }, close: () => void): () => void {
  const listen = (event: Event): void => {
    if (!event.composedPath().includes(root.current as Node)) close();
  };
  addEventListener("pointerdown", listen);
  return () => removeEventListener("pointerdown", listen);
}

function menuKeys(event: TargetedKeyboardEvent<HTMLElement>, close: () => void): void {
  const items = [...event.currentTarget.querySelectorAll<HTMLElement>('[role="menuitem"]')];
  if (!items.length) return;
  if (event.key === "Escape") {
    event.stopPropagation();
    close();
    return;
  }
  const place = items.indexOf(focusedElement() as HTMLElement);
  const next = { ArrowDown: place + 1, ArrowUp: place - 1, Home: 0, End: items.length - 1 }[
    event.key
  ];
  if (next === undefined) return;
  event.preventDefault();
  items[(next + items.length) % items.length]?.focus();
}
