/** What stands around a step of the walk. */

export const table = {
  en: {
    bar: "Steps of the walk, one at a time",
    step: "Step",
    back: "Back",
    next: "Next",
    all: "Show all steps",
    hint: "Space, → or a swipe leads on, ← back. Press a number to see where it comes from.",
  },
  pt: {
    bar: "Passos do percurso, um de cada vez",
    step: "Passo",
    back: "Voltar",
    next: "Avançar",
    all: "Mostrar todos os passos",
    hint: "Espaço, → ou um deslize leva adiante, ← volta. Pressione um número para ver de onde vem.",
  },
};
