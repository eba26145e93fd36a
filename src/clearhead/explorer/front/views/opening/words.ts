/** The words of the first screen. */

const en = {
  title: {
    translation: "Which word came from where?",
    generation: "What did each new word draw on?",
    encoder: "Which word drew on which?",
    labels: "Which words speak for the label?",
    recording: "Which token drew on which?",
  },
  fold: "Fold away",
  unfold: "Show",
  waiting: "Looking for the head that aligns best …",
  keys: {
    translation: "The sentence",
    generation: "All words that were read",
    encoder: "The words that were read",
    labels: "The words that were read",
    recording: "The tokens that are looked at",
  },
  queries: {
    translation: "The translation",
    generation: "The words that were added",
    encoder: "The words that look",
    labels: "The label",
    recording: "The tokens that look",
  },
  crossing: (one: string, oneKey: string, other: string, otherKey: string) =>
    `Two ribbons cross: “${one}” drew on “${oneKey}”, and “${other}” on “${otherKey}”.`,
  drewOn: (word: string, list: string) => `“${word}” drew on ${list}.`,
  drewOnNone: (word: string) => `“${word}” drew on many words, on none with a tenth or more.`,
  drewOnNoToken: (word: string) => `“${word}” drew on no token here with a tenth or more.`,
  drawnBy: (word: string, list: string) => `“${word}” was drawn on by ${list}.`,
  drawnByNone: (word: string) => `No word drew on “${word}” with a tenth or more.`,
  drawnByNoToken: (word: string) => `No token here drew on “${word}” with a tenth or more.`,
  share: (word: string, share: string) => `“${word}” ${share}`,
  pressNumber: "is the exact weight. Press it to see where it comes from.",
  exactWeight: "is the exact weight.",
  ribbons: {
    translation: "The wider a ribbon, the more a word drew on the other.",
    generation: "The wider a ribbon, the more a new word drew on the other.",
    encoder: "The wider a ribbon, the more a word drew on the other.",
    labels: "The wider a ribbon, the more the place that gives the label drew on the word.",
    recording: "The wider a ribbon, the more a token drew on the other.",
  },
  ofAHead: "They show one",
  show: "The ribbons show",
  aHead: "one head",
  allLayers: "all layers",
  ofTheFlow: (layers: number) =>
    `They show what flows through all ${layers} layers: attention rollout (Abnar and Zuidema 2020), which takes all heads for equals and half of each step for the residual.`,
  shownQueries: (first: string, last: string, of: string) => `Tokens ${first} to ${last} of ${of}`,
  earlier: "Earlier",
  later: "Later",
  recorded:
    "A recording cannot be run again, so nothing was tried: no word hidden, no head switched off.",
  headName: (part: string, layer: number, head: number) =>
    `${{ cross: "cross-attention", self: "self-attention", decoder: "decoder", encoder: "encoder" }[part] ?? part}, layer ${layer}, head ${head}`,
  foundByHiding: (heads: number, trials: number, of: number, score: string) =>
    `It was found by hiding ${trials === of ? "each word" : `${trials} of ${of} words`} in turn: of ${heads} heads this one looks most where hiding hurts (${score} of 1).`,
  foundByPeak: (heads: number, score: string) =>
    `Of ${heads} heads it is the one whose words look most at one word (${score} of 1).`,
  foundAligned: (heads: number, of: number, score: string) =>
    `Of ${heads === of ? `${of}` : `${heads} of ${of}`} heads it is the one in which each token most has another of its own (${score} of 1), by its weights alone.`,
  foundElsewhere: (heads: number, of: number, score: string) =>
    `Of ${heads === of ? `${of}` : `${heads} of ${of}`} heads it is the one whose tokens most look at another of their own, not at themselves, the tokens beside them, the first or the last (${score} of 1), by its weights alone.`,
  mapSays: (kind: string, other: string | null) =>
    `The map goes by weights alone and calls this head “${kind}”${other ? `, and ${other} “aligned”` : ""}.`,
  moreAligned: (other: string, most: string, own: string) =>
    `By weights alone, as the map measures, another is more aligned: ${other} (${most}; this one ${own}).`,
  asksWith: "A word asks with its",
  answersWith: "and others answer with their",
  discoveries: "Three discoveries, one press each",
  buttons: {
    hide_word: "Hide a word",
    switch_off: "Switch heads off",
    temperature: "Make it unsure",
  },
  pressOne: "Press one of the three. Each was found by trying what changes this sentence most.",
  trying: "trying …",
  notTried: "not here",
  notSaved: "This saved page does not hold this discovery.",
  headsOff: (heads: number, of: number) => (heads === 1 ? `1 of ${of}` : `${heads} of ${of}`),
  slide: "temperature",
  before: "Before",
  after: "After",
  without: (word: string) => `Without “${word}”`,
  withoutHeads: (heads: number, of: number) =>
    heads === 1 ? `Without 1 of ${of} heads` : `Without ${heads} of ${of} heads`,
  hidWord: (trials: number, of: number) =>
    `Nothing may look at this word any more. Of ${trials === of ? `all ${of}` : `${trials} of ${of}`} words it is the one that is missed most.`,
  sameLabelWithout: (trials: number, of: number) =>
    `${trials === of ? `All ${of}` : `${trials} of ${of}`} words were hidden one by one. The label stays the same without any of them; this one moves it most.`,
  sameLabelHeads: (heads: number, trials: number) =>
    `${trials} heads were switched off one by one, and then ${heads} together. The label stays the same.`,
  labelChance: (before: string, after: string) =>
    `How likely the first label is: ${before} at temperature 1, ${after} here.`,
  labelTemperatureWhy: [
    "The label is drawn by its probability. The temperature divides the",
    "first: the higher, the more even the chances.",
  ],
  sameWithout: (trials: number, of: number) =>
    `${trials === of ? `All ${of}` : `${trials} of ${of}`} words were hidden one by one. The text stays the same without any of them.`,
  oneHead: (name: string, trials: number) =>
    `${name} adds nothing now. ${trials} heads were switched off one by one; this one is missed most.`,
  manyHeads: (names: string, trials: number) =>
    `No single one of ${trials} heads is missed: others take its place. These together are: ${names}.`,
  sameHeads: (heads: number, trials: number) =>
    `${trials} heads were switched off one by one, and then ${heads} together. The words stay the same.`,
  follow: "See all that it changes",
  temperature: "Temperature",
  drawnAt: (temperature: string) => `Drawn by chance at temperature ${temperature}`,
  chance: (before: string, after: string) =>
    `How likely the model is to say exactly the first sentence: ${before} at temperature 1, ${after} here.`,
  hardlyEver: "less than 1 in a million",
  nearlyAlways: "more than 99 %",
  oneIn: (count: string) => `1 in ${count}`,
  temperatureWhy: [
    "Each word is drawn from the ten likeliest. The temperature divides the",
    "first: the higher, the more even the chances.",
  ],
  limits: "What it cannot do",
  otherLanguage: (expected: string) =>
    `This does not look like ${expected}, the only language that this model reads.`,
  thisLanguage: (language: string, expected: string) =>
    `This looks like ${language}. The model reads ${expected} alone, and will make something up.`,
};

