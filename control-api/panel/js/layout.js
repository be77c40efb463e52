//! Where tiles stand: as large as their pictures can be, without scrolling where that can be.
//!
//! It depends on how many there are, on their names and on the screen, never on a state:
//! nothing moves by itself.

const GAP = 14;
const BETWEEN = 26;
const HEADING = 30;
/** A picture narrower than this is no use: the page scrolls instead. */
const NARROWEST = 144;
/** A tile may be this much wider or higher than its picture needs, rather than leave gaps. */
const SLACK = 1.3;

/** Sizes of the type in a tile of this width. */
export function typeFor(width) {
  if (width >= 560) return { name: 28, small: 19, head: 34, sub: 20 };
  if (width >= 340) return { name: 24, small: 18, head: 28, sub: 18 };
  if (width >= 240) return { name: 20, small: 16, head: 23, sub: 16 };
  return { name: 18, small: 15, head: 20, sub: 15 };
}

/**
 * Plans the room: `width` × `height` px for `outputs` and `inputs` tiles, whose bars are
 * `outputBar(tileWidth)` and `inputBar(tileWidth)` px high. Returns
 * `{beside, scrolls, outputs, inputs}`, each of the last two
 * `{columns, width, height, bar}` of its tiles.
 */
export function plan({ width, height, outputs, inputs, outputBar, inputBar }) {
  const out = { count: Math.max(1, outputs), bar: outputBar };
  const into = { count: Math.max(1, inputs), bar: inputBar };
  let best = null;
  const offer = (beside, first, second) => {
    if (!first || !second) return;
    // Displays matter more than sources, and are never the smaller pictures.
    const smaller = first.picture < second.picture * 0.95 ? 1 : 0;
    const narrower = first.tile.width < second.tile.width ? 0.15 : 0;
    const score = 1.6 * Math.log(first.picture) + Math.log(second.picture) - smaller - narrower;
    if (!best || score > best.score) best = { score, beside, first, second };
  };
  for (let share = 0.3; share < 0.8; share += 0.025) {
    const across = Math.floor((width - BETWEEN) * share);
    // On an upright screen displays stand above sources.
    if (width > height) {
      offer(true, pack(out, across, height), pack(into, width - BETWEEN - across, height));
    }
    const down = Math.floor((height - BETWEEN) * share);
    offer(false, pack(out, width, down), pack(into, width, height - BETWEEN - down));
  }
  if (best) {
    const { beside, first, second } = best;
    return { beside, scrolls: false, outputs: first.tile, inputs: second.tile };
  }
  return {
    beside: false,
    scrolls: true,
    outputs: scrolled(out, width),
    inputs: scrolled(into, width),
  };
}

/** The best grid of tiles in a section; null when their pictures would be too small. */
function pack({ count, bar }, width, height) {
  let best = null;
  for (let columns = 1; columns <= count; columns += 1) {
    const rows = Math.ceil(count / columns);
    const across = Math.floor((width - GAP * (columns - 1)) / columns);
    const down = Math.floor((height - HEADING - GAP * (rows - 1)) / rows);
    const picture = largest(across, down, bar);
    if (picture < NARROWEST || (best && best.picture >= picture)) continue;
    const tileWidth = Math.min(across, Math.floor(picture * SLACK));
    const barHeight = bar(tileWidth);
    const tileHeight = Math.min(down, Math.floor((picture * 9 * SLACK) / 16) + barHeight);
    best = { picture, tile: { columns, width: tileWidth, height: tileHeight, bar: barHeight } };
  }
  return best;
}

/** The widest 16:9 picture with its bar in a cell. */
function largest(across, down, bar) {
  let width = across;
  while (width > 0 && (width * 9) / 16 + bar(width) > down) width -= 4;
  return width;
}

function scrolled({ count, bar }, width) {
  const columns = Math.max(1, Math.min(count, Math.floor((width + GAP) / (220 + GAP))));
  const across = Math.floor((width - GAP * (columns - 1)) / columns);
  const barHeight = bar(across);
  return { columns, width: across, height: Math.floor((across * 9) / 16) + barHeight, bar: barHeight };
}
