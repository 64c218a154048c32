/** One thing that was looked at, and how it is. */
export interface Check {
  readonly name: string;
  /** `warning`: it works, or others keep it from working; `broken`: vethd cannot do its work. */
  readonly status: 'ok' | 'warning' | 'broken';
  /** One sentence. */
  readonly message: string;
  /** Command lines that mend it; none where nothing is to be mended or nobody knows how. */
  readonly mend: readonly string[];
}
