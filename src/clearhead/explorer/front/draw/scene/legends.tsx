/** A scene on the page, and the legends, which are scenes. */

import { type FunctionComponent, h } from "preact";
import { wordsOf } from "../../core/text/i18n";
import { INKS, type Kind, type Theme } from "../colours";
import { shownTheme, typeScale } from "../theme";
import { table } from "../words";
import { LEGEND_HEIGHT, LEGEND_WIDTH, legendItems, scaleMark } from "./items";
import type { Scene } from "./scene";
import { markOf } from "./svg";

export const SceneView: FunctionComponent<{ scene: Scene; class?: string }> = ({
  scene,
  class: name,
}) => (
  <svg
    class={name}
    width={scene.width * typeScale.value}
    height={scene.height * typeScale.value}
    viewBox={`0 0 ${scene.width} ${scene.height}`}
    role="img"
    aria-label={scene.description ? `${scene.title}. ${scene.description}` : scene.title}
  >
    {scene.items
      .map(markOf)
      .map(({ name: element, attributes, text, title }) =>
        h(element, attributes, title ? <title>{title}</title> : null, text),
      )}
  </svg>
);

/** The scale of weights or of scores, for a picture's foot or the page. */
export function legendScene(kind: Kind, max: number, theme: Theme): Scene {
  const { weightLegend, scoreLegend, maskedShort } = wordsOf(table);
  const title = kind === "weight" ? weightLegend : scoreLegend(scaleMark(max));
  const at = { x: 1, y: 1 };
  const marks = { title, masked: maskedShort };
  return {
    title,
    width: LEGEND_WIDTH,
    height: LEGEND_HEIGHT,
    items: legendItems(kind, max, at, marks, theme, INKS[theme]),
  };
}

export const WeightLegend: FunctionComponent = () => (
  <SceneView class="legend" scene={legendScene("weight", 1, shownTheme.value)} />
);

export const ScoreLegend: FunctionComponent<{ max: number }> = ({ max }) => (
  <SceneView class="legend" scene={legendScene("score", max, shownTheme.value)} />
);
