/** Lines of columns padded to their widest cell; the last column is not padded. */
export const table = (rows: readonly (readonly string[])[], indent = '  '): string => {
  const columns = Math.max(0, ...rows.map((row) => row.length))
  const widths = Array.from({ length: columns }, (_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows
    .map(
      (row) => `${indent}${row.map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0))).join('  ')}\n`,
    )
    .join('')
}

/** Bytes for people: `1.5 MiB`. */
export const bytesText = (bytes: number): string => {
  if (bytes < 1024) return `${bytes} B`
  const units = ['KiB', 'MiB', 'GiB', 'TiB']
  const power = Math.min(units.length, Math.floor(Math.log2(bytes) / 10))
  return `${(bytes / 1024 ** power).toFixed(1)} ${units[power - 1] ?? ''}`
}

/** A count for people: `1.2 G`. */
export const countText = (count: number): string => {
  const units = ['', ' k', ' M', ' G', ' T']
  const power = count < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(count) / 3))
  return power === 0 ? String(count) : `${(count / 1000 ** power).toFixed(1)}${units[power] ?? ''}`
}
