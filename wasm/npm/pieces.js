// What a restore tells, in the order of the disk. Data comes in order; zeros come as soon as they are known, so they wait for what lies before.

export class Pieces {
  #early = new Map(); // offset -> piece
  #ready = [];
  #at = 0;
  #lost = [];

  data(offset, bytes) {
    this.#put({ offset, length: bytes.length, bytes: bytes.slice() });
  }

  zero(offset, length) {
    this.#put({ offset, length, bytes: null });
  }

  /** The zeros told last are none: that range cannot be read. */
  lose(offset) {
    const piece = this.#early.get(offset) ?? this.#ready.findLast((piece) => piece.offset === offset);
    piece.lost = true;
    this.#lost.push({ offset, length: piece.length });
  }

  /** What could not be read so far. */
  get lost() {
    return this.#lost;
  }

  /** Bytes that wait to be taken. */
  get held() {
    return this.#ready.reduce((sum, { bytes }) => sum + (bytes?.length ?? 0), 0);
  }

  /** Takes what is ready. */
  take() {
    const ready = this.#ready;
    this.#ready = [];
    return ready;
  }

  #put(piece) {
    this.#early.set(piece.offset, piece);
    for (let next; (next = this.#early.get(this.#at)); ) {
      this.#early.delete(this.#at);
      this.#ready.push(next);
      this.#at += next.length;
    }
  }
}
