// What the browser keeps: the latest questions with their answers. Nothing of it is sent anywhere.

const MOST = 100;

export class Store {
  constructor(name) {
    this.key = `self-evolution/history/${name}`;
  }

  // The kept turns, the newest first. A browser may forbid storage, and a value may be broken.
  turns() {
    try {
      const found = JSON.parse(localStorage.getItem(this.key) ?? "[]");
      return Array.isArray(found) ? found.filter((turn) => turn?.question && turn.replies) : [];
    } catch {
      return [];
    }
  }

  add(turn) {
    let turns = [turn, ...this.turns()].slice(0, MOST);
    while (turns.length) {
      try {
        localStorage.setItem(this.key, JSON.stringify(turns));
        return;
      } catch {
        turns = turns.slice(0, Math.floor(turns.length / 2)); // no room for all of them
      }
    }
  }

  clear() {
    try {
      localStorage.removeItem(this.key);
    } catch {
      // Where storage is forbidden, nothing was kept.
    }
  }
}
