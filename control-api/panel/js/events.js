//! The stream of server-sent events, opened again for as long as it takes.
//!
//! Every new connection begins with a `reset`, so that nothing is built upon events missed.

const NAMES = ['route', 'signal', 'inventory', 'router', 'still', 'reset'];
const AGAIN_AFTER = 1000;
/** A connection that has not opened by then is given up. */
const OPEN_WITHIN = 4000;

export class Events {
  #source = null;
  #timer = 0;
  #told;

  /** `told` has `onEvent(name, data)`, `onOpen()` and `onDown()`. */
  constructor(told) {
    this.#told = told;
  }

  /** Opens the stream; an open one is dropped and opened anew. */
  open() {
    this.#end();
    const source = new EventSource('/api/v1/events');
    this.#source = source;
    const mine = (then) => (event) => {
      if (this.#source === source) then(event);
    };
    this.#timer = setTimeout(mine(() => this.again()), OPEN_WITHIN);
    source.onopen = mine(() => {
      clearTimeout(this.#timer);
      this.#told.onOpen();
    });
    source.onerror = mine(() => this.again());
    for (const name of NAMES) {
      source.addEventListener(name, mine((event) => this.#told.onEvent(name, parse(event.data))));
    }
  }

  /** Gives up the connection, says so, and tries again in a second. */
  again() {
    this.#end();
    this.#told.onDown();
    this.#timer = setTimeout(() => this.open(), AGAIN_AFTER);
  }

  #end() {
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = null;
  }
}

function parse(data) {
  try {
    return JSON.parse(data);
  } catch {
    return null;
  }
}
