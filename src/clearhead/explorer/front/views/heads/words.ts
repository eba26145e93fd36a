/** The words of the heads view. Indices count from 0, as in the steps' paths. */

const en = {
  title: "Heads",
  all: "All heads",
  legendNote: "The same colours mean the same routing weights in every picture on this page.",
  lock: "Choose a picture to lock that head in all views. Arrow keys move between heads; Enter locks one.",
  entropyPointed:
    "Rows are layers, columns are heads; point at a picture for its name and its mean entropy over the queries.",
  entropyNote: (most: string, keys: number) =>
    `The number below each head is its mean entropy over the queries, in nats: 0 if every query attends ` +
    `to a single key, ln ${keys} = ${most} if every query attends equally to all ${keys} keys.`,
  parts: {
    encoder: "Encoder",
    decoder: "Decoder",
    cross: "Cross-attention",
    self: "Self-attention",
  } as Record<string, string>,
  partMeanings: {
    encoder: "the sentence attends to itself",
    decoder: "the translation attends to what is already written",
    cross: "the translation attends to the sentence",
    self: "a sequence attends to itself",
    alone: "the text attends to itself",
    causal: "each token attends to itself and to those before it",
  } as Record<string, string>,
  size: (layers: number, heads: number, queries: number, keys: number) =>
    `${layers} ${layers === 1 ? "layer" : "layers"} of ${heads} ${heads === 1 ? "head" : "heads"}; ` +
    `${queries} queries by ${keys} keys.`,
  pooled: (queries: number, keys: number) =>
    `Too many cells to draw one by one: each dot is the largest weight of ${queries} × ${keys} cells.`,
  pages: (layers: number) =>
    `Pictures are loaded ${layers === 1 ? "one layer" : `${layers} layers`} at a time, as you scroll to them.`,
  layer: (layer: number) => `Layer ${layer}`,
  head: (head: number) => `Head ${head}`,
  nats: (entropy: string) => `${entropy} nats`,
  picture: (part: string, layer: number, head: number, entropy: string) =>
    `${part}, layer ${layer}, head ${head}, mean entropy ${entropy} nats`,
  locked: (part: string, layer: number, head: number) => `${part}, layer ${layer}, head ${head}`,
  lockedKicker: "The locked head",
  matrix: (part: string, layer: number, head: number) =>
    `Routing weights of ${part}, layer ${layer}, head ${head}: rows are queries, columns are keys`,
  matrixNote:
    "A row shows how one query divides its attention among the keys. Choose a cell to select its query.",
  rows: "Decoder rows labelled by",
  rowsInput: "the word it reads",
  rowsOutput: "the word it predicts",
  rowsWhyAlone:
    "Row i is computed when the model reads one token and is about to predict the next. The numbers are the same under both labels.",
  rowsWhy:
    "Row i is computed when the decoder reads one word and is about to predict the next. Which of the two " +
    "labels lines up with the translated words depends on the model: in the middle layers of deep decoders " +
    "it is the word read (Chen et al. 2020); in the bundled model, with two decoder layers, it is the word predicted.",
  lines: "One query’s weights",
  linesNote: (query: string, at: number) => `Query ${at} “${query}” and the keys it attends to.`,
  linesMost: (shown: number, of: number, sum: string) =>
    `The ${shown} largest of ${of} weights; together they make up ${sum} of the row.`,
  rowSum: (sum: string) => `The whole row sums to ${sum}.`,
  linesQueries: (from: number, to: number, of: number) =>
    `Queries ${from}–${to} of ${of} are listed.`,
  queries: "Queries",
  keys: "Keys",
  masked: "masked",
  failed: "The weights could not be loaded:",
  seen: "A routing weight says how much of a key’s value is passed on, not why.",
  sceneAll: "Routing weights of all heads",
  sceneCaption:
    "In the small pictures a row is a layer and a column a head; the number is the mean entropy over the queries, in nats.",
  sceneSome: (drawn: number, of: number) => `${drawn} of ${of} heads: those viewed so far`,
  sceneWindow: (rows: string, columns: string) => `queries ${rows}, keys ${columns}`,
  toLocked: "Go to the locked head",
};

