//! The calls of the HTTP API that the panel makes. Each ends: by an answer or by a timeout.

const JSON_WITHIN = 3000;
const STILL_WITHIN = 1500;
/** The router confirms within a frame or two; this is how long the control process waits. */
const WAIT_MS = 1000;
const TAKE_WITHIN = WAIT_MS + 2000;

/** Why a request was not done: a problem document (RFC 9457), or no answer at all. */
export class Problem extends Error {
  constructor({ status, type, title, detail }) {
    super(detail || title);
    this.name = 'Problem';
    this.status = status;
    this.type = type;
    this.title = title;
    this.detail = detail;
  }

  /** Nothing came back: what was asked may or may not have been done. */
  get unanswered() {
    return this.status === 0;
  }
}

const text = (value) => (typeof value === 'string' ? value.trim() : '');

async function request(path, options, within) {
  try {
    return await fetch(path, {
      ...options,
      cache: 'no-store',
      credentials: 'same-origin',
      signal: AbortSignal.timeout(within),
    });
  } catch (error) {
    throw unanswered(error);
  }
}

function unanswered(error) {
  const late = error?.name === 'TimeoutError';
  return new Problem({
    status: 0,
    type: '',
    title: 'No answer',
    detail: late ? 'Control did not answer in time.' : 'Control could not be reached.',
  });
}

/** The problem that an answer other than 2xx carries. */
async function problemOf(response) {
  const body = await response.json().catch(() => null);
  return new Problem({
    status: response.status,
    type: text(body?.type),
    title: text(body?.title) || `Refused (${response.status})`,
    detail: text(body?.detail) || 'Control gave no reason.',
  });
}

async function readJson(path, options, within) {
  const response = await request(path, options, within);
  if (!response.ok) throw await problemOf(response);
  try {
    const body = await response.json();
    return { body, date: Date.parse(response.headers.get('date') ?? '') };
  } catch (error) {
    throw unanswered(error);
  }
}

/** `GET` of a list; with the server's time, NaN when it does not say. */
export const inputs = () => readJson('/api/v1/inputs', {}, JSON_WITHIN);
export const outputs = () => readJson('/api/v1/outputs', {}, JSON_WITHIN);

/** Whether the control process has its router. */
export async function routerConnected() {
  const { body } = await readJson('/api/v1/router', {}, JSON_WITHIN);
  return body?.connected === true;
}

/** Asks for a take. Resolves with the answer's body, which may still say `waiting`. */
export async function take(output, input) {
  const { body } = await readJson(
    `/api/v1/outputs/${encodeURIComponent(output)}/route`,
    {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ input, wait_ms: WAIT_MS }),
    },
    TAKE_WITHIN,
  );
  return body;
}

/** The latest still: `{status, blob?, etag, age}`, age in whole seconds as the server counts. */
export async function still(input) {
  const path = `/api/v1/inputs/${encodeURIComponent(input)}/thumbnail.jpg`;
  const response = await request(path, {}, STILL_WITHIN);
  if (!response.ok) {
    await response.arrayBuffer().catch(() => {});
    return { status: response.status };
  }
  try {
    return {
      status: response.status,
      blob: await response.blob(),
      etag: response.headers.get('etag') ?? response.headers.get('last-modified') ?? '',
      age: Number.parseInt(response.headers.get('age') ?? '0', 10) || 0,
    };
  } catch (error) {
    throw unanswered(error);
  }
}
