//! Time as the panel counts it, and as it writes it.
//!
//! A browser's monotonic clock may stop while the machine sleeps; the wall clock may be set.
//! A picture's age must count both: after a sleep everything on the screen is old.

/** Milliseconds that never go back and do not stop in a machine's sleep. */
export class Clock {
  #mono;
  #wall;
  #last;
  #now = 0;

  constructor(mono = () => performance.now(), wall = () => Date.now()) {
    this.#mono = mono;
    this.#wall = wall;
    this.#last = { mono: mono(), wall: wall() };
  }

  /** Milliseconds since this clock was made. */
  now() {
    const mono = this.#mono();
    const wall = this.#wall();
    this.#now += Math.max(0, mono - this.#last.mono, wall - this.#last.wall);
    this.#last = { mono, wall };
    return this.#now;
  }
}

const two = (n) => String(n).padStart(2, '0');

/** A time of day, `14:31:55`; empty for what is no time. */
export function timeOfDay(unixMs) {
  const date = new Date(unixMs);
  if (Number.isNaN(date.getTime())) return '';
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** A length of time in words, `12 s`, `4 min`, `3 h`, `2 days`. */
export function lasting(ms) {
  const s = Math.max(0, Math.floor(ms / 1000));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min`;
  if (s < 48 * 3600) return `${Math.floor(s / 3600)} h`;
  return `${Math.floor(s / 86400)} days`;
}
