import type { View } from "../../core/view";

export const view: View = {
  id: "words",
  title: { en: "Words", pt: "Words" },
  needs: [],
  component: () => null,
};
