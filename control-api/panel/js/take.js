//! What was asked of each output and not yet answered, or refused. The newest take counts.

import { CONFIRM_WITHIN } from './room.js';

/** How long a refusal stays on its tile. */
export const REFUSAL_STAYS = 8000;

export class Takes {
  #serial = 0;
  #takes = new Map();

  /** A take is sent. Returns its number, for its answer. */
  start(output, input, now) {
    this.#serial += 1;
    this.#takes.set(output, { serial: this.#serial, input, at: now, refusal: null });
    return this.#serial;
  }

  /** The take was accepted: what the router tells of the route counts from here. */
  accept(output, serial) {
    if (this.#takes.get(output)?.serial === serial) this.#takes.delete(output);
  }

  /** The take was not done (`unchanged`), or nobody knows. Returns whether anyone still waits for it. */
  refuse(output, serial, { title, detail, unchanged }, now) {
    const take = this.#takes.get(output);
    if (take?.serial !== serial) return false;
    take.refusal = { title, detail, unchanged, at: now };
    return true;
  }

  /** The router confirmed this input on this output. */
  confirm(output, input) {
    if (this.#takes.get(output)?.input === input) this.#takes.delete(output);
  }

  /** A refusal was read. */
  dismiss(output) {
    if (this.#takes.get(output)?.refusal) this.#takes.delete(output);
  }

  /** `{input, phase: "asked" | "late" | "refused"}`, or null; refused with `title`, `detail` and
   *  whether the display is sure to be `unchanged`. */
  of(output, now) {
    const take = this.#takes.get(output);
    if (!take) return null;
    const { input, refusal } = take;
    if (!refusal) return { input, phase: now - take.at < CONFIRM_WITHIN ? 'asked' : 'late' };
    if (now - refusal.at >= REFUSAL_STAYS) {
      this.#takes.delete(output);
      return null;
    }
    const { title, detail, unchanged } = refusal;
    return { input, phase: 'refused', title, detail, unchanged };
  }

  clear() {
    this.#takes.clear();
  }
}
