/** What two sequences have in common, by their longest common subsequence. */

export interface Difference<T> {
  kind: "same" | "removed" | "added";
  item: T;
}

/** The first sequence turned into the second: its items in order, each kept, removed or added. */
export function difference<T>(before: T[], after: T[], key: (item: T) => unknown): Difference<T>[] {
  const lengths = common(before.map(key), after.map(key));
  const steps: Difference<T>[] = [];
  let [i, j] = [0, 0];
  while (i < before.length || j < after.length) {
    const [one, other] = [before[i], after[j]];
    if (i < before.length && j < after.length && key(one as T) === key(other as T)) {
      steps.push({ kind: "same", item: other as T });
      i += 1;
      j += 1;
    } else if (
      i < before.length &&
      (j === after.length || lengths[i + 1]![j]! >= lengths[i]![j + 1]!)
    ) {
      steps.push({ kind: "removed", item: one as T });
      i += 1;
    } else {
      steps.push({ kind: "added", item: other as T });
      j += 1;
    }
  }
  return steps;
}

/** lengths[i][j]: of the longest common subsequence of before[i..] and after[j..]. */
function common(before: unknown[], after: unknown[]): number[][] {
  const lengths = Array.from({ length: before.length + 1 }, () =>
    new Array<number>(after.length + 1).fill(0),
  );
  for (let i = before.length - 1; i >= 0; i -= 1)
    for (let j = after.length - 1; j >= 0; j -= 1)
      lengths[i]![j] =
        before[i] === after[j]
          ? lengths[i + 1]![j + 1]! + 1
          : Math.max(lengths[i + 1]![j]!, lengths[i]![j + 1]!);
  return lengths;
}
