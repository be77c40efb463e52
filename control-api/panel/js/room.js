//! What is known of the room: inputs, outputs, routes, signals, and whom we hear it from.
//!
//! Nothing here is a wish. A route changes only by what the router told; see `take.js` for
//! what was asked.

/** How long a route may be under way before it is a fault. */
export const CONFIRM_WITHIN = 1000;

const SIGNALS = ['ok', 'unstable', 'lost', 'unknown'];
const ROUTES = ['none', 'switching', 'waiting', 'live', 'no-signal', 'unknown'];

export class Room {
  inputs = new Map();
  outputs = new Map();
  /** Whether control is heard: `connecting`, `up`, `away`. */
  link = { state: 'connecting', since: 0 };
  /** Whether control hears the router: `unknown`, `up`, `away`. */
  router = { state: 'unknown', since: 0 };
  /** Server's time less ours in ms, where they differ so that it shows. */
  skew = 0;
  #events = 0;
  #told = new Map();

  /** Take this before a list is asked for, and give it back with the list. */
  mark() {
    return this.#events;
  }

  /** A list of inputs came. What an event told since `mark` is newer and stays. */
  setInputs(list, mark) {
    const inputs = new Map();
    for (const input of array(list).map(readInput).filter(Boolean)) {
      const known = this.inputs.get(input.id);
      if (known && this.#newer('signal', input.id, mark)) {
        input.signal = known.signal;
        input.findings = known.findings;
      }
      inputs.set(input.id, input);
    }
    this.inputs = inputs;
  }

  /** A list of outputs came. */
  setOutputs(list, mark, now) {
    const outputs = new Map();
    for (const output of array(list).map(readOutput).filter(Boolean)) {
      const known = this.outputs.get(output.id);
      const route = known && this.#newer('route', output.id, mark) ? known.route : output.route;
      outputs.set(output.id, { ...output, ...settle(known, route, now) });
    }
    this.outputs = outputs;
  }

  /** The router told what an output does. Returns whether a new picture was confirmed. */
  setRoute(id, value, now) {
    const output = this.outputs.get(id);
    const route = readRoute(value);
    this.#tell('route', id);
    if (!output || !route || overtaken(output.route, route)) return false;
    const before = output.confirmedAt;
    Object.assign(output, settle(output, route, now));
    return output.confirmedAt !== before;
  }

  /** As `setRoute`, for what came as an answer: an event since `mark` is newer. */
  setRouteSince(id, value, mark, now) {
    if (this.#newer('route', id, mark)) return false;
    const fresh = this.setRoute(id, value, now);
    const output = this.outputs.get(id);
    if (output) output.route.answered = true;
    return fresh;
  }

  /** The router told whether an input's pictures arrive, and what was found about them. */
  setSignal(id, value, findings) {
    const input = this.inputs.get(id);
    this.#tell('signal', id);
    if (!input) return;
    input.signal = readSignal(value) ?? input.signal;
    if (findings) input.findings = readFindings(findings);
  }

  /** The inputs that may stand in for another. */
  backups() {
    const named = new Set([...this.inputs.values()].flatMap((input) => input.backups));
    return [...this.inputs.values()].filter((input) => named.has(input.id));
  }

  setLink(state, now) {
    if (this.link.state !== state) this.link = { state, since: now };
  }

  setRouter(state, now) {
    this.#tell('router', '');
    if (this.router.state !== state) this.router = { state, since: now };
  }

  /** As `setRouter`, for what came as an answer. */
  setRouterSince(state, mark, now) {
    if (!this.#newer('router', '', mark)) this.setRouter(state, now);
  }

  /** How many outputs show an input now, confirmed. */
  shownOn(input) {
    let n = 0;
    for (const { route, shown } of this.outputs.values()) {
      if (shown === input || (route.state === 'no-signal' && route.input === input)) n += 1;
    }
    return n;
  }

  #tell(kind, id) {
    this.#events += 1;
    this.#told.set(`${kind} ${id}`, this.#events);
  }

  #newer(kind, id, mark) {
    return (this.#told.get(`${kind} ${id}`) ?? 0) > mark;
  }
}

/**
 * What follows from a route and what was known before:
 * `shown`, the input whose picture is on the output as far as the router vouches for it, be it
 * the one asked for or its backup;
 * `pendingSince`, when the take under way was first seen;
 * `confirmedAt`, when a new picture was last confirmed.
 */
function settle(known, route, now) {
  const pending = route.state === 'switching' || route.state === 'waiting';
  let { shown = null, pendingSince = null, confirmedAt = null } = known ?? {};
  const backup = route.standIn?.backup ?? null;
  if (route.state === 'live' || backup) {
    const picture = backup ?? route.input;
    const was = known?.route.state === 'live' || known?.route.standIn?.backup;
    if (known && (shown !== picture || !was)) confirmedAt = now;
    shown = picture;
  } else if (route.state !== 'switching') {
    // Until a switch is made the old picture runs on. In every other state none does.
    shown = null;
  }
  if (!pending) pendingSince = null;
  else if (pendingSince === null || known.route.input !== route.input) pendingSince = now;
  return { route, shown, pendingSince, confirmedAt };
}

/** An answer may overtake the events of the same take; they must not undo it. */
function overtaken(known, route) {
  const pending = route.state === 'switching' || route.state === 'waiting';
  return Boolean(known.answered) && pending && route.take !== null && route.take <= known.take;
}

const array = (value) => (Array.isArray(value) ? value : []);
const text = (value) => (typeof value === 'string' ? value : '');
const time = (value) => (typeof value === 'string' ? Date.parse(value) : Number.NaN);

function readInput(value) {
  if (!text(value?.id)) return null;
  return {
    id: value.id,
    label: text(value.label).trim() || value.id,
    zone: text(value.zone).trim(),
    signal: readSignal(value.signal) ?? { state: 'unknown', since: Number.NaN },
    findings: readFindings(value.findings),
    backups: array(value.backups).filter((id) => text(id)),
    fault: text(value.fault).trim(),
  };
}

function readOutput(value) {
  if (!text(value?.id)) return null;
  return {
    id: value.id,
    label: text(value.label).trim() || value.id,
    zone: text(value.zone).trim(),
    route: readRoute(value.route) ?? readRoute({ state: 'unknown' }),
    fault: text(value.fault).trim(),
    lock: text(value.lock?.owner).trim(),
  };
}

function readSignal(value) {
  if (!SIGNALS.includes(value?.state)) return null;
  return { state: value.state, since: time(value.since) };
}

/** What somebody who looks at the picture has found; nothing where nobody said. */
function readFindings(value) {
  return {
    frozen: time(value?.frozen_since),
    black: time(value?.black_since),
    format: text(value?.found_format).trim(),
  };
}

/** `{backup}`, `{slate: true}`, or null when the input itself is shown. */
function readStandIn(value) {
  if (value === 'slate') return { slate: true, backup: null };
  return text(value?.backup) ? { slate: false, backup: value.backup } : null;
}

function readRoute(value) {
  if (!ROUTES.includes(value?.state)) return null;
  return {
    input: text(value.input) || null,
    state: value.state,
    since: time(value.since),
    take: Number.isFinite(value.take) ? value.take : null,
    standIn: readStandIn(value.stand_in),
  };
}
