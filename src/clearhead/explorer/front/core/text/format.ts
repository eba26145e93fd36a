/** Numbers as text: four significant digits, a decimal point in every language, a true minus. */

export function format(value: number | null, digits = 4): string {
  if (value === null || value === -Infinity) return "−∞";
  if (value === Infinity) return "∞";
  if (Number.isNaN(value)) return "NaN";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e7) return String(value).replace("-", "−");
  if (size >= 1e-3 && size < 10 ** Math.max(digits, 6)) {
    // Rounding may not lose digits before the point: 12345.6 in four digits is 12346.
    const whole = Math.floor(Math.log10(size)) + 1;
    return value.toPrecision(Math.max(digits, whole)).replace("-", "−");
  }
  return scientific(value, digits);
}

/** All digits that a float64 has: reading them gives the same number. */
export function exact(value: number | null): string {
  if (value === null || value === -Infinity) return "−∞";
  return String(value).replaceAll("-", "−");
}

/** How many, with a thin space at the thousands: no language reads it as a decimal point. */
export function count(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, "\u202f");
}

/** Four significant digits without zeros at the end, as JavaScript writes them. */
export function shortNumber(value: number): string {
  return String(Number(value.toPrecision(4)));
}

/** Four significant digits, and more zeros rather than an exponent where there is room. */
export function plainDecimal(value: number): string {
  if (value === 0) return "0";
  const text =
    Math.abs(value) >= 1e-4 ? String(Number(value.toPrecision(4))) : value.toExponential(3);
  return text.replaceAll("-", "−");
}

function scientific(value: number, digits: number): string {
  const [mantissa = "", exponent = ""] = value.toExponential(digits - 1).split("e");
  return `${mantissa}e${exponent.replace("+", "")}`.replaceAll("-", "−");
}
