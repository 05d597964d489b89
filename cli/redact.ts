/** Takes passwords out of text that is about to be shown: those in URLs and in `password=` settings. */
export function redact(text: string): string {
  return (
    text
      // A password that should have been escaped may hold slashes: up to the last @ of the word
      .replace(
        /\b((?:postgres|postgresql|rediss?(?:[+-]sentinel)?|sentinel):\/\/)([^\s/:@]*):\S*@/gi,
        '$1$2:***@',
      )
      .replace(/\b([a-z][a-z0-9+.-]*:\/\/)([^\s/?#@:]*):(?!\*\*\*@)[^\s/]*@/gi, '$1$2:***@')
      .replace(/\b((?:sentinel_)?password|passwd|pwd)=[^\s&]+/gi, '$1=***')
  );
}
