/** Where answers come from. Views never know: they ask a Source. The page asks over HTTP; the
 * notebook widget and the offline file have sources of their own. */

import type { Json, Params, Question } from "../protocol";
import { type Answer, decode } from "./container";

export type { Answer, NumberArray, Numbers } from "./container";

export interface Source {
  readonly place: "page" | "widget" | "offline";
  /** Rejects with a `Refusal` where the answer is an error in words. */
  ask<Q extends Question>(
    question: Q,
    params: Params<Q>,
    signal?: AbortSignal,
  ): Promise<Answer<Json<Q>>>;
}

/** An answer that is an error: what was asked, what came, what to do. */
export class Refusal extends Error {
  constructor(
    readonly kind: string,
    message: string,
    readonly status = 0,
  ) {
    super(message);
    this.name = "Refusal";
  }
}

export class HttpSource implements Source {
  readonly place = "page";

  constructor(private readonly base = "api/") {}

  async ask<Q extends Question>(
    question: Q,
    params: Params<Q>,
    signal?: AbortSignal,
  ): Promise<Answer<Json<Q>>> {
    let response: Response;
    try {
      response = await fetch(this.base + question, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(params),
        signal: signal ?? null,
      });
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new Refusal("Unreachable", "");
    }
    if (!response.ok) throw await refusal(response);
    if (response.headers.get("Content-Type")?.startsWith("application/json"))
      return { json: (await response.json()) as Json<Q>, arrays: {} };
    return decode<Json<Q>>(await response.arrayBuffer());
  }
}

async function refusal(response: Response): Promise<Refusal> {
  try {
    const { error } = (await response.json()) as { error: { kind: string; message: string } };
    return new Refusal(error.kind, error.message, response.status);
  } catch {
    return new Refusal("HTTP", `${response.status} ${response.statusText}`, response.status);
  }
}
