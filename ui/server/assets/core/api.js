// Requests to the API. An error carries the one sentence of its problem+json for the person.

export class Refused extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

// ask sends and returns the decoded answer; null when there is no body. A signal gives it up: it throws an AbortError.
export async function ask(method, path, body, signal) {
  const options = { method, signal, headers: { Accept: "application/json" } };
  if (body !== undefined) {
    options.body = JSON.stringify(body);
    options.headers["Content-Type"] = "application/json";
  }
  const answer = await fetch(`/api/v1${path}`, options);
  const text = await answer.text();
  let value = null;
  try {
    value = text === "" ? null : JSON.parse(text);
  } catch {
    throw new Refused(answer.status, `${answer.status} ${answer.statusText}`);
  }
  if (!answer.ok) throw new Refused(answer.status, value?.detail ?? `${answer.status} ${answer.statusText}`);
  return value;
}

export const get = (path, signal) => ask("GET", path, undefined, signal);
export const post = (path, body) => ask("POST", path, body ?? {});
export const put = (path, body) => ask("PUT", path, body);
export const remove = (path) => ask("DELETE", path);
