// The tokens of a client without a cookie: obtained by name and password, renewed in time.
//
//   const credentials = new Credentials();
//   await credentials.obtain("ada", "…");
//   credentials.addEventListener("renewed", () => send(credentials.access));
//   new ReconnectingSocket({ connect: async () => ({ …, await credentials.ticket() }),
//                            renew: () => credentials.refresh() });
//
// Events: obtained, renewed, ended (logged out, here or by the server).

const BEFORE = 30_000; // milliseconds before the expiry, or a third of the token's life if shorter
const AGAIN = 5_000; // after the server could not be reached

// The server has an answer, and it is no.
export class Refused extends Error {
  isFinal = true; // for ReconnectingSocket
}

async function post(path, body, token) {
  const headers = { "Content-Type": "application/json" };
  if (token) headers.Authorization = `Bearer ${token}`;
  const options = { method: "POST", headers, body: JSON.stringify(body), credentials: "omit" };
  const answer = await fetch(path, options);
  const said = answer.status === 204 ? {} : await answer.json().catch(() => ({}));
  if (answer.ok) return said;
  const reason = said.detail ?? "the server refused";
  const isLater = answer.status >= 500 || answer.status === 429;
  throw isLater ? new Error(reason) : new Refused(reason);
}

function timesOf(token) {
  const payload = token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
  return JSON.parse(atob(payload)); // only looked at: to believe it is the server's business
}

export class Credentials extends EventTarget {
  // In memory only: a script that ever gets to run on this page could read localStorage at any
  // time after, and the refresh token in it is good for a day.
  access = null;
  #refresh = null;
  #expires = 0; // on this machine's clock, which may differ from the server's
  #ahead = 0; // ms that it is ahead of the server's
  #timer = null;
  #flight = null; // the one request with the refresh token that is under way
  isKept = true; // renewed in time; false: let it expire

  async obtain(username, password) {
    this.#take(await post("/api/token/", { username, password }), "obtained");
  }

  get left() {
    return this.access ? Math.max(0, this.#expires - Date.now()) : 0;
  }

  // --8<-- [start:refresh]
  // One at a time: a refresh token is good once, and the second to come with it is refused.
  refresh() {
    this.#flight ??= this.#askRefresh().finally(() => (this.#flight = null));
    return this.#flight;
  }

  async #askRefresh() {
    const spent = this.#refresh;
    if (!spent) throw new Refused("logged out");
    try {
      const fresh = await post("/api/token/refresh/", { refresh: spent });
      if (this.#refresh === spent) this.#take(fresh, "renewed"); // else somebody logged in meanwhile
    } catch (problem) {
      if (problem instanceof Refused && this.#refresh === spent) this.#forget();
      throw problem;
    }
  }
  // --8<-- [end:refresh]

  // A ticket opens one socket: ask for one at each connection.
  async ticket() {
    if (this.isKept && this.left < 1_000) await this.refresh();
    return (await post("/api/ws-ticket/", {}, this.access)).ticket;
  }

  // Renew in time from now on, or no more.
  keep(isKept) {
    this.isKept = isKept;
    this.#plan();
  }

  async logOut() {
    while (this.#flight) await this.#flight.catch(() => {}); // the token it spends would be refused
    this.#flight = this.#askLogOut().finally(() => (this.#flight = null));
    return this.#flight;
  }

  // The tokens are kept until the server has ended them: else a failure could not be tried again.
  async #askLogOut() {
    const refresh = this.#refresh;
    if (!refresh) return;
    await post("/api/logout/", { refresh }).catch((problem) => {
      if (!(problem instanceof Refused)) throw problem; // else they have ended already
    });
    if (this.#refresh === refresh) this.#forget(); // else somebody logged in meanwhile
  }

  #take({ access, refresh }, event) {
    [this.access, this.#refresh] = [access, refresh];
    const { iat, exp } = timesOf(access);
    if (event === "obtained") this.#ahead = Date.now() - iat * 1_000 - 1_000; // iat is rounded down
    this.#expires = exp * 1_000 + this.#ahead;
    this.#plan();
    this.dispatchEvent(new Event(event));
  }

  #plan(wait = this.left - Math.min(BEFORE, this.left / 3)) {
    clearTimeout(this.#timer);
    if (!this.isKept || !this.#refresh) return;
    this.#timer = setTimeout(() => this.refresh().catch(() => this.#plan(AGAIN)), wait);
  }

  #forget() {
    [this.access, this.#refresh] = [null, null];
    clearTimeout(this.#timer);
    this.dispatchEvent(new Event("ended"));
  }
}
