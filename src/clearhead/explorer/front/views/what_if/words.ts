/** Every word of the view of edits and of the banner, in both languages. */

import { en } from "./words_en";
import { pt } from "./words_pt";

export const table = { en, pt };
