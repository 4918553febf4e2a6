// Numbered messages: which of them are here, and what is missing. No page, no socket.

// --8<-- [start:stream]
export class NumberedStream {
  last = null; // nothing up to this number is missing; null before the first page
  #newest = 0;

  // A message by itself. What to show of it, and the number to ask for history before.
  takeOne(message) {
    if (message.number <= this.last) return { show: [], ask: null }; // it came twice
    if (message.number > this.last + 1) return { show: [], ask: message.number + 1 }; // a gap
    this.last = message.number;
    return { show: [message], ask: null };
  }

  // A page of history, oldest first: the first one, an older one, or one that fills a gap.
  takePage(messages) {
    const [oldest, newest] = [messages[0]?.number ?? 0, messages.at(-1)?.number ?? 0];
    this.#newest = Math.max(this.#newest, newest);
    const isGap = this.last !== null && oldest > this.last + 1;
    if (!isGap) this.last = Math.max(this.last ?? 0, this.#newest);
    return { show: messages, ask: isGap ? oldest : null };
  }
}
// --8<-- [end:stream]
