//! Fetches stills: at once when one is announced, else every half second while someone looks.
//!
//! A browser opens six connections to a host over HTTP/1.1. Events hold one, and a take must
//! never queue behind a picture, so at most three stills are under way.

import { Ages } from './age.js';

const AT_ONCE = 3;
const EVERY = 500;
/** Announcements count as coming while the last is younger than this. */
const ANNOUNCED = 1500;
const AFTER_FAILURE = 1000;

export class Stills {
  ages = new Ages();
  #pictures = new Map();
  #inputs = new Map();
  #busy = 0;
  #held = false;
  #now;
  #fetch;
  #decode;
  #sends;

  /** `fetch(id)` as `api.still`; `decode(blob)` to an ImageBitmap; `sends(id)` whether an
   *  input may have a still at all. */
  constructor({ now, fetch, decode, sends }) {
    this.#now = now;
    this.#fetch = fetch;
    this.#decode = decode;
    this.#sends = sends;
  }

  /** The inputs there are. */
  setInputs(ids) {
    const there = new Set(ids);
    for (const id of this.#inputs.keys()) if (!there.has(id)) this.#forget(id);
    for (const id of there) {
      this.ages.expect(id, this.#now());
      if (!this.#inputs.has(id)) {
        this.#inputs.set(id, {
          askedAt: Number.NEGATIVE_INFINITY,
          due: 0,
          busy: false,
          wanted: true,
          announcedAt: -ANNOUNCED,
        });
      }
    }
    this.ages.keep((id) => there.has(id));
  }

  /** A new still is there. */
  announce(id) {
    const input = this.#inputs.get(id);
    if (!input) return;
    input.announcedAt = this.#now();
    input.wanted = true;
  }

  /** Starts what is due, the longest not asked for first, so that where time is short each
   *  gets its share; and drops what is too old. Call it often; `hold` stops it
   *  until then. */
  run() {
    this.#held = false;
    this.#start();
    const now = this.#now();
    for (const [id, bitmap] of this.#pictures) {
      if (this.ages.of(id, now) !== 'fresh') {
        bitmap.close();
        this.#pictures.delete(id);
      }
    }
  }

  /** Nobody looks: nothing more is asked for. */
  hold() {
    this.#held = true;
  }

  #start() {
    if (this.#held) return;
    const now = this.#now();
    const due = [...this.#inputs]
      .filter(([id, input]) => !input.busy && isDue(input, now) && this.#sends(id))
      .sort(([, a], [, b]) => a.askedAt - b.askedAt);
    for (const [id, input] of due.slice(0, AT_ONCE - this.#busy)) {
      void this.#get(id, input, now);
    }
  }

  /** The decoded picture of an input, only while it is fresh. */
  picture(id) {
    return this.ages.of(id, this.#now()) === 'fresh' ? (this.#pictures.get(id) ?? null) : null;
  }

  /** Lets go of every picture, as when nobody can be asked. */
  clear() {
    this.#held = true;
    for (const bitmap of this.#pictures.values()) bitmap.close();
    this.#pictures.clear();
    this.ages.clear();
  }

  async #get(id, input, askedAt) {
    this.#busy += 1;
    input.busy = true;
    input.wanted = false;
    input.askedAt = askedAt;
    input.due = askedAt + EVERY;
    const there = () => this.#inputs.get(id) === input;
    try {
      const still = await this.#fetch(id);
      if (!still.blob) throw new Error(`no still: ${still.status}`);
      const bitmap = await this.#decode(still.blob);
      if (there()) {
        this.ages.arrived(id, { etag: still.etag, age: still.age, askedAt });
        this.#pictures.get(id)?.close();
        this.#pictures.set(id, bitmap);
      } else {
        bitmap.close();
      }
    } catch {
      // Missing, too old, unreadable or unanswered: all the same to whoever looks. The last
      // one stays for as long as it is young enough.
      input.due = askedAt + AFTER_FAILURE;
    } finally {
      input.busy = false;
      this.#busy -= 1;
      this.#start();
    }
  }

  #forget(id) {
    this.#inputs.delete(id);
    this.#pictures.get(id)?.close();
    this.#pictures.delete(id);
  }
}

function isDue(input, now) {
  if (input.wanted) return true;
  const announced = now - input.announcedAt < ANNOUNCED;
  return !announced && now >= input.due;
}
