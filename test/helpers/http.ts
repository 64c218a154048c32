/** HTTP over a Unix socket, without a client library that could hide anything. */
import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';

/** An answer, whatever its status. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Decoded where it is JSON, otherwise the text; `''` for an empty body. */
  // biome-ignore lint/suspicious/noExplicitAny: tests reach into answers whose shape they are about to assert
  readonly body: any;
}

/** A request's extras. */
export interface RequestOptions {
  /** Sent as JSON; a string is sent as it is. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
  /** The answer is a JSON text on each line (a stream of events): gives them as an array, unless it is an error. */
  readonly lines?: boolean;
}

/** Sends one request to the server at `socketPath`. Rejects when there is no answer at all. */
export function request(
  socketPath: string,
  method: string,
  path: string,
  options: RequestOptions = {},
): Promise<Answer> {
  const payload = encodeBody(options.body);
  const headers = {
    ...(payload === undefined ? {} : { 'Content-Type': 'application/json' }),
    ...options.headers,
  };
  return new Promise((resolve, reject) => {
    const sent = httpRequest({ socketPath, method, path, headers, agent: false }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('error', reject);
      answer.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        try {
          resolve(decodeAnswer(answer, text, options));
        } catch (error) {
          reject(new Error(`${method} ${path}: ${text}`, { cause: error }));
        }
      });
    });
    sent.setTimeout(options.timeoutMs ?? 30_000, () =>
      sent.destroy(new Error(`${method} ${path}: no answer`)),
    );
    sent.on('error', reject);
    sent.end(payload);
  });
}

function decodeAnswer(answer: IncomingMessage, text: string, options: RequestOptions): Answer {
  const { statusCode: status = 0, headers } = answer;
  return {
    status,
    headers,
    body: options.lines && status === 200 ? decodeLines(text) : decodeBody(text, headers),
  };
}

function encodeBody(body: unknown): string | undefined {
  if (body === undefined) return undefined;
  return typeof body === 'string' ? body : JSON.stringify(body);
}

function decodeBody(text: string, headers: IncomingHttpHeaders): unknown {
  const isJson = headers['content-type']?.startsWith('application/json') ?? false;
  return isJson && text !== '' ? JSON.parse(text) : text;
}

function decodeLines(text: string): readonly unknown[] {
  const lines = text.split('\n').filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line));
}
