import { isMasked, type MatrixData } from "../../draw/scene/items";

/** A matrix max-pooled by a factor in both directions; a block is masked where all of it is. */
export function shrink(data: MatrixData, factor: number): MatrixData {
  if (factor <= 1) return data;
  const rows = Math.ceil(data.rows / factor);
  const columns = Math.ceil(data.columns / factor);
  const values = new Float64Array(rows * columns).fill(NaN);
  for (let row = 0; row < data.rows; row += 1) {
    for (let column = 0; column < data.columns; column += 1) {
      if (isMasked(data, row, column)) continue;
      const at = Math.floor(row / factor) * columns + Math.floor(column / factor);
      const value = data.values[row * data.columns + column]!;
      if (!(values[at]! >= value)) values[at] = value;
    }
  }
  return {
    kind: data.kind,
    values,
    rows,
    columns,
    ...(data.max !== undefined && { max: data.max }),
  };
}
