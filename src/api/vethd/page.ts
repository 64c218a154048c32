/** The page of /docs: every route on one page, without a script, a picture or anything from elsewhere. */

interface Operation {
  readonly summary?: string;
  readonly description?: string;
}

/** As much of an OpenAPI document as the page shows. */
export interface ShownDocument {
  readonly info?: { readonly title?: string; readonly version?: string; readonly description?: string };
  readonly paths?: Readonly<Record<string, object | undefined>>;
}

const METHODS: readonly string[] = ['get', 'head', 'post', 'patch', 'delete'];

const STYLE =
  'body{font:16px/1.5 sans-serif;max-width:60em;margin:2em auto;padding:0 1em}code{white-space:nowrap}' +
  'td{padding:.2em 1em .2em 0;vertical-align:top}small{color:#555}p{white-space:pre-line}';

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function isOperation(value: unknown): value is Operation {
  return typeof value === 'object' && value !== null;
}

function toRow(path: string, method: string, { summary = '', description = '' }: Operation): string {
  const more = description === '' ? '' : `<br><small>${escapeHtml(description)}</small>`;
  return `<tr><td><code>${method.toUpperCase()} ${escapeHtml(path)}</code></td><td>${escapeHtml(summary)}${more}</td></tr>`;
}

/** The page for a document. */
export function toPage({ info = {}, paths = {} }: ShownDocument): string {
  const rows = Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations ?? {})
      .filter(([method]) => METHODS.includes(method))
      .map(([method, operation]) => (isOperation(operation) ? toRow(path, method, operation) : '')),
  );
  const title = escapeHtml(`${info.title ?? ''} ${info.version ?? ''}`);
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${title}</title><style>${STYLE}</style></head>
<body><h1>${title}</h1><p>${escapeHtml(info.description ?? '')}</p>
<p>Bodies, answers and examples: <a href="openapi.json">openapi.json</a></p>
<table>
${rows.join('\n')}
</table></body></html>
`;
}
