/** Every word of the view of a sweep, in both languages. */

const en = {
  title: "Sweep",
  asking: "Reading the result of the sweep …",
  titles: {
    heads: "One head at a time",
    layers: "One layer at a time",
    positions: "One position at a time",
    edges: "One edge at a time",
  },
  edits: {
    zero: "its output set to 0",
    mean: "its output put at its mean over the text",
    patch: "its output taken from another run",
    remove: "masked before the softmax, so that the other weights fill the gap",
  },
  intro: (edit: string) =>
    `Each number is the metric with one edit less the metric without any; the edit: ${edit}.`,
  paths: (module: string, part: string, head: string) =>
    `Only what goes on to the ${part} of ${module}${head} is changed: these are paths.`,
  parts: { query: "queries", key: "keys", value: "values", input: "input", output: "output" },
  modelOutput: "the model",
  ofHead: (head: number) => `, head ${head}`,
  freeze: (patterns: string) => `${patterns} stay as they were.`,
  model: "Model",
  measure: "Metric",
  before: "Without an edit",
  target: "In the run patched from",
  texts: { edited: "Text that is edited", source: "Text patched from", decoder: "Decoder reads" },
  differ: "Marked: tokens in which the two texts differ.",
  grid: "Effects",
  axes: {
    module: "modules",
    head: "heads",
    position: "positions",
    query: "queries",
    key: "keys",
  } as Record<string, string>,
  one: {
    module: "module",
    head: "head",
    position: "position",
    query: "query",
    key: "key",
  } as Record<string, string>,
  effect: "Effect",
  inModule: "Module",
  scale: (max: string) => `Violet lowers the metric, orange raises it; the scale ends at ±${max}.`,
  cell: (place: string, value: string, metric: string) =>
    `${place}: ${value}, the metric is then ${metric}.`,
  cellShare: (place: string, value: string, metric: string, share: string) =>
    `${place}: ${value}, the metric is then ${metric}: ${share} of the way to the run patched from.`,
  none: "nothing there",
  nothing: (place: string) => `${place}: there is no such thing.`,
  rows: "first row",
  columns: "first column",
  shown: (rows: string, columns: string) => `Shown: rows ${rows}, columns ${columns}.`,
  largest: "Largest effects",
  place: "Edit of",
  metric: "Metric with it",
  share: "Share of the way",
  more: (count: number) => `Show ${count} more`,
  caution:
    "An effect says what this one edit does, alone, to this one number on these texts. A part without an effect is not idle: others may take its place.",
  notes: "Remarks",
};

const pt: typeof en = {
  title: "Varredura",
  asking: "Lendo o resultado da varredura …",
  titles: {
    heads: "Uma cabeça de cada vez",
    layers: "Uma camada de cada vez",
    positions: "Uma posição de cada vez",
    edges: "Uma aresta de cada vez",
  },
  edits: {
    zero: "sua saída posta em 0",
    mean: "sua saída posta em sua média sobre o texto",
    patch: "sua saída tomada de outra execução",
    remove: "mascarada antes do softmax, de modo que os outros pesos preenchem a lacuna",
  },
  intro: (edit) =>
    `Cada número é a métrica com uma edição menos a métrica sem nenhuma; a edição: ${edit}.`,
  paths: (module, part, head) =>
    `Só muda o que segue para ${part} de ${module}${head}: são caminhos.`,
  parts: {
    query: "as consultas",
    key: "as chaves",
    value: "os valores",
    input: "a entrada",
    output: "a saída",
  },
  modelOutput: "o modelo",
  ofHead: (head) => `, cabeça ${head}`,
  freeze: (patterns) => `${patterns} ficam como estavam.`,
  model: "Modelo",
  measure: "Métrica",
  before: "Sem edição",
  target: "Na execução de onde se toma",
  texts: {
    edited: "Texto editado",
    source: "Texto de onde se toma",
    decoder: "O decodificador lê",
  },
  differ: "Marcados: os tokens em que os dois textos diferem.",
  grid: "Efeitos",
  axes: {
    module: "módulos",
    head: "cabeças",
    position: "posições",
    query: "consultas",
    key: "chaves",
  },
  one: {
    module: "módulo",
    head: "cabeça",
    position: "posição",
    query: "consulta",
    key: "chave",
  },
  effect: "Efeito",
  inModule: "Módulo",
  scale: (max) => `Violeta baixa a métrica, laranja a eleva; a escala termina em ±${max}.`,
  cell: (place, value, metric) => `${place}: ${value}, a métrica é então ${metric}.`,
  cellShare: (place, value, metric, share) =>
    `${place}: ${value}, a métrica é então ${metric}: ${share} do caminho até a outra execução.`,
  none: "não há nada",
  nothing: (place) => `${place}: isso não existe.`,
  rows: "primeira linha",
  columns: "primeira coluna",
  shown: (rows, columns) => `À vista: linhas ${rows}, colunas ${columns}.`,
  largest: "Maiores efeitos",
  place: "Edição de",
  metric: "Métrica com ela",
  share: "Parte do caminho",
  more: (count) => `Mostrar mais ${count}`,
  caution:
    "Um efeito diz o que esta única edição, sozinha, faz a este único número nestes textos. Uma parte sem efeito não está ociosa: outras podem tomar seu lugar.",
  notes: "Observações",
};

export const table = { en, pt };
