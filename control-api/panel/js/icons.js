//! Small line drawings: a meaning never hangs on a colour alone.

const PATHS = {
  tick: 'M4 13l5 5L20 6',
  caution: 'M12 3L22 20H2zM12 9v5M12 17v.2',
  lock: 'M5 11h14v10H5zM8 11V7a4 4 0 0 1 8 0v4',
};
const SVG = 'http://www.w3.org/2000/svg';

/** A drawing, or null where there is none of that name. */
export function icon(name) {
  if (!Object.hasOwn(PATHS, name)) return null;
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('aria-hidden', 'true');
  const path = document.createElementNS(SVG, 'path');
  path.setAttribute('d', PATHS[name]);
  svg.append(path);
  return svg;
}
