// Figures: each with three digits that matter and a unit a person reads.
const grouped = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
export const whole = (n) => grouped.format(n).replaceAll(',', '\u202f');
const short = (n, unit) => `${n >= 100 ? Math.round(n) : n.toPrecision(n >= 10 ? 3 : 2)} ${unit}`;
export const micros = (us) => us <= 0 ? '–' : us < 1000 ? short(us, 'µs') : us < 1e6 ? short(us / 1e3, 'ms') : short(us / 1e6, 's');
export const bytes = (n) => {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let i = 0;
  for (; n >= 1024 && i < units.length - 1; i++) n /= 1024;
  return i ? short(n, units[i]) : `${n} B`;
};
