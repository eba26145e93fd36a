/** Numbers as text: four significant digits, a decimal point in every language, a true minus. */

export function format(value: number | null, digits = 4): string {
  if (value === null || value === -Infinity) return "−∞";
  if (value === Infinity) return "∞";
  if (Number.isNaN(value)) return "NaN";
  if (value === 0) return "0";
  const size = Math.abs(value);
  const text =
    size >= 10 ** digits || size < 1e-3 ? scientific(value, digits) : value.toPrecision(digits);
  return text.replace("-", "−");
}

function scientific(value: number, digits: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 1e7) return String(value);
  const [mantissa = "", exponent = ""] = value.toExponential(Math.max(0, digits - 2)).split("e");
  return `${mantissa}e${exponent.replace("+", "").replace("-", "−")}`;
}
