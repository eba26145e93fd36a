import type { Kind } from "./colours";

export const table = {
  en: {
    weightLegend: "routing weight",
    scoreLegend: (max: string) => `score, from −${max} to ${max}`,
    masked: "masked: may not attend",
    maskedShort: "masked",
    row: (label: string, at: number) => `query ${at} “${label}”`,
    column: (label: string, at: number) => `key ${at} “${label}”`,
    value: (kind: Kind, value: string) =>
      kind === "weight" ? `routing weight ${value}` : `score ${value}`,
    between: (row: string, column: string, value: string) => `From ${row} to ${column}: ${value}.`,
    pointAtCell: "Point at a cell, or move through the cells with the arrow keys, to read it here.",
    queries: "queries",
    keys: "keys",
    ribbonLegend: "routing weight, by the width",
    slideAxes: "Rows are queries, columns are keys.",
    slideModel: (name: string) => `Model: ${name}`,
    slideStep: (step: number) => `training step ${step}`,
    slideEdits: (count: number) => (count === 1 ? "with 1 edit" : `with ${count} edits`),
    slideHead: (part: string, layer: number, head: number) =>
      `${part}, layer ${layer}, head ${head}`,
    slideParts: {
      encoder: "Encoder self-attention",
      decoder: "Decoder self-attention",
      cross: "Cross-attention",
      self: "Self-attention",
    } as Record<string, string>,
    windowed: (rows: [number, number], columns: [number, number], of: [number, number]) =>
      `Shown: queries ${rows[0]}–${rows[1] - 1} of ${of[0]} and keys ${columns[0]}–${columns[1] - 1} ` +
      `of ${of[1]}; the others are outside this window.`,
    moveWindow:
      "Move the window: click or drag in the small picture of the whole, or use the sliders.",
    firstQuery: "first query shown",
    firstKey: "first key shown",
    whole: "The whole matrix, in small",
    pooled: (rows: number, columns: number) =>
      `Each dot is the largest weight of ${rows} × ${columns} cells.`,
  },
  pt: {
    weightLegend: "peso de roteamento",
    scoreLegend: (max: string) => `pontuação, de −${max} a ${max}`,
    masked: "mascarado: não pode atender",
    maskedShort: "mascarado",
    row: (label: string, at: number) => `consulta ${at} “${label}”`,
    column: (label: string, at: number) => `chave ${at} “${label}”`,
    value: (kind: Kind, value: string) =>
      kind === "weight" ? `peso de roteamento ${value}` : `pontuação ${value}`,
    between: (row: string, column: string, value: string) => `De ${row} para ${column}: ${value}.`,
    pointAtCell: "Aponte para uma célula, ou percorra as células com as setas, para lê-la aqui.",
    queries: "consultas",
    keys: "chaves",
    ribbonLegend: "peso de roteamento, pela largura",
    slideAxes: "Linhas são consultas, colunas são chaves.",
    slideModel: (name: string) => `Modelo: ${name}`,
    slideStep: (step: number) => `passo ${step} do treino`,
    slideEdits: (count: number) => (count === 1 ? "com 1 edição" : `com ${count} edições`),
    slideHead: (part: string, layer: number, head: number) =>
      `${part}, camada ${layer}, cabeça ${head}`,
    slideParts: {
      encoder: "Autoatenção do codificador",
      decoder: "Autoatenção do decodificador",
      cross: "Atenção cruzada",
      self: "Autoatenção",
    } as Record<string, string>,
    windowed: (rows: [number, number], columns: [number, number], of: [number, number]) =>
      `À vista: consultas ${rows[0]}–${rows[1] - 1} de ${of[0]} e chaves ${columns[0]}–${columns[1] - 1} ` +
      `de ${of[1]}; as demais estão fora desta janela.`,
    moveWindow:
      "Mova a janela: clique ou arraste na figura reduzida, ou use os controles deslizantes.",
    firstQuery: "primeira consulta à vista",
    firstKey: "primeira chave à vista",
    whole: "A matriz inteira, reduzida",
    pooled: (rows: number, columns: number) =>
      `Cada ponto é o maior peso de ${rows} × ${columns} células.`,
  },
};
