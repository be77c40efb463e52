//! One take is two touches: a source and a display, in either order.

/** A selection that nobody uses fades. */
export const FADES_AFTER = 8000;

export class Selection {
  #held = null;

  /** `{kind: "input" | "output", id, at}` or null. */
  get held() {
    return this.#held;
  }

  holds(kind, id) {
    return this.#held?.kind === kind && this.#held.id === id;
  }

  /**
   * A tile is touched. Returns the take this asks for, `{input, output}`, or null: then the
   * tile is held now, or was held and is let go.
   */
  touch(kind, id, now) {
    this.expire(now);
    const held = this.#held;
    if (held && held.kind !== kind) {
      this.#held = null;
      return kind === 'input' ? { input: id, output: held.id } : { input: held.id, output: id };
    }
    this.#held = held?.id === id ? null : { kind, id, at: now };
    return null;
  }

  letGo() {
    this.#held = null;
  }

  /** Lets go of what was held too long. Returns whether it did. */
  expire(now) {
    if (!this.#held || now - this.#held.at < FADES_AFTER) return false;
    this.#held = null;
    return true;
  }

  /** Lets go of what is no longer there. */
  keep(exists) {
    if (this.#held && !exists(this.#held.kind, this.#held.id)) this.#held = null;
  }
}
