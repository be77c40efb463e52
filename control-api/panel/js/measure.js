//! Widths of texts in the panel's type, and the bars that follow from them.

import { lines, rowHeight } from './text.js';
import { typeFor } from './layout.js';

/** Smallest sizes a person reads at arm's length. */
export const FLOOR = { name: 14, small: 13, phrase: 12, over: 12 };
/** Inside of a tile, as in panel.css. */
export const BORDER = 3;
export const PAD = { x: 12, y: 9, between: 2 };
const BEAT = 24;
/** Room for the word at the right of a display's name, in its type size. */
const NOTE = 6.2;

function measurer(weight) {
  const context = document.createElement('canvas').getContext('2d');
  const at = 50;
  context.font = `${weight} ${at}px B612, sans-serif`;
  const known = new Map();
  return (text, px) => {
    let width = known.get(text);
    if (width === undefined) {
      // Some more than measured: hinting differs from size to size.
      width = (context.measureText(text).width / at) * 1.03;
      if (known.size > 5000) known.clear();
      known.set(text, width);
    }
    return width * px;
  };
}

/** `{regular, bold}`, each `(text, px) => px`. Make them when the type is loaded. */
export const makeMeasure = () => ({ regular: measurer(400), bold: measurer(700) });

/** Widths of the texts in a tile's bar; `stacked` when a display's name and the word beside
 *  it stand in two lines. */
export function widths(kind, tileWidth, stacked) {
  const inside = tileWidth - 2 * BORDER - 2 * PAD.x;
  const { small } = typeFor(tileWidth);
  return kind === 'input'
    ? { name: inside - BEAT, small: inside }
    : { name: inside, small: inside - BEAT - (stacked ? 0 : Math.ceil(NOTE * small)) };
}

/** The rows of a tile's bar, made for these `{names, phrases, smalls}`: heights `{name, small, note, bar}` in px,
 *  `note` 0 unless `stacked`. */
export function barRows(kind, tileWidth, { names, phrases, smalls }, measure) {
  const type = typeFor(tileWidth);
  const beside = widths(kind, tileWidth, false);
  const tight = (text) => {
    const { count, broken } = lines(text, beside.small, (part) => measure.regular(part, FLOOR.small));
    return broken || count > 2;
  };
  const stacked = smalls.some(tight);
  const width = widths(kind, tileWidth, stacked);
  const main = { width: width.name, max: type.name };
  const name = Math.max(
    rowHeight(names, { ...main, min: FLOOR.name, measure: measure.bold }),
    rowHeight(phrases, { ...main, min: FLOOR.phrase, measure: measure.regular }),
  );
  const small = Math.max(
    Math.ceil(type.small * (stacked ? 1.2 : 1.5)),
    rowHeight(smalls, { width: width.small, max: type.small, min: FLOOR.small, measure: measure.regular }),
  );
  const note = stacked ? Math.ceil(type.small * 1.5) : 0;
  return { name, small, note, stacked, bar: name + small + note + 2 * PAD.y + PAD.between };
}
