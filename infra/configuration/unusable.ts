/** The configuration, or a file that it names, can't be used; the message says why. */
export class ConfigurationUnusable extends Error {
  override readonly name = 'ConfigurationUnusable';
}
