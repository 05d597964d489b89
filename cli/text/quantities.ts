const units = ['kB', 'MB', 'GB', 'TB'] as const;

/** `999 B`, `41.3 MB` (powers of 1000). */
export function bytes(count: number): string {
  if (count < 1000) return `${Math.round(count)} B`;
  let value = count;
  let unit: string = 'B';
  for (const next of units) {
    if (value < 999.5) break;
    value /= 1000;
    unit = next;
  }
  return `${value >= 99.95 ? Math.round(value) : value.toFixed(1)} ${unit}`;
}

/** `1,234,567` */
export function count(number: number): string {
  return Math.round(number).toLocaleString('en-US');
}

/** `1 table`, `2,345 tables` */
export function counted(number: number, singular: string, plural = `${singular}s`): string {
  return `${count(number)} ${number === 1 ? singular : plural}`;
}

/** `35 ms`, `4.2 s`, `3 min 05 s`, `2 h 10 min` */
export function duration(milliseconds: number): string {
  if (milliseconds < 999.5) return `${Math.round(milliseconds)} ms`;
  if (milliseconds < 59_950) return `${(milliseconds / 1000).toFixed(1)} s`;
  const seconds = Math.round(milliseconds / 1000);
  const pad = (value: number) => String(value).padStart(2, '0');
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${pad(seconds % 60)} s`;
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)} h ${pad(minutes % 60)} min`;
}

/** `2026-11-23 05:43:00Z` from an ISO 8601 time. */
export function moment(iso: string): string {
  return iso.replace('T', ' ').replace(/\.\d+/, '');
}
