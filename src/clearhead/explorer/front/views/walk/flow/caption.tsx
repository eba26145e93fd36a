/** What is to be seen at this moment of a step, above its picture. */

import type { JSX } from "preact";
import { moment, motion } from "./motion";

export function Caption(): JSX.Element {
  return <p class="flow-caption">{motion.value?.caption(moment.value) ?? ""}</p>;
}
