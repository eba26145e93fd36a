/** The source of a saved page: what is in the file, and for all else a sentence that says so. */

import type {
  Beam,
  Json,
  Params,
  Question,
  Run,
  RunParams,
  SavedPage,
  SavedPlace,
  Window,
} from "../protocol";
import { lookUp, wordsOf } from "../text/i18n";
import { type Answer, decode } from "./container";
import { count, EmbeddedNumbers, type SavedArray, slice } from "./embedded_numbers";
import { Refusal, type Source } from "./source";

const ANSWERS = "clearhead-answers";

const table = {
  en: {
    number:
      "These numbers are not in this saved file, which holds one sentence and, of the model's weight matrices, " +
      "those of one attention. Open the sentence with `clearhead explore` to see them.",
    effects:
      "This saved file holds the effects for some queries of one head only. Open the sentence with `clearhead explore` for this one.",
    beam: "This saved file holds the search for one beam size only. Open the sentence with `clearhead explore` for another.",
    question:
      "A saved file cannot answer new questions. Open the sentence with `clearhead explore` to ask this.",
  },
  pt: {
    number:
      "Estes números não estão neste arquivo salvo, que contém uma frase e, das matrizes de pesos do modelo, " +
      "as de uma só atenção. Abra a frase com `clearhead explore` para vê-los.",
    effects:
      "Este arquivo salvo contém os efeitos de algumas consultas de uma só cabeça. Abra a frase com `clearhead explore` para esta.",
    beam: "Este arquivo salvo contém a busca de um só tamanho de feixe. Abra a frase com `clearhead explore` para outra.",
    question:
      "Um arquivo salvo não responde a perguntas novas. Abra a frase com `clearhead explore` para perguntar isto.",
  },
};

/** The source of this page if it is a saved one. Puts the state that was saved into the address,
 * unless the address has one already. */
