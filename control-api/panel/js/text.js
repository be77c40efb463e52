//! Names are never cut: they wrap, or shrink to a floor, and the bar is made to hold them.

const LINE = 1.18;

/** How a text breaks at this width: `count` lines, at blanks and hyphens, and whether a word
 *  had to be `broken`. `measure(text)` gives a width in the same unit. */
export function lines(text, width, measure) {
  let count = 1;
  let broken = false;
  let line = '';
  for (let word of text.match(/[^\s-]*-+|\S+|\s+/gu) ?? []) {
    if (measure((line + word).trimEnd()) <= width) {
      line += word;
      continue;
    }
    if (!word.trim()) continue;
    if (line.trim()) count += 1;
    while (measure(word.trimEnd()) > width && word.length > 1) {
      broken = true;
      let take = word.length - 1;
      while (take > 1 && measure(word.slice(0, take)) > width) take -= 1;
      word = word.slice(take);
      count += 1;
    }
    line = word;
  }
  return { count, broken };
}

/**
 * The largest size in px, from `max` down to `min`, at which a text fits `width` × `height`
 * with its words whole.
 * `min` is the answer also where it does not: `need` tells the height that would hold it.
 * `measure(text, px)` gives a width in px.
 */
export function fit(text, { width, height, max, min, measure }) {
  for (let px = max; px > min; px -= 1) {
    const { count, broken } = lines(text, width, (part) => measure(part, px));
    if (!broken && heightOf(count, px) <= height) return px;
  }
  return min;
}

/** The height of a row that holds each of these texts: one line of `max` px at least, and as
 *  much as the longest needs at `min` px. */
export function rowHeight(texts, { width, max, min, measure }) {
  const longest = texts.map((text) => need(text, width, min, measure));
  return Math.max(Math.ceil(max * LINE), ...longest);
}

/** The height of a text at this size. */
export function need(text, width, px, measure) {
  return heightOf(lines(text, width, (part) => measure(part, px)).count, px);
}

const heightOf = (count, px) => Math.ceil(count * px * LINE);
