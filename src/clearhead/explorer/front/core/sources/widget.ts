/** The source of a notebook widget: questions travel as messages to the notebook's kernel. */

import type { Json, Params, Question } from "../protocol";
import { wordsOf } from "../text/i18n";
import { type Answer, decode } from "./container";
import { Refusal, type Source } from "./source";

/** What anywidget gives to a widget's front end, as far as it is used here. */
export interface WidgetModel {
  get(name: "state" | "style_sheet"): string;
  set(name: "state", value: string): void;
  save_changes(): void;
  send(content: unknown): void;
  on(
    event: "msg:custom",
    listener: (content: unknown, buffers: ArrayBufferView[] | ArrayBuffer[]) => void,
  ): void;
  on(event: "change:state", listener: () => void): void;
  off(event: string, listener: (...all: never[]) => void): void;
}

interface Reply {
  id: string;
  error?: { kind: string; message: string };
}

interface Waiting {
  resolve: (answer: Answer<never>) => void;
  reject: (error: Error) => void;
}

const SECONDS = 60;

const table = {
  en: {
    silent: `The notebook's kernel has not answered for ${SECONDS} seconds. It is busy with another cell or was stopped: wait, or run this cell again.`,
  },
  pt: {
    silent: `O kernel do notebook não responde há ${SECONDS} segundos. Está ocupado com outra célula ou foi parado: espere, ou execute esta célula de novo.`,
  },
};

export class WidgetSource implements Source {
  readonly place = "widget";
  private readonly waiting = new Map<string, Waiting>();
  // Every view of the widget hears every reply; a number alone would be taken for another's.
  private readonly name = Math.random().toString(36).slice(2);
  private asked = 0;

  constructor(private readonly model: WidgetModel) {
    model.on("msg:custom", this.hear);
  }

  end(): void {
    this.model.off("msg:custom", this.hear);
    this.waiting.clear();
  }

  ask<Q extends Question>(
    question: Q,
    params: Params<Q>,
    signal?: AbortSignal,
  ): Promise<Answer<Json<Q>>> {
    const id = `${this.name}-${this.asked++}`;
    return new Promise<Answer<Json<Q>>>((resolve, reject) => {
      const settled = (): void => {
        clearTimeout(patience);
        this.waiting.delete(id);
        signal?.removeEventListener("abort", given_up);
      };
      const given_up = (): void => {
        settled();
        reject(signal?.reason as Error);
      };
      const patience = setTimeout(() => {
        settled();
        reject(new Refusal("Silent", wordsOf(table).silent));
      }, SECONDS * 1000);
      signal?.addEventListener("abort", given_up);
      this.waiting.set(id, {
        resolve: (answer) => {
          settled();
          resolve(answer);
        },
        reject: (error) => {
          settled();
          reject(error);
        },
      });
      this.model.send({ id, question, params });
    });
  }

  private readonly hear = (content: unknown, buffers: ArrayBufferView[] | ArrayBuffer[]): void => {
    const { id, error } = content as Reply;
    const asker = this.waiting.get(id);
    if (!asker) return;
    if (error) asker.reject(new Refusal(error.kind, error.message));
    else {
      try {
        asker.resolve(decode(aligned(buffers[0])));
      } catch (failed) {
        asker.reject(failed as Error);
      }
    }
  };
}

/** A buffer of its own: what comes may be a view into a longer message, at any offset. */
function aligned(data: ArrayBufferView | ArrayBuffer | undefined): ArrayBuffer {
  if (!data) throw new Error("The notebook sent an answer without its numbers.");
  if (data instanceof ArrayBuffer) return data;
  return new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength).slice()
    .buffer;
}
