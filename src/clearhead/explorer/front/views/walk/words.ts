/** What the walk says, in both languages. */

import { en } from "./words_en";
import { pt } from "./words_pt";

export type { Words } from "./words_en";

export const table = { en, pt };
