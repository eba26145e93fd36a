/** The text that the model made. */

import type { Run } from "../protocol";

/** The translator's own translation of the sentence that is walked; an edited or given one as it is. */
export function shownTranslation(answer: Run): string | null {
  const own = answer.sentences[answer.sentence]?.translation;
  return answer.baseline || answer.target_given || own === undefined ? answer.translation : own;
}
