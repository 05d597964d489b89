/** One column: numbers stand to the right. */
export interface Column {
  readonly title: string;
  readonly right?: boolean;
}

/** Lines of an aligned table, title line first; columns stand two spaces apart. */
export function tableLines(columns: readonly Column[], rows: readonly (readonly string[])[]): string[] {
  const titles = columns.map((column) => column.title);
  const lines = titles.some(Boolean) ? [titles, ...rows] : rows;
  const widths = columns.map((_, index) => Math.max(0, ...lines.map((line) => widthOf(line[index] ?? ''))));
  return lines.map((line) =>
    columns
      .map((column, index) => {
        const cell = line[index] ?? '';
        const space = ' '.repeat((widths[index] ?? 0) - widthOf(cell));
        return column.right ? space + cell : cell + space;
      })
      .join('  ')
      .trimEnd(),
  );
}

function widthOf(text: string): number {
  return [...text].length;
}
