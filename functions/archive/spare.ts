/**
 * Things that cost much to make and are used again, by whoever in this process needs one next. More than a few are not
 * kept: they are memory that nothing else can have.
 */
export class Spare<Thing> {
  readonly #make: () => Thing;
  readonly #end: (thing: Thing) => void;
  readonly #most: number;
  readonly #things: Thing[] = [];

  /** @param end what becomes of those that are not kept */
  constructor(most: number, make: () => Thing, end: (thing: Thing) => void) {
    this.#most = most;
    this.#make = make;
    this.#end = end;
  }

  take(): Thing {
    return this.#things.pop() ?? this.#make();
  }

  /** Nobody may use it any more. */
  giveBack(thing: Thing): void {
    if (this.#things.length < this.#most) this.#things.push(thing);
    else this.#end(thing);
  }
}
