/** The views, in the order of their tabs. */

import { view as compare } from "./compare";
import { view as gradients } from "./gradients";
import { view as heads } from "./heads";
import { view as lens } from "./lens";
import { view as sweep } from "./sweep";
import type { View } from "./view";
import { view as walk } from "./walk";
import { view as whatIf } from "./what_if";
import { view as words } from "./words";

export const views: View[] = [walk, heads, words, lens, gradients, whatIf, compare, sweep];
