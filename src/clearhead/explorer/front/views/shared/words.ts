/** Words of the parts that several views share. */

export const table = {
  en: {
    shownTokens: (from: number, to: number, of: number) => `${from}–${to} of ${of}`,
    earlier: "Earlier",
    later: "Later",
  },
  pt: {
    shownTokens: (from: number, to: number, of: number) => `${from}–${to} de ${of}`,
    earlier: "Anteriores",
    later: "Seguintes",
  },
};
