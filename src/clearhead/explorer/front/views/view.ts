/** What a view is. Each `views/NAME/index.tsx` exports `const view: View`. */

import type { FunctionComponent } from "preact";
import type { Ability } from "../core/protocol";
import type { Bilingual } from "../core/text/i18n";
import type { Picture } from "../draw/slide/slide";

export interface View {
  id: string;
  title: Bilingual<string>;
  /** Abilities that the model must have for this view to be offered. */
  needs: Ability[];
  component: FunctionComponent;
  /** What is shown, as a picture, for export as SVG and PNG; null while there is nothing. */
  picture?: () => Picture | null;
  /** What is shown, as data, for export as JSON. */
  json?: () => unknown;
}
