/** A client of Docker's API on a Unix socket, with connections that are kept, as Docker's own clients do. */
import { Agent, request } from 'node:http';

/** Requests to one server. Close it. */
export class DockerClient {
  readonly #socketPath: string;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 256 });

  constructor(socketPath: string) {
    this.#socketPath = socketPath;
  }

  /** Sends a request and gives the answer's text; throws with it when the status is an error's. */
  call(method: string, path: string, body?: unknown): Promise<string> {
    const payload = body === undefined ? undefined : JSON.stringify(body);
    const headers =
      payload === undefined
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
        answer.on('end', () => {
          if ((answer.statusCode ?? 500) < 400) resolve(text);
          else reject(new Error(`${method} ${path}: ${answer.statusCode} ${text}`));
        });
      });
      sent.on('error', reject);
      sent.end(payload);
    });
  }

  /** Closes the connections. */
  close(): void {
    this.#agent.destroy();
  }
}
