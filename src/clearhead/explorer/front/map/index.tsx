/** The map of the model, always there: it says where one is, and its boxes lead elsewhere. On a wide
 * page it stands open and scrolls away but for its last line; on a narrow one that line unfolds it. */

import { type Signal, useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { atMostWide } from "../core/host/tree";
import { run } from "../core/state/state";
import { wordsOf } from "../core/text/i18n";
import { useKinds } from "../views/shared/kinds";
import { MapBody } from "./body";
import { placeNow } from "./place";
import { Here, QueryPicker } from "./strip";
import { table } from "./words";
import "./styles/map.css";
import "./styles/strip.css";

const narrow = atMostWide(48);

export function ModelMap(): JSX.Element | null {
  const words = wordsOf(table);
  const answer = run.value;
  const place = placeNow();
  const root = useRef<HTMLElement>(null);
  const open = useSignal(false);
  const away = useSignal(false);
  const there = answer !== null && place !== null;
  useEffect(
    () => (there ? tellHeights(root.current) : undefined),
    [there, open.value, narrow.value],
  );
  useEffect(() => (there ? watch(root.current, away) : undefined), [there]);
  if (!answer || !place) return null;
  const kinds = useKinds(answer);
  const toggle = (): void => {
    open.value = !open.value;
    // What it unfolds needs the room below it.
    if (open.value && narrow.value) root.current?.scrollIntoView({ block: "start" });
  };
  const close = (event: KeyboardEvent): void => {
    if (event.key !== "Escape" || !open.value) return;
    event.stopPropagation();
    open.value = false;
    root.current?.querySelector<HTMLElement>(".map-toggle")?.focus();
  };
  return (
    <nav
      class="map"
      aria-label={words.map}
      data-open={open.value || undefined}
      ref={root}
      onKeyDown={close}
    >
      <MapBody answer={answer} place={place} kinds={kinds} />
      <div class="map-strip">
        <Here answer={answer} place={place} kinds={kinds} />
        <QueryPicker />
        <button
          type="button"
          class="map-toggle"
          aria-expanded={open.value}
          aria-controls="map-body"
          data-idle={(!narrow.value && !open.value && !away.value) || undefined}
          onClick={toggle}
        >
          {words.unfold}
        </button>
      </div>
    </nav>
  );
}

/** Whether the boxes are out of sight. Returns what ends it. */
function watch(map: HTMLElement | null, away: Signal<boolean>): (() => void) | undefined {
  const body = map?.querySelector(".map-body");
  if (!body) return undefined;
  const observer = new IntersectionObserver((entries) => {
    const last = entries[entries.length - 1];
    away.value = last !== undefined && !last.isIntersecting;
  });
  observer.observe(body);
  return () => observer.disconnect();
}

/** The map's --map-body is how high its boxes are, which scroll away; the page's --shell-top, how
 * high what stays in sight is: what else sticks, in a view, does so below it. */
function tellHeights(map: HTMLElement | null): (() => void) | undefined {
  const page = map?.closest<HTMLElement>(".page");
  const body = map?.querySelector<HTMLElement>(".map-body");
  const strip = map?.querySelector<HTMLElement>(".map-strip");
  if (!map || !page || !body || !strip) return undefined;
  const observer = new ResizeObserver(() => {
    // A fraction of a pixel that stayed in sight would count as the map in sight.
    const height = Math.floor(body.getBoundingClientRect().height) + 1;
    map.style.setProperty("--map-body", `${height}px`);
    const all = map.dataset.open !== undefined && !narrow.peek();
    page.style.setProperty("--shell-top", `${(all ? map : strip).offsetHeight}px`);
  });
  for (const part of [body, strip]) observer.observe(part);
  return () => observer.disconnect();
}
