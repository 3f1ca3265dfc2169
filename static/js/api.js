/** Calls to our own HTTP API. */

/** An answer that is no success; `code` is the stable one of the problem document. */
export class ApiError extends Error {
  /** @param {number} status @param {Record<string, any>} problem */
  constructor(status, problem) {
    super(problem.code ?? `http_${status}`);
    this.status = status;
    this.code = /** @type {string} */ (problem.code ?? (status === 0 ? "no_answer" : `http_${status}`));
    this.problem = problem;
  }
}

/**
 * @param {string} method @param {string} path
 * @param {{body?: unknown, token?: string, headers?: Record<string, string>, signal?: AbortSignal}} [options]
 * @returns {Promise<{status: number, etag: string, data: any}>} Rejects with ApiError.
 */
export async function call(method, path, options = {}) {
  /** @type {Record<string, string>} */
  const headers = { Accept: "application/json", ...options.headers };
  if (options.token) headers.Authorization = `Bearer ${options.token}`;
  const csrf = document.documentElement.dataset.csrf;
  if (csrf && method !== "GET") headers["X-CSRF-Token"] = csrf;
  /** @type {RequestInit} */
  const init = { method, headers, signal: options.signal ?? AbortSignal.timeout(10_000) };
  if (options.body !== undefined) {
    headers["Content-Type"] = "application/json";
    init.body = JSON.stringify(options.body);
  }
  let answer;
  try {
    answer = await fetch(path, init);
  } catch {
    throw new ApiError(0, {});
  }
  const kind = answer.headers.get("Content-Type") ?? "";
  const data = kind.includes("json") && answer.status !== 304 ? await answer.json() : null;
  if (!answer.ok && answer.status !== 304) throw new ApiError(answer.status, data ?? {});
  return { status: answer.status, etag: answer.headers.get("ETag") ?? "", data };
}