const pt: typeof en = {
  title: "Cabeças",
  all: "Todas as cabeças",
  legendNote: "As mesmas cores são os mesmos pesos de roteamento em todas as figuras desta página.",
  lock: "Escolha uma figura para fixar essa cabeça em todas as vistas. As setas andam entre as cabeças; Enter fixa uma.",
  entropyPointed:
    "As linhas são camadas, as colunas são cabeças; aponte uma imagem para ver seu nome e sua entropia média sobre as consultas.",
  entropyNote: (most, keys) =>
    `O número abaixo de cada cabeça é sua entropia média sobre as consultas, em nats: 0 se cada consulta ` +
    `atende a uma só chave, ln ${keys} = ${most} se cada uma atende por igual às ${keys} chaves.`,
  parts: {
    encoder: "Codificador",
    decoder: "Decodificador",
    cross: "Atenção cruzada",
    self: "Autoatenção",
  },
  partMeanings: {
    encoder: "a frase atende a si mesma",
    decoder: "a tradução atende ao que já foi escrito",
    cross: "a tradução atende à frase",
    self: "uma sequência atende a si mesma",
    alone: "o texto atende a si mesmo",
    causal: "cada token atende a si mesmo e aos anteriores",
  },
  size: (layers, heads, queries, keys) =>
    `${layers} ${layers === 1 ? "camada" : "camadas"} de ${heads} ${heads === 1 ? "cabeça" : "cabeças"}; ` +
    `${queries} consultas por ${keys} chaves.`,
  pooled: (queries, keys) =>
    `São células demais para desenhar uma a uma: cada ponto é o maior peso de ${queries} × ${keys} células.`,
  pages: (layers) =>
    `As figuras são carregadas ${layers === 1 ? "uma camada" : `${layers} camadas`} por vez, à medida que você rola a página.`,
  layer: (layer) => `Camada ${layer}`,
  head: (head) => `Cabeça ${head}`,
  nats: (entropy) => `${entropy} nats`,
  picture: (part, layer, head, entropy) =>
    `${part}, camada ${layer}, cabeça ${head}, entropia média ${entropy} nats`,
  locked: (part, layer, head) => `${part}, camada ${layer}, cabeça ${head}`,
  lockedKicker: "A cabeça fixada",
  matrix: (part, layer, head) =>
    `Pesos de roteamento de ${part}, camada ${layer}, cabeça ${head}: linhas são consultas, colunas são chaves`,
  matrixNote:
    "Uma linha mostra como uma consulta divide sua atenção entre as chaves. Escolha uma célula para selecionar sua consulta.",
  rows: "Linhas do decodificador rotuladas por",
  rowsInput: "a palavra que ele lê",
  rowsOutput: "a palavra que ele prevê",
  rowsWhyAlone:
    "A linha i é calculada quando o modelo lê um token e vai prever o seguinte. Os números são os mesmos com os dois rótulos.",
  rowsWhy:
    "A linha i é calculada enquanto o decodificador lê uma palavra e está por prever a seguinte. Qual dos dois " +
    "rótulos se alinha com as palavras traduzidas depende do modelo: nas camadas do meio de decodificadores fundos, " +
    "a palavra lida (Chen et al. 2020); no modelo incluído, com duas camadas de decodificador, a palavra prevista.",
  lines: "Os pesos de uma consulta",
  linesNote: (query, at) => `A consulta ${at} “${query}” e as chaves a que ela atende.`,
  linesMost: (shown, of, sum) =>
    `Os ${shown} maiores de ${of} pesos; juntos somam ${sum} da linha.`,
  rowSum: (sum) => `A linha inteira soma ${sum}.`,
  linesQueries: (from, to, of) => `Estão listadas as consultas ${from}–${to} de ${of}.`,
  queries: "Consultas",
  keys: "Chaves",
  masked: "mascarada",
  failed: "Não foi possível carregar os pesos:",
  seen: "Um peso de roteamento diz quanto do valor de uma chave é passado adiante, não por quê.",
  sceneAll: "Pesos de roteamento de todas as cabeças",
  sceneCaption:
    "Nas figuras pequenas, cada linha é uma camada e cada coluna, uma cabeça; o número é a entropia média sobre as consultas, em nats.",
  sceneSome: (drawn, of) => `${drawn} de ${of} cabeças: as vistas até agora`,
  sceneWindow: (rows, columns) => `consultas ${rows}, chaves ${columns}`,
  toLocked: "Ir para a cabeça fixada",
};

export const table = { en, pt };