const pt: typeof en = {
  title: {
    translation: "De onde veio cada palavra?",
    generation: "Em que se apoiou cada palavra nova?",
    encoder: "Que palavra se apoiou em qual?",
    labels: "Que palavras falam pelo rótulo?",
    recording: "Que token se apoiou em qual?",
  },
  fold: "Recolher",
  unfold: "Mostrar",
  waiting: "Procurando a cabeça que melhor alinha …",
  keys: {
    translation: "A frase",
    generation: "Todas as palavras lidas",
    encoder: "As palavras lidas",
    labels: "As palavras lidas",
    recording: "Os tokens que são olhados",
  },
  queries: {
    translation: "A tradução",
    generation: "As palavras acrescentadas",
    encoder: "As palavras que olham",
    labels: "O rótulo",
    recording: "Os tokens que olham",
  },
  crossing: (one, oneKey, other, otherKey) =>
    `Duas fitas se cruzam: “${one}” se apoiou em “${oneKey}”, e “${other}” em “${otherKey}”.`,
  drewOn: (word, list) => `“${word}” se apoiou em ${list}.`,
  drewOnNone: (word) => `“${word}” se apoiou em muitas palavras, em nenhuma com um décimo ou mais.`,
  drewOnNoToken: (word) => `“${word}” não se apoiou em nenhum token daqui com um décimo ou mais.`,
  drawnBy: (word, list) => `Em “${word}” se apoiaram ${list}.`,
  drawnByNone: (word) => `Nenhuma palavra se apoiou em “${word}” com um décimo ou mais.`,
  drawnByNoToken: (word) => `Nenhum token daqui se apoiou em “${word}” com um décimo ou mais.`,
  share: (word, share) => `“${word}” ${share}`,
  pressNumber: "é o peso exato. Clique nele para ver de onde vem.",
  exactWeight: "é o peso exato.",
  ribbons: {
    translation: "Quanto mais larga a fita, mais uma palavra se apoiou na outra.",
    generation: "Quanto mais larga a fita, mais a palavra nova se apoiou na outra.",
    encoder: "Quanto mais larga a fita, mais uma palavra se apoiou na outra.",
    labels: "Quanto mais larga a fita, mais a posição que dá o rótulo se apoiou na palavra.",
    recording: "Quanto mais larga a fita, mais um token se apoiou no outro.",
  },
  ofAHead: "Elas mostram uma",
  show: "As fitas mostram",
  aHead: "uma cabeça",
  allLayers: "todas as camadas",
  ofTheFlow: (layers) =>
    `Elas mostram o que flui pelas ${layers} camadas: attention rollout (Abnar e Zuidema 2020), que toma todas as cabeças por iguais e metade de cada passo pelo residual.`,
  shownQueries: (first, last, of) => `Tokens ${first} a ${last} de ${of}`,
  earlier: "Anteriores",
  later: "Seguintes",
  recorded:
    "Uma gravação não pode ser executada de novo, então nada foi testado: nenhuma palavra escondida, nenhuma cabeça desligada.",
  headName: (part, layer, head) =>
    `${{ cross: "atenção cruzada", self: "autoatenção", decoder: "decodificador", encoder: "codificador" }[part] ?? part}, camada ${layer}, cabeça ${head}`,
  foundByHiding: (heads, trials, of, score) =>
    `Foi encontrada escondendo ${trials === of ? "uma palavra por vez" : `${trials} de ${of} palavras, uma por vez`}: de ${heads} cabeças, é a que mais olha para onde esconder faz falta (${score} de 1).`,
  foundByPeak: (heads, score) =>
    `De ${heads} cabeças, é aquela em que as palavras mais olham para uma só (${score} de 1).`,
  foundAligned: (heads, of, score) =>
    `De ${heads === of ? `${of}` : `${heads} das ${of}`} cabeças, é aquela em que cada token mais tem outro só seu (${score} de 1), apenas pelos pesos.`,
  foundElsewhere: (heads, of, score) =>
    `De ${heads === of ? `${of}` : `${heads} das ${of}`} cabeças, é aquela cujos tokens mais olham para outro só seu, que não seja o próprio, um vizinho, o primeiro ou o último (${score} de 1), apenas pelos pesos.`,
  mapSays: (kind, other) =>
    `O mapa se guia só pelos pesos e chama esta cabeça de “${kind}”${other ? `, e ${other} de “alinhada”` : ""}.`,
  moreAligned: (other, most, own) =>
    `Só pelos pesos, como mede o mapa, outra é mais alinhada: ${other} (${most}; esta ${own}).`,
  asksWith: "Uma palavra pergunta com sua",
  answersWith: "e as outras respondem com sua",
  discoveries: "Três descobertas, um clique cada",
  buttons: {
    hide_word: "Esconder uma palavra",
    switch_off: "Desligar cabeças",
    temperature: "Deixar em dúvida",
  },
  pressOne: "Escolha uma das três. Cada uma foi encontrada testando o que mais muda esta frase.",
  trying: "testando …",
  notTried: "não aqui",
  notSaved: "Esta página salva não contém esta descoberta.",
  headsOff: (heads, of) => (heads === 1 ? `1 de ${of}` : `${heads} de ${of}`),
  slide: "temperatura",
  before: "Antes",
  after: "Depois",
  without: (word) => `Sem “${word}”`,
  withoutHeads: (heads, of) =>
    heads === 1 ? `Sem 1 de ${of} cabeças` : `Sem ${heads} de ${of} cabeças`,
  hidWord: (trials, of) =>
    `Nada mais pode olhar para esta palavra. De ${trials === of ? `todas as ${of}` : `${trials} de ${of}`} palavras, é a que faz mais falta.`,
  sameLabelWithout: (trials, of) =>
    `${trials === of ? `Todas as ${of}` : `${trials} de ${of}`} palavras foram escondidas, uma por vez. O rótulo continua o mesmo sem qualquer uma; esta é a que mais o move.`,
  sameLabelHeads: (heads, trials) =>
    `${trials} cabeças foram desligadas uma por vez, e depois ${heads} juntas. O rótulo continua o mesmo.`,
  labelChance: (before, after) =>
    `A chance do primeiro rótulo: ${before} com temperatura 1, ${after} aqui.`,
  labelTemperatureWhy: [
    "O rótulo é sorteado por sua probabilidade. A temperatura divide antes os",
    ": quanto mais alta, mais iguais as chances.",
  ],
  sameWithout: (trials, of) =>
    `${trials === of ? `Todas as ${of}` : `${trials} de ${of}`} palavras foram escondidas, uma por vez. O texto continua o mesmo sem qualquer uma.`,
  oneHead: (name, trials) =>
    `${name}: agora não acrescenta nada. ${trials} cabeças foram desligadas, uma por vez; esta faz mais falta.`,
  manyHeads: (names, trials) =>
    `Nenhuma de ${trials} cabeças faz falta sozinha: outras a substituem. Estas juntas fazem: ${names}.`,
  sameHeads: (heads, trials) =>
    `${trials} cabeças foram desligadas uma por vez, e depois ${heads} juntas. As palavras continuam as mesmas.`,
  follow: "Ver tudo o que muda",
  temperature: "Temperatura",
  drawnAt: (temperature) => `Sorteado com temperatura ${temperature}`,
  chance: (before, after) =>
    `A chance de o modelo dizer exatamente a primeira frase: ${before} com temperatura 1, ${after} aqui.`,
  hardlyEver: "menos de 1 em um milhão",
  nearlyAlways: "mais de 99 %",
  oneIn: (count) => `1 em ${count}`,
  temperatureWhy: [
    "Cada palavra é sorteada entre as dez mais prováveis. A temperatura divide antes os",
    ": quanto mais alta, mais iguais as chances.",
  ],
  limits: "O que ele não sabe fazer (em inglês)",
  otherLanguage: (expected) => `Isto não parece ${expected}, a única língua que este modelo lê.`,
  thisLanguage: (language, expected) =>
    `Isto parece ${language}. O modelo só lê ${expected}, e vai inventar alguma coisa.`,
};

export const table = { en, pt };