export async function embeddedSource(page: Document = document): Promise<EmbeddedSource | null> {
  const data = page.getElementById(ANSWERS)?.textContent;
  if (!data) return null;
  const answer = decode<SavedPage>(await unpack(data));
  const state = answer.json.state.replace(/^#/, "");
  if (!location.hash && state) history.replaceState(null, "", `#${state}`);
  return new EmbeddedSource(answer);
}

async function unpack(base64: string): Promise<ArrayBuffer> {
  const text = atob(base64.trim());
  const bytes = new Uint8Array(text.length);
  for (let place = 0; place < text.length; place++) bytes[place] = text.charCodeAt(place);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
}

export class EmbeddedSource implements Source {
  readonly place = "offline";
  private readonly content: SavedPage;
  private readonly numbers: EmbeddedNumbers;

  constructor({ json, arrays }: Answer<SavedPage>) {
    this.content = json;
    this.numbers = new EmbeddedNumbers(json.arrays, arrays);
  }

  async ask<Q extends Question>(question: Q, params: Params<Q>): Promise<Answer<Json<Q>>> {
    return this.answer(question, params) as Answer<Json<Q>>;
  }

  private answer(question: Question, params: unknown): Answer<unknown> {
    if (question === "model") return plain(this.content.model);
    if (question === "run") return this.run(params as RunParams);
    if (question === "discovery") return this.discovery(params as Params<"discovery">);
    const { run } = params as { run?: RunParams };
    if (run) this.run(run);
    if (question === "array") return this.array(params as Params<"array">);
    if (question === "head_kinds") return this.headKinds(params as Params<"head_kinds">);
    if (question === "overview") return this.overview(params as Params<"overview">);
    if (question === "effects") return this.effects(params as Params<"effects">);
    if (question === "beam") return this.beam(params as Params<"beam">);
    if (question === "alignment") return this.alignment(params as Params<"alignment">);
    throw new Refusal("NotHere", wordsOf(table).question);
  }

  private run(params: RunParams): Answer<Run> {
    const usual = {
      target: null,
      target_ids: null,
      sentence: 0,
      beam_size: 4,
      new_tokens: 8,
      edits: [],
      formality: "auto",
      checkpoint: null,
    };
    const { request } = this.content.run;
    const same = (
      [
        "text",
        "target",
        "target_ids",
        "sentence",
        "beam_size",
        "new_tokens",
        "edits",
        "formality",
        "checkpoint",
      ] as const
    ).every((name) => equal({ ...usual, ...params }[name], { ...usual, ...request }[name]));
    const any =
      this.content.model.kind === "recording" && (params.sentence ?? 0) === (request.sentence ?? 0);
    if (!same && !any) throw new Refusal("NotHere", "");
    return plain(this.content.run);
  }

  private beam({ beam_size }: Params<"beam">): Answer<Beam> {
    const { beam } = this.content;
    if (!beam || beam.beam_size !== beam_size) throw new Refusal("NotHere", wordsOf(table).beam);
    return plain(beam.json);
  }

  private alignment({ start }: Params<"alignment">): Answer<Json<"alignment">> {
    const { alignment } = this.content;
    if (!alignment || (start ?? 0) > 0) throw new Refusal("NotHere", wordsOf(table).question);
    return plain(alignment);
  }

  /** Of the sentence that is saved, whose edits do not count. */
  private discovery({ kind }: Params<"discovery">): Answer<Json<"discovery">> {
    const answer = this.content.discoveries?.find((one) => one.kind === kind);
    if (!answer) throw new Refusal("NotHere", wordsOf(table).question);
    return plain(answer);
  }

  private effects({
    part,
    layer,
    head,
    query,
    position = null,
    most = 24,
  }: Params<"effects">): Answer<Json<"effects">> {
    const request = { part, layer, head, query, position };
    const answer = this.content.effects.find(({ params }) =>
      Object.entries(request).every(([name, value]) => params[name as keyof SavedPlace] === value),
    );
    if (!answer) throw new Refusal("NotHere", wordsOf(table).effects);
    const { keys, weight, contribution, effect, ...rest } = answer.json;
    const first = <T>(list: T[]): T[] => list.slice(0, most ?? undefined);
    return plain({
      ...rest,
      keys: first(keys),
      weight: first(weight),
      contribution: first(contribution),
      effect: first(effect),
    });
  }

  private overview({ part }: Params<"overview">): Answer<Json<"overview">> {
    const json = lookUp(this.content.overview, part);
    if (!json) throw new Refusal("NotHere", wordsOf(table).number);
    const arrays: Answer<unknown>["arrays"] = {};
    for (const { path } of this.content.arrays)
      if (path.startsWith(`overview/${part}/`))
        arrays[path.slice(`overview/${part}/`.length)] = this.savedArray(path);
    return { json, arrays };
  }

  private headKinds({ part }: Params<"head_kinds">): Answer<Json<"head_kinds">> {
    const json = lookUp(this.content.head_kinds, part);
    if (!json) throw new Refusal("NotHere", wordsOf(table).number);
    return plain(json);
  }

  private array({ items }: Params<"array">): Answer<Json<"array">> {
    const arrays: Answer<unknown>["arrays"] = {};
    const described = items.map(({ path, window }, place) => {
      const whole = this.shape(path);
      const ranges = window ?? whole.map((size): [number, number] => [0, size]);
      const array = this.window(path, ranges);
      arrays[String(place)] = array;
      return { path, window: ranges, shape: whole, dtype: array.dtype };
    });
    return { json: { items: described }, arrays };
  }

  private shape(path: string): number[] {
    const step = this.content.run.steps.find((each) => each.path === path);
    return step?.shape ?? this.savedArray(path).entry.shape;
  }

  private window(path: string, window: Window): Answer<unknown>["arrays"][string] {
    if (!this.numbers.has(path) && path.endsWith(".contributions"))
      return this.contributions(path, window);
    const array = this.savedArray(path);
    const { axis, kept, shape } = array.entry;
    const places = window.map(([start, stop], place) => {
      const all = range(start, Math.min(stop, shape[place] ?? 0));
      return place === axis && kept ? all.map((index) => kept.indexOf(index)) : all;
    });
    if (places.some((along) => along.includes(-1)))
      throw new Refusal("NotHere", wordsOf(table).number);
    return {
      dtype: array.dtype,
      shape: places.map((along) => along.length),
      data: slice(array.data, array.shape, places),
    };
  }

  /** Weight times value, for a window ["batch heads query_len key_len value_dim"]. */
  private contributions(path: string, window: Window): Answer<unknown>["arrays"][string] {
    const attention = path.slice(0, -".contributions".length);
    const [weights, value] = [
      this.savedArray(`${attention}.weights`),
      this.savedArray(`${attention}.value`),
    ];
    const group = (weights.shape[1] ?? 1) / (value.shape[1] ?? 1);
    const shape = window.map(([start, stop]) => stop - start);
    const products = new Float64Array(count(shape));
    const [, heads = 1, queries = 1, keys = 1] = weights.shape;
    const width = value.shape[3] ?? 1;
    let next = 0;
    const [rows = [], inHeads = [], ofQueries = [], ofKeys = [], columns = []] = window.map(
      ([start, stop]) => range(start, stop),
    );
    for (const row of rows)
      for (const head of inHeads)
        for (const query of ofQueries)
          for (const key of ofKeys) {
            const weight =
              weights.data[((row * heads + head) * queries + query) * keys + key] ?? NaN;
            const from =
              ((row * (value.shape[1] ?? 1) + Math.floor(head / group)) * keys + key) * width;
            for (const column of columns)
              products[next++] = weight * (value.data[from + column] ?? NaN);
          }
    return { dtype: "float64", shape, data: products };
  }

  private savedArray(path: string): SavedArray {
    const array = this.numbers.get(path);
    if (!array) throw new Refusal("NotHere", wordsOf(table).number);
    return array;
  }
}

function plain<T>(json: T): Answer<T> {
  return { json, arrays: {} };
}

function range(start: number, stop: number): number[] {
  return Array.from({ length: Math.max(stop - start, 0) }, (_, place) => start + place);
}

/** Equal as JSON, whatever the order of keys. */
function equal(one: unknown, other: unknown): boolean {
  if (one === null || other === null || typeof one !== "object" || typeof other !== "object")
    return one === other;
  const names = Object.keys(one);
  return (
    names.length === Object.keys(other).length &&
    names.every((name) =>
      equal((one as Record<string, unknown>)[name], (other as Record<string, unknown>)[name]),
    )
  );
}
