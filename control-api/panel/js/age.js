//! How old each input's still is. A still that may be older than two seconds is not shown:
//! what is stale must never look live.

/** The oldest a picture on this panel may be, in ms. */
export const OLDEST = 2000;

export class Ages {
  #stills = new Map();
  #expected = new Map();

  /** A still may come: there is an input. */
  expect(id, now) {
    if (!this.#expected.has(id)) this.#expected.set(id, now);
  }

  /**
   * A still came. `askedAt` is when it was asked for and `age` its age in whole seconds as
   * the server counted, so it was taken before `askedAt - age`, rounded in its favour by
   * less than a second. Returns whether it is another still than the last.
   */
  arrived(id, { etag, age, askedAt }) {
    const last = this.#stills.get(id);
    const same = Boolean(last && etag && last.etag === etag);
    let takenAt = askedAt - age * 1000;
    // The rounding must not make the same still younger each time it is asked for.
    if (same) takenAt = Math.min(takenAt, last.takenAt);
    const beats = (last?.beats ?? 0) + (same ? 0 : 1);
    this.#stills.set(id, { etag, takenAt, beats });
    return !same;
  }

  /** Starts again from nothing. */
  clear() {
    this.#stills.clear();
    this.#expected.clear();
  }

  /** `fresh`, `stale` (there was one), `soon` (the first may yet come) or `none`. */
  of(id, now) {
    const still = this.#stills.get(id);
    if (!still) return now - this.#expected.get(id) <= OLDEST ? 'soon' : 'none';
    return now - still.takenAt <= OLDEST ? 'fresh' : 'stale';
  }

  /** Counts the different stills of an input. */
  beats(id) {
    return this.#stills.get(id)?.beats ?? 0;
  }

  /** Forgets inputs that are gone. */
  keep(exists) {
    for (const known of [this.#stills, this.#expected]) {
      for (const id of known.keys()) if (!exists(id)) known.delete(id);
    }
  }
}
