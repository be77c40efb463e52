//! The page around and under the tiles: sections, the line at the top, and what covers the
//! whole screen when there is nobody to ask.

import { lasting, timeOfDay } from './clock.js';
import { plan, typeFor } from './layout.js';
import { barRows, makeMeasure, widths } from './measure.js';
import { Tile } from './tiles.js';
import { standingIn, switchingTo } from './views.js';

const byId = (id) => document.getElementById(id);
const EMPTY = {
  output: 'No displays yet. A technician adds them with “ormatrix output”.',
  input: 'No sources yet. A technician adds them with “ormatrix input”.',
};
/** What a display's tile may say in place of a source's name. */
const WORDS = ['Nothing', 'Not known'];

export class Screen {
  #tiles = { input: new Map(), output: new Map() };
  #sections = { input: byId('inputs'), output: byId('outputs') };
  #measure = makeMeasure();
  #last = {};

  /** The type has come: measure with it. */
  typeChanged() {
    this.#measure = makeMeasure();
  }

  /** Puts a tile for each input and output, in the order given, and places them. */
  arrange(room) {
    this.#fill('input', [...room.inputs.keys()]);
    this.#fill('output', [...room.outputs.keys()]);
    this.#place(room);
    const zones = new Set([...room.outputs.values()].map((output) => output.zone));
    const zone = zones.size === 1 ? [...zones][0] : '';
    this.#text('title', zone || 'Room view');
    byId('title').dataset.long = String(zone.length > 20);
    document.title = zone || 'Room view';
  }

  tiles(kind) {
    return this.#tiles[kind];
  }

  hint({ kind, text }) {
    this.#text('hint', text);
    this.#set('hint kind', kind, (v) => (byId('hint').dataset.kind = v));
  }

  clock(wallNow) {
    this.#text('clock', timeOfDay(wallNow));
  }

  /** Says something to those who listen to the page. */
  announce(text) {
    byId('announce').textContent = text;
  }

  /** Covers everything, or uncovers it: `link` as in the room. */
  cover(link, now, wallNow) {
    const covered = link.state !== 'up';
    this.#set('covered', covered, (v) => {
      byId('away').hidden = !v;
      byId('room').inert = v;
    });
    if (link.state !== 'away') return;
    this.#words(
      'Control is not connected',
      'The displays keep their pictures without it. Look at the displays themselves: nothing can be seen or switched from here.',
      'Check that ormatrix-control runs and that this panel is on the network. The panel keeps trying and returns by itself.',
    );
    const long = now - link.since;
    this.#text('away-since', `since ${timeOfDay(wallNow - long)} · ${lasting(long)}`);
  }

  /** The panel itself failed: nothing on it may look alive. */
  fault(message) {
    byId('away').hidden = false;
    byId('room').inert = true;
    this.#words(
      'This panel has stopped',
      'The displays keep their pictures. Look at the displays themselves.',
      'Reload it; if it stops again, tell a technician what stands below.',
    );
    this.#text('away-since', message);
    byId('away-reload').hidden = false;
  }

  #words(head, what, todo) {
    byId('away').dataset.mood = 'red';
    this.#text('away-head', head);
    this.#text('away-what', what);
    this.#text('away-do', todo);
  }

  #fill(kind, ids) {
    const tiles = this.#tiles[kind];
    const section = this.#sections[kind];
    const same = ids.length === tiles.size && [...tiles.keys()].every((id, n) => id === ids[n]);
    if (same && ids.length > 0) return;
    const next = new Map(ids.map((id) => [id, tiles.get(id) ?? new Tile(kind, id)]));
    tiles.clear();
    for (const [id, tile] of next) tiles.set(id, tile);
    const empty = document.createElement('p');
    empty.className = 'empty';
    empty.textContent = EMPTY[kind];
    const heading = section.querySelector('h2');
    const shown = ids.length > 0 ? [...next.values()].map((tile) => tile.element) : [empty];
    section.replaceChildren(heading, ...shown);
  }

  #place(room) {
    const area = byId('plan');
    const style = getComputedStyle(area);
    const inputs = [...room.inputs.values()].map((input) => input.label);
    const outputs = [...room.outputs.values()].map((output) => output.label);
    const measure = this.#measure;
    // Room is kept for whatever may come: nothing moves when a backup steps in.
    const backups = room.backups().map((input) => standingIn(input.label));
    const shows = {
      names: [...inputs, ...backups],
      phrases: [...WORDS, ...inputs.map(switchingTo)],
      smalls: outputs,
    };
    const rows = {
      input: memo((width) => barRows('input', width, { names: inputs, phrases: [], smalls: [] }, measure)),
      output: memo((width) => barRows('output', width, shows, measure)),
    };
    const planned = plan({
      width: area.clientWidth - Number.parseFloat(style.paddingLeft) - Number.parseFloat(style.paddingRight),
      height: area.clientHeight - Number.parseFloat(style.paddingTop) - Number.parseFloat(style.paddingBottom),
      outputs: outputs.length,
      inputs: inputs.length,
      outputBar: (width) => rows.output(width).bar,
      inputBar: (width) => rows.input(width).bar,
    });
    area.dataset.beside = String(planned.beside);
    area.dataset.scrolls = String(planned.scrolls);
    for (const kind of ['input', 'output']) {
      const { columns, width, height } = planned[`${kind}s`];
      const bar = rows[kind](width);
      const to = this.#sections[kind].style;
      to.setProperty('--columns', String(columns));
      to.setProperty('--width', `${width}px`);
      to.setProperty('--height', `${height}px`);
      to.setProperty('--main', `${bar.name}px`);
      to.setProperty('--second', `${bar.small}px`);
      to.setProperty('--note', `${bar.note}px`);
      to.setProperty('--who', `${widths(kind, width, bar.stacked).small}px`);
      to.setProperty('--small', `${typeFor(width).small}px`);
      this.#sections[kind].dataset.stacked = String(bar.stacked);
      for (const tile of this.#tiles[kind].values()) tile.place({ width, height, rows: bar }, measure);
    }
  }

  #text(id, text) {
    this.#set(id, text, (v) => (byId(id).textContent = v));
  }

  #set(key, value, apply) {
    if (this.#last[key] === value) return;
    this.#last[key] = value;
    apply(value);
  }
}

function memo(compute) {
  const known = new Map();
  return (key) => {
    if (!known.has(key)) known.set(key, compute(key));
    return known.get(key);
  };
}
