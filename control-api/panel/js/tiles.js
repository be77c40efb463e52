//! One tile: a button with a picture, words where there is none, and a bar below.
//!
//! Only what changed is touched. Texts from outside go in as text, never as markup.

import { icon } from './icons.js';
import { BORDER, FLOOR, widths } from './measure.js';
import { typeFor } from './layout.js';
import { fit, need } from './text.js';

function part(tag, name, ...children) {
  const element = document.createElement(tag);
  element.className = name;
  element.append(...children);
  return element;
}

export class Tile {
  #kind;
  #canvas = part('canvas', 'picture');
  #head = part('b', 'head');
  #sub = part('span', 'sub');
  #beat = part('span', 'beat', part('i', ''));
  #name = part('span', 'name');
  #small = part('span', 'who');
  #note = part('span', 'note');
  #glass = part('span', 'glass', this.#canvas, part('span', 'over', this.#head, this.#sub));
  #bitmap = null;
  #last = {};
  #size = null;

  constructor(kind, id) {
    this.#kind = kind;
    this.id = id;
    const first = kind === 'input' ? [this.#beat, this.#name] : [this.#name];
    const second = kind === 'input' ? [this.#note] : [this.#beat, this.#small, this.#note];
    this.element = part(
      'button',
      'tile',
      this.#glass,
      part('span', 'bar', part('span', 'row main', ...first), part('span', 'row second', ...second)),
    );
    this.element.type = 'button';
    this.element.dataset.kind = kind;
    this.element.dataset.id = id;
    this.#canvas.hidden = true;
  }

  /** The tile's place is `size`, `{width, height, rows}`; `measure` measures its texts. */
  place(size, measure) {
    this.#size = { ...size, measure };
    this.#last = {};
  }

  /** Shows what a view says, with the decoded picture if it has one. */
  show(view, bitmap, beats) {
    // Words first: a picture that may not be shown any more goes before anything else.
    const picture = view.mood === 'picture' ? bitmap : null;
    this.#draw(picture);
    const mood = view.mood === 'picture' && !picture ? 'plain' : view.mood;
    this.#set('mood', mood, (v) => (this.element.dataset.mood = v));
    this.#set('selected', view.selected, (v) => {
      this.element.setAttribute('aria-pressed', String(v));
    });
    this.#set('target', view.target, (v) => this.element.classList.toggle('target', v));
    this.#set('spoken', view.spoken, (v) => this.element.setAttribute('aria-label', v));
    this.#set('over', `${view.head}\n${view.sub}`, () => this.#words(view.head, view.sub));
    const live = Boolean(picture);
    this.#set('live', live, (v) => this.#beat.classList.toggle('live', v));
    if (live) this.#set('beats', beats % 2, (v) => this.#beat.classList.toggle('odd', v === 1));
    const lead = this.#kind === 'input' ? view.name : view.shows;
    const sure = this.#kind === 'input' || view.sure;
    this.#set('lead', `${sure}${lead}`, () => {
      this.#name.classList.toggle('unsure', !sure);
      this.#text(this.#name, lead, 'name', sure ? 'bold' : 'regular', sure ? FLOOR.name : FLOOR.phrase);
    });
    if (this.#kind === 'output') {
      this.#set('small', view.name, (v) => this.#text(this.#small, v, 'small', 'regular', FLOOR.small));
    }
    this.#set('note', `${view.note.kind} ${view.note.text}`, () => this.#mark(view.note));
  }

  #set(key, value, apply) {
    if (this.#last[key] === value) return;
    this.#last[key] = value;
    apply(value);
  }

  #draw(bitmap) {
    if (this.#bitmap === bitmap) return;
    this.#bitmap = bitmap;
    const canvas = this.#canvas;
    canvas.hidden = bitmap === null;
    if (!bitmap) {
      // Setting a size empties the canvas: nothing old is left under what comes next.
      canvas.width = 1;
      return;
    }
    if (canvas.width !== bitmap.width || canvas.height !== bitmap.height) {
      canvas.width = bitmap.width;
      canvas.height = bitmap.height;
    }
    canvas.getContext('2d', { alpha: false }).drawImage(bitmap, 0, 0);
  }

  #words(head, sub) {
    this.#head.textContent = head;
    this.#sub.textContent = sub;
    if (!this.#size || !head) return;
    const { width: full, height, rows, measure } = this.#size;
    const type = typeFor(full);
    const width = full - 2 * BORDER - 24;
    const room = height - 2 * BORDER - rows.bar - 14;
    const headPx = fit(head, {
      width, height: room * 0.45, max: type.head, min: FLOOR.over, measure: measure.bold,
    });
    const left = room - need(head, width, headPx, measure.bold) - 6;
    const subPx = fit(sub, {
      width, height: left, max: type.sub, min: FLOOR.over, measure: measure.regular,
    });
    this.#head.style.fontSize = `${headPx}px`;
    this.#sub.style.fontSize = `${subPx}px`;
  }

  #text(element, text, row, weight, min) {
    element.textContent = text;
    if (!this.#size) return;
    const { width, rows, measure } = this.#size;
    const px = fit(text, {
      width: widths(this.#kind, width, rows.stacked)[row],
      height: rows[row],
      max: typeFor(width)[row],
      min,
      measure: measure[weight],
    });
    element.style.fontSize = `${px}px`;
  }

  #mark({ kind, text }) {
    this.#note.dataset.kind = kind;
    const drawing = icon(kind);
    const words = document.createElement('span');
    // The tick says it all; its word is for those who listen.
    words.className = kind === 'tick' ? 'unseen' : '';
    words.textContent = text;
    this.#note.replaceChildren(...(drawing ? [drawing] : []), words);
  }
}
