/** A client of Docker's API on a Unix socket, with connections that are kept, as Docker's own clients do. */
import { Agent, request } from 'node:http';
import { type Answer, BlockingClient } from './blocking-client.ts';

let isBlocking = false;

/** For questions that have one request on its way at a time: clients made from now on take no time of their own. */
export function callOneAtATime(): void {
  isBlocking = true;
}

/** Requests to one server. Close it. */
export class DockerClient {
  readonly #socketPath: string;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 256 });
  readonly #isBlocking = isBlocking;
  #connection: BlockingClient | undefined;

  constructor(socketPath: string) {
    this.#socketPath = socketPath;
  }

  /** Sends a request and gives the answer's text; throws with it when the status is an error's. */
  async call(method: string, path: string, body?: unknown): Promise<string> {
    const payload = body === undefined ? '' : JSON.stringify(body);
    const answer = this.#isBlocking
      ? this.#connected().call(method, path, payload)
      : await this.#request(method, path, payload);
    if (answer.status >= 400) throw new Error(`${method} ${path}: ${answer.status} ${answer.body}`);
    return answer.body;
  }

  #connected(): BlockingClient {
    this.#connection ??= new BlockingClient(this.#socketPath);
    return this.#connection;
  }

  #request(method: string, path: string, payload: string): Promise<Answer> {
    const headers =
      payload === ''
        ? {}
        : { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(payload) };
    const options = { socketPath: this.#socketPath, agent: this.#agent, method, path, headers };
    return new Promise((resolve, reject) => {
      const sent = request(options, (answer) => {
        let text = '';
        answer.setEncoding('utf8');
        answer.on('data', (part: string) => {
          text += part;
        });
        answer.on('error', reject);
        answer.on('end', () => resolve({ status: answer.statusCode ?? 500, body: text }));
      });
      sent.on('error', reject);
      sent.end(payload);
    });
  }

  /** Closes the connections. */
  close(): void {
    this.#agent.destroy();
    this.#connection?.close();
  }
}
